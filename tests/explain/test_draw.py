"""Pictures: readable layouts, files that are the same each time, names that are only text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer, Explanation, ScoreBreakdown, layout
from kgrec.graph.snapshot import GraphSnapshot

from .graphs import breakdown, snapshot

ODD = '<b>"Quoted"</b> & $x^2$ {y} \\frac O\'Neill \x00\x1b ' + "longword" * 12


@pytest.fixture
def busy() -> Explanation:
    """Thirty boxes: odd and long names, likenesses, negatives, facts between items, co-users."""
    films = {f"i{n}": {"title": ODD if n % 4 == 0 else f"Film {n}"} for n in range(14)}
    chosen = [("u1", f"i{n}", n, 4.0) for n in range(12)]
    graph = snapshot(
        {"u1": {}, "u2": {}},
        films,
        {f"e{n}": {"name": f"{ODD} {n}"} for n in range(8)},
        [*chosen, ("u2", "i3", 1, None), ("u2", "i13", 2, None)],
        {
            ("Item", "DIRECTED_BY", "Entity"): [(f"i{n}", f"e{n}") for n in range(8)]
            + [("i13", f"e{n}") for n in range(7)],
            ("Item", "ALSO_BOUGHT", "Item"): [("i8", "i13"), ("i9", "i12"), ("i12", "i13")],
        },
    )
    amounts = np.linspace(1.0, -0.4, 12)
    parts = {"id": amounts, "knowledge": amounts[::-1], "text": amounts**2}
    scores = breakdown(graph, [f"i{n}" for n in range(12)], parts, baseline=1.0, rest=0.2)
    return Explainer(graph).explain(scores, int(graph.items.rows(["i13"])[0]), user=0, k=15)


def test_boxes_never_overlap_and_stay_in_the_picture(busy: Explanation) -> None:
    graph = layout.picture_graph(busy)
    boxes, width, height = layout.place(graph)
    assert len(boxes) >= 25
    for a, b in combinations(boxes.values(), 2):
        apart = (
            abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
        )
        assert apart
    for box in boxes.values():
        assert 0 <= box.x - box.width / 2 < box.x + box.width / 2 <= width + 1e-9
        assert -1e-9 <= box.y - box.height / 2 < box.y + box.height / 2 <= height + 1e-9


def test_edges_carry_the_contributions(busy: Explanation) -> None:
    graph = layout.picture_graph(busy)
    into = sum(
        data["amount"]
        for _, b, data in graph.edges(data=True)
        if graph.nodes[b]["kind"] == layout.CANDIDATE
    )
    assert into == pytest.approx(busy.shown)


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
