"""Explanation: what a score is made of, as values, table, text, JSON and picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kgrec.explain.influence import Influence
from kgrec.paths.cypher import Parameter

if TYPE_CHECKING:
    import networkx as nx

INFLUENCES = 10
FRAME_COLUMNS = (
    "rank",
    "kind",
    "contribution",
    "share",
    "confidence",
    "hops",
    "people",
    "sentence",
    "path",
    "cypher",
)
Node = tuple[str, str, str]  # label, id, name ("" where it has none)


@dataclass(frozen=True)
class ExplainedPath:
    """One way in which the history moved the score.

    ``nodes`` are (label, id, name), the user first; ``relations[i]`` joins nodes i and i + 1, with
    ``outgoing[i]`` saying whether it leaves node i, and ``stored[i]`` whether it is a relationship
    of the graph (a likeness of texts or attributes is not). ``contribution`` is in units of the
    score; ``share`` is contribution / |score − baseline|. ``cypher`` with ``parameters`` returns
    the path from either store; ``note`` says where it had to leave something out. ``people``
    counts the others who chose both items (collaborative paths). ``parts`` divides the
    contribution by part of the model: "match" belongs to this very path, "knowledge" is the path's
    portion of what the model drew from the graph around the two items. ``fall`` is what the score
    loses when the path's events leave the history and the whole forward pass is rerun (None: not
    tried); it differs from the contribution because the other events then count for more.
    """

    nodes: tuple[Node, ...]
    relations: tuple[str, ...]
    outgoing: tuple[bool, ...]
    contribution: float
    share: float
    sentence: str
    cypher: str
    parameters: dict[str, Parameter]
    kind: str = ""
    stored: tuple[bool, ...] = ()
    words: tuple[str, ...] = ()
    people: int = 0
    note: str = ""
    parts: dict[str, float] = field(default_factory=dict)
    fall: float | None = None
    expected: dict[str, list[str]] = field(default_factory=dict)

    @property
    def hops(self) -> int:
        """Steps from the user to the item."""
        return len(self.relations)

    @property
    def confidence(self) -> float | None:
        """How much of what the path claims is lost without it: fall / contribution, 0 to 1; None
        where that was not tried."""
        if self.fall is None or not self.contribution:
            return None
        return min(max(self.fall / self.contribution, 0.0), 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return {
            "kind": self.kind,
            "nodes": [{"label": a, "id": b, "name": c} for a, b, c in self.nodes],
            "relations": list(self.relations),
            "outgoing": list(self.outgoing),
            "stored": list(self.stored),
            "contribution": self.contribution,
            "share": self.share,
            "fall": self.fall,
            "confidence": self.confidence,
            "parts": dict(self.parts),
            "people": self.people,
            "sentence": self.sentence,
            "cypher": self.cypher,
            "parameters": dict(self.parameters),
            "note": self.note,
        }

    def __str__(self) -> str:
        text = _shown(self.nodes[0])
        for i, node in enumerate(self.nodes[1:]):
            name = self.relations[i] if self.stored[i] else f"~{self.words[i]}~"
            arrow = f" -{name}-> " if self.outgoing[i] else f" <-{name}- "
            text += (f" {name} " if not self.stored[i] else arrow) + _shown(node)
        return text


@dataclass(frozen=True)
class Explanation:
    """Why an item has its score for a user.

    ``score − baseline == Σ path contributions + not_shown + rest`` (up to float rounding), where
    ``baseline`` is the score with an empty history, ``not_shown`` the contribution of ``hidden``
    further paths, and ``rest`` what the model could not attribute. ``parts`` sums the same gain by
    part of the model; ``entities`` and ``history`` are the nodes between and the history items
    that carried most of it, over all paths (INFLUENCES of each). ``reasons`` says why there are no
    paths, or none that carries much alone. ``user_id`` is None for a history typed in.
    """

    user_id: str | None
    item_id: str
    item_name: str
    score: float
    baseline: float
    paths: list[ExplainedPath]
    rest: float
    not_shown: float = 0.0
    hidden: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    entities: tuple[Influence, ...] = ()
    history: tuple[Influence, ...] = ()

    @property
    def gain(self) -> float:
        """score − baseline: what the history did."""
        return self.score - self.baseline

    @property
    def shown(self) -> float:
        """The contributions of the paths, summed."""
        return math.fsum(path.contribution for path in self.paths)

    def to_frame(self) -> pd.DataFrame:
        """One row a path, largest contribution first; its columns are FRAME_COLUMNS."""
        rows = [
            {
                "rank": rank,
                "kind": path.kind,
                "contribution": path.contribution,
                "share": path.share,
                "confidence": path.confidence,
                "hops": path.hops,
                "people": path.people,
                "sentence": path.sentence,
                "path": str(path),
                "cypher": path.cypher,
            }
            for rank, path in enumerate(self.paths, start=1)
        ]
        return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return {
            "user_id": self.user_id,
            "item_id": self.item_id,
            "item_name": self.item_name,
            "score": self.score,
            "baseline": self.baseline,
            "paths": [path.to_dict() for path in self.paths],
            "not_shown": self.not_shown,
            "hidden": self.hidden,
            "rest": self.rest,
            "parts": dict(self.parts),
            "reasons": list(self.reasons),
            "entities": [influence.to_dict() for influence in self.entities],
            "history": [influence.to_dict() for influence in self.history],
        }

    def draw(self, path: str | Path, *, title: str | None = None) -> Path:
        """Save a picture (the suffix says which kind: .png, .svg, .pdf; .html for a page); returns
        its path."""
        if Path(path).suffix.lower() == ".html":
            return self.to_html(path, title=title)
        from kgrec.explain.render.draw import (
            draw_explanation,  # matplotlib only when a picture is wanted
        )

        return draw_explanation(self, Path(path), title=title)

    def to_html(self, path: str | Path, *, title: str | None = None) -> Path:
        """Save one HTML file that shows the paths, to click, search and filter, without network."""
        from kgrec.explain.render.as_graph import explanation_page

        return explanation_page(self, Path(path), title=title)

    def to_networkx(self) -> nx.MultiDiGraph[tuple[str, str]]:
        """The paths as one graph; see kgrec.explain.render.as_graph.explanation_graph."""
        from kgrec.explain.render.as_graph import explanation_graph

        return explanation_graph(self)

    def __str__(self) -> str:
        who = "this history" if self.user_id is None else f"user {self.user_id}"
        lines = [
            f"“{self.item_name}” for {who}: "
            f"score {self.score:.3f} = {self.baseline:.3f} (no history) {signed(self.gain)}"
        ]
        for rank, path in enumerate(self.paths, start=1):
            lines.append(f"{rank:>3}. {signed(path.contribution)}  {path.sentence}")
            lines.append(f"     {path}{_lost(path)}")
        if self.hidden:
            word = "path" if self.hidden == 1 else "paths"
            lines.append(f"     {signed(self.not_shown)}  {self.hidden:,} further {word}")
        lines.append(f"     {signed(self.rest)}  not attributed to any path")
        lines += [f"     {reason}" for reason in self.reasons]
        lines += _told("in all, through", self.entities) + _told("in all, from", self.history)
        return "\n".join(lines)


def _told(heading: str, influences: tuple[Influence, ...]) -> list[str]:
    """One line on the strongest of them, where there are several paths to sum over."""
    strongest = [f"{influence} {signed(influence.contribution)}" for influence in influences[:3]]
    return [f"     {heading}: {'; '.join(strongest)}"] if len(influences) > 1 else []


def _lost(path: ExplainedPath) -> str:
    return "" if path.fall is None else f"; without its events {signed(-path.fall)}"


def signed(value: float) -> str:
    """Three decimals with a sign; what rounds to zero is +0.000."""
    shown = round(value, 3)
    return f"{'−' if shown < 0 else '+'}{abs(shown):.3f}"


def _shown(node: Node) -> str:
    label, node_id, name = node
    return f"({name or f'{label} {node_id}'.strip()})"
