"""What an explanation answers to constraints, to nothing to explain, and to bad requests."""

from __future__ import annotations

import numpy as np
import pytest

from graph_schema.errors import ModelError, RequestError
from kgrec.explain import Constraints, Explainer, Explanation, Matches, ScoreBreakdown, Writer
from kgrec.graph.snapshot import GraphSnapshot
from tests.explain.breakdowns import breakdown

B = 1  # the row of Ronin in the tiny graph


def ids(explanation: Explanation) -> list[list[str]]:
    return [[node_id for _, node_id, _ in path.nodes] for path in explanation.paths]


def test_no_history_no_effect_no_connection(tiny: GraphSnapshot) -> None:
    explainer = Explainer(tiny)
    empty = explainer.explain(ScoreBreakdown.empty(0.75), B, user=2)
    assert (empty.paths, empty.gain, empty.rest) == ([], 0.0, 0.0)
    assert "no history" in empty.reasons[0]
    z = int(tiny.items.rows(["z"])[0])
    still = explainer.explain(breakdown(tiny, ["a"], {"text": [0.0]}, baseline=1), z, user=0)
    assert "Nothing in the history changed" in still.reasons[0]
    assert "No path of at most 4 steps connects user u1 and “Alone”" in still.reasons[1]
    near = explainer.explain(breakdown(tiny, ["a"], {"text": [0.0]}, baseline=1), B, user=0)
    assert len(near.reasons) == 1
    kept = explainer.explain(
        breakdown(tiny, ["a"], {"text": [2.0]}), B, user=0, constraints=Constraints(avoid="a")
    )
    assert "No path satisfies the constraints" in kept.reasons[0]
    assert (kept.not_shown, kept.hidden) == (2.0, 1)


def test_constraints_choose_what_is_shown(tiny: GraphSnapshot) -> None:
    explainer = Explainer(tiny)
    scores = breakdown(tiny, ["a", "x"], {"id": [1.0, 1.0], "knowledge": [1.0, 1.0]})

    def shown(**constraints: object) -> list[list[str]]:
        limits = Constraints(**constraints)  # type: ignore[arg-type]
        return ids(explainer.explain(scores, B, user=0, k=9, constraints=limits))

    assert shown(relations=["DIRECTED_BY"]) == [["u1", "a", "e1", "b"]]
    assert shown(via="e2", relations=["HAS_GENRE"]) == [
        ["u1", "a", "e2", "b"],
        ["u1", "x", "e2", "b"],
    ]
    assert shown(via="Entity:e2", relations=["HAS_GENRE"]) == shown(
        via=("Entity", "e2"), relations=["HAS_GENRE"]
    )
    assert all("x" in path for path in shown(since=1001))
    assert ["u1", "x", "b"] in shown(max_hops=2)
    assert all(len(path) <= 3 for path in shown(max_hops=2))


def test_bad_requests(tiny: GraphSnapshot) -> None:
    explainer, scores = Explainer(tiny), breakdown(tiny, ["a"], {"text": [1.0]})
    with pytest.raises(RequestError, match="k is 0"):
        explainer.explain(scores, B, k=0)
    with pytest.raises(RequestError, match="Item row 99"):
        explainer.explain(scores, 99)
    with pytest.raises(RequestError, match="User row -1"):
        explainer.explain(scores, B, user=-1)
    broken = Explainer(tiny, Writer(templates={"text": "{nope}"}))
    with pytest.raises(RequestError, match="its fields: chose"):
        broken.explain(scores, B)


def test_a_broken_breakdown_is_refused(tiny: GraphSnapshot) -> None:
    rows, one = np.array([0]), np.array([1.0])
    with pytest.raises(ModelError, match="text has 2 values for 1 events"):
        ScoreBreakdown(1.0, 0.0, rows, rows, {"text": np.ones(2)}, Matches.none())
    with pytest.raises(ModelError, match="not a finite number"):
        ScoreBreakdown(1.0, 0.0, rows, rows, {"text": np.array([np.nan])}, Matches.none())
    at_three = Matches(np.array([3]), rows, rows, rows, one)
    with pytest.raises(ModelError, match=r"outside 0\.\.0"):
        ScoreBreakdown(1.0, 0.0, rows, rows, {"match": one}, at_three)
    foreign = ScoreBreakdown(1.0, 0.0, np.array([77]), rows, {"text": one}, Matches.none())
    with pytest.raises(ModelError, match="not an item of this snapshot"):
        Explainer(tiny).explain(foreign, B)
    far = Matches(rows, rows, np.array([9]), np.array([9]), one)
    with pytest.raises(ModelError, match="relation outside"):
        Explainer(tiny).explain(ScoreBreakdown(1.0, 0.0, rows, rows, {"match": one}, far), B)
