"""Pictures of a part of the graph: nothing overlaps, the same graph gives the same file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.explore import draw
from kgrec.visualization.bars import Bars, draw_bars
from kgrec.visualization.boxes import Box, overlap
from kgrec.visualization.drawing import MOST
from kgrec.visualization.layout import spread

from .graphs import ODD, ring, weighed


def sized(graph: nx.MultiDiGraph) -> tuple[dict[object, tuple[float, float]], list[object]]:
    rng = np.random.default_rng(0)
    return {key: tuple(rng.uniform(0.3, 1.8, 2)) for key in graph}, list(graph.edges())


@pytest.mark.parametrize("count", [2, 30, 60, 150])
def test_boxes_never_overlap_and_stay_on_the_sheet(count: int) -> None:
    sizes, joined = sized(ring(count))
    boxes, width, height = spread(sizes, joined)
    assert {key: (box.width, box.height) for key, box in boxes.items()} == sizes
    assert sum(overlap(a, b) for a, b in combinations(boxes.values(), 2)) == 0.0
    for box in boxes.values():
        assert -1e-9 <= box.x - box.width / 2 <= box.x + box.width / 2 <= width + 1e-9
        assert -1e-9 <= box.y - box.height / 2 <= box.y + box.height / 2 <= height + 1e-9
    assert spread(sizes, joined)[0] == boxes


def test_what_is_joined_stands_near() -> None:
    sizes = {("Item", str(n)): (0.5, 0.3) for n in range(12)}
    keys = list(sizes)
    joined = [(keys[n], keys[n + 1]) for n in range(11)]
    boxes, _, _ = spread(sizes, joined)

    def apart(a: object, b: object) -> float:
        return float(np.hypot(boxes[a].x - boxes[b].x, boxes[a].y - boxes[b].y))

    near = np.mean([apart(a, b) for a, b in joined])
    assert near < 0.5 * np.mean([apart(a, b) for a, b in combinations(keys, 2)])


def test_hardly_a_line_runs_under_a_box() -> None:
    sizes = {("Item", str(n)): (1.4 if n % 2 else 0.7, 0.4) for n in range(30)}
    keys = list(sizes)
    joined = [(keys[0], key) for key in keys[1:]]
    boxes, _, _ = spread(sizes, joined)
    share = np.linspace(0.0, 1.0, 200)
    under = 0
    for a, b in joined:
        xs, ys = (np.interp(share, [0, 1], ends) for ends in _ends(boxes[a], boxes[b]))
        for key in set(keys) - {a, b}:
            box = boxes[key]
            inside = (abs(xs - box.x) < box.width / 2) & (abs(ys - box.y) < box.height / 2)
            under += bool(inside.any())
    assert under <= 4  # of 29; it is 8 where nothing steps aside


def _ends(a: Box, b: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    return (a.x, b.x), (a.y, b.y)


def test_parts_that_are_not_joined_and_single_nodes_have_places() -> None:
    sizes = {("Item", str(n)): (1.0, 0.5) for n in range(5)}
    boxes, _, _ = spread(sizes, [])
    assert sum(overlap(a, b) for a, b in combinations(boxes.values(), 2)) == 0.0
    (only,) = spread({("Item", "1"): (1.0, 0.5)}, [])[0].values()
    assert (only.x, only.y) == (0.5, 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "html"])
def test_the_same_graph_gives_the_same_file(tmp_path: Path, suffix: str) -> None:
    first = draw(ring(), tmp_path / "new" / f"a.{suffix}")
    assert first.stat().st_size > 10_000
    assert first.read_bytes() == draw(ring(), tmp_path / f"b.{suffix}").read_bytes()
    assert list(first.parent.iterdir()) == [first]


def test_names_in_a_picture_are_only_text(tmp_path: Path) -> None:
    text = draw(weighed(), tmp_path / "a.svg", title=ODD).read_text(encoding="utf-8")
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
    assert "script" not in tags
    assert "image" not in tags


def test_what_can_not_be_drawn_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=rf"{MOST + 1} nodes can't be read; draw at most {MOST}"):
        draw(ring(MOST + 1), tmp_path / "a.png")
    with pytest.raises(RequestError, match=r"can't draw 'a.exe': end its name in \.png or \.svg"):
        draw(ring(), tmp_path / "a.exe")
    for suffix in ("png", "html"):
        with pytest.raises(RequestError, match="the graph is empty"):
            draw(nx.MultiDiGraph(), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


def test_bars_can_be_drawn(tmp_path: Path) -> None:
    labels = ["$x$", ODD, "plain"]
    values = {"all": [3.0, 2.0, 0.0], "_web$": [1.0, 0.0, 0.5]}
    bars = Bars(labels, values, {"all": [3.0, -2.0, 0.0], "_web$": [1.0, 0.0, 0.5]}, ODD, "axis")
    path = draw_bars(bars, tmp_path / "bars.svg")
    assert ET.parse(path).getroot().tag.endswith("svg")
    with pytest.raises(RequestError, match="can't draw"):
        draw_bars(bars, tmp_path / "bars.txt")
