"""Whatever the graph and the breakdown: nothing of a score is lost or made up."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.explain import Constraints, Explainer
from kgrec.explain.attribution.pieces import attribute
from kgrec.paths.index import PathIndex
from kgrec.paths.people import ShownPeople
from tests.paths.strategies import graphs

from .strategies import breakdowns

B = 1  # the row of Ronin in the tiny graph


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_contributions_add_up(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    scores = data.draw(breakdowns(graph))
    item, user = data.draw(st.integers(0, 4)), data.draw(st.sampled_from([None, 0, 2]))
    k = data.draw(st.integers(1, 12))
    limits = data.draw(
        st.sampled_from(
            [None, Constraints(max_hops=2), Constraints(avoid=["a"]), Constraints(since=15)]
        )
    )
    people = data.draw(
        st.sampled_from([ShownPeople(), ShownPeople(fewest=1), ShownPeople(named=True)])
    )
    explainer = Explainer(graph, people=people)
    found = explainer.explain(scores, item, user=user, k=k, constraints=limits)
    tolerance = 1e-9 * (1 + sum(float(np.abs(p).sum()) for p in scores.parts.values()))
    assert found.shown + found.not_shown + found.rest == pytest.approx(found.gain, abs=tolerance)
    # A part's own rounding (1e-6 of it) may move from the paths to the rest.
    assert found.rest == pytest.approx(scores.rest + found.withheld, abs=1e-5)
    assert found.withheld >= -tolerance
    assert not (found.withheld and people.named)
    assert math.fsum(found.parts.values()) + scores.rest == pytest.approx(found.gain, abs=tolerance)
    assert len(found.paths) <= k
    amounts = [path.contribution for path in found.paths]
    assert amounts == sorted(amounts, reverse=True)
    assert sum(amount < 0 for amount in amounts) <= max(1, k // 3)
    assert found.paths or found.reasons
    facts = {
        (f.relation, int(h), int(t))
        for f in graph.facts
        for h, t in zip(f.head, f.tail, strict=True)
    }
    for path in found.paths:
        others = [node for node in path.nodes[1:] if node[0] == "User"]
        assert people.named or not others
        if "People" in [node[0] for node in path.nodes]:
            assert path.people >= people.fewest
            continue
        rows = [int(graph.table(label).rows([node])[0]) for label, node, _ in path.nodes]
        for step in range(1, path.hops):
            ends = (rows[step], rows[step + 1])[:: 1 if path.outgoing[step] else -1]
            known = not path.stored[step] or path.relations[step] == "INTERACTED"
            assert known or (path.relations[step], *ends) in facts
        assert math.fsum(path.parts.values()) == pytest.approx(path.contribution, abs=tolerance)
    carried = math.fsum(influence.contribution for influence in found.history)
    whole = found.shown + found.not_shown + found.withheld
    assert carried == pytest.approx(whole, abs=tolerance)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_pieces_keep_what_each_event_gave(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    scores = data.draw(breakdowns(graph))
    index = PathIndex(graph)
    pieces = attribute(index, scores, index.space.find("Item", "b"))
    rows = pieces.item - index.space.offsets["Item"]
    for row in range(len(graph.items)):
        given_by_row = float(scores.per_event()[scores.history == row].sum())
        assert float(pieces.contribution[rows == row].sum()) == pytest.approx(
            given_by_row, abs=2e-5
        )
    # Where a link stands between, both of its edges are in the graph.
    knowledge = pieces.part_names.index("knowledge")
    for i in np.flatnonzero((pieces.part == knowledge) & (pieces.link >= 0)).tolist():
        item, link, candidate = (
            int(pieces.item[i]),
            int(pieces.link[i]),
            index.space.find("Item", "b"),
        )
        assert pieces.near[i] in index.facts.edges_between(item, link)
        assert pieces.far[i] in index.facts.edges_between(link, candidate)
