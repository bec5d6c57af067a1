"""The layout of an explanation's picture: boxes in columns, edges with contributions."""

from __future__ import annotations

from itertools import combinations

import pytest

from kgrec.explain import Explanation
from kgrec.explain.render import layout


def test_boxes_never_overlap_and_stay_in_the_picture(busy: Explanation) -> None:
    graph = layout.picture_graph(busy.paths, busy.item_name)
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
    graph = layout.picture_graph(busy.paths, busy.item_name)
    into = sum(
        data["amount"]
        for _, b, data in graph.edges(data=True)
        if graph.nodes[b]["kind"] == layout.CANDIDATE
    )
    assert into == pytest.approx(busy.shown)
