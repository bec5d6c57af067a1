"""RenderContent: what a picture or page of an explanation shows."""

from __future__ import annotations

from dataclasses import dataclass

from kgrec.explain.explained_path import ExplainedPath


@dataclass(frozen=True)
class RenderContent:
    """Paths to one item, with the texts around them.

    ``summary`` is the line below the title; ``reasons`` say why there are no paths.
    """

    title: str
    summary: str
    item_id: str
    item_name: str
    paths: tuple[ExplainedPath, ...]
    reasons: tuple[str, ...]
