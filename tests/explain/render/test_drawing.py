"""Pictures: readable layouts, files that are the same each time, names that are only text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer, Explanation, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot
from tests.explain.breakdowns import breakdown

from .conftest import ODD


@pytest.mark.slow
def test_png_is_large_enough_and_not_blank(busy: Explanation, tmp_path: Path) -> None:
    import matplotlib.image  # slow to import: by one worker only

    saved = busy.draw(tmp_path / "new" / "why.png")
    pixels = matplotlib.image.imread(saved)
    assert pixels.shape[1] > 1500
    colours = (pixels[..., :3] * 255).astype(np.int64) @ np.array([65536, 256, 1])
    assert len(np.unique(colours)) > 50
    assert list(saved.parent.iterdir()) == [saved]  # nothing half-written stays


@pytest.mark.slow
def test_the_same_explanation_gives_the_same_file(tiny: GraphSnapshot, tmp_path: Path) -> None:
    tiny.items.attributes.loc[0, "title"] = ODD
    scores = breakdown(tiny, ["a", "x"], {"id": [1.0, -0.5], "knowledge": [1.0, 0.2]})
    busy = Explainer(tiny).explain(scores, 1, user=0)
    for suffix in ("png", "svg", "pdf"):
        first = busy.draw(tmp_path / f"a.{suffix}").read_bytes()
        assert first == busy.draw(tmp_path / f"b.{suffix}").read_bytes()
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_other_suffixes_are_refused(busy: Explanation, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"\.png"):
        busy.draw(tmp_path / "why.exe")
    assert not list(tmp_path.iterdir())


def test_an_empty_explanation_can_be_drawn(tiny: GraphSnapshot, tmp_path: Path) -> None:
    empty = Explainer(tiny).explain(ScoreBreakdown.empty(0.5), 1, user=0)
    assert empty.draw(tmp_path / "none.png", title="Why not?").stat().st_size > 5000
