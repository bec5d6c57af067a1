"""The benchmark of explanations on a small model: its removals are real, its figures are shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import explain
from benchmarks.explanations.fidelity import Ways, falls_of, first_path
from benchmarks.explanations.pairs import K, Measured, measure, recommended, sample_users
from benchmarks.explanations.paths import reproduced
from benchmarks.explanations.removal import Removal, View, around
from benchmarks.explanations.times import hub_times, times
from graph_schema.names import ITEM
from kgrec import Recommender, show_people
from kgrec.explain.explained_request import Case
from kgrec.graph.snapshot import Facts
from kgrec.query import Query
from kgrec.stores import EmbeddedStore
from tests.recommender import catalogs

CLOSE = 1e-4


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    """A model whose candidates receive several messages each; people are named on paths."""
    model = Recommender(catalogs.config(epochs=4, learning_rate=0.02)).fit(catalogs.catalog())
    return show_people(model)


def case_of(model: Recommender, user: str) -> Case:
    return model.state.case(Query([user]))


def test_removed_events_are_what_asking_again_leaves(fitted: Recommender) -> None:
    case, engine = case_of(fitted, "u1"), fitted.state.engine
    row, first = engine.item_row["i5"], int(case.history.items[0])
    whole, without = View(engine, case.history, row).scores([Removal(), Removal(item=first)])
    assert whole == pytest.approx(fitted.explain("u1", "i5").score, abs=CLOSE)
    left = [engine.item_ids[item] for item in case.history.items if item != first]
    again = fitted.recommend(histories={"u1": left}, k=catalogs.N_ITEMS, exclude_seen=False)
    assert without == pytest.approx(again.set_index("item_id")["score"]["i5"], abs=CLOSE)


def test_removed_facts_are_gone_from_the_forward_pass(fitted: Recommender) -> None:
    """An item's vectors without a fact are those of the graph without it. Nobody else receives
    the removed message in this graph, so that no other weight changes with it."""
    engine = fitted.state.engine
    sequel = next(f for f in engine.snapshot.facts if f.relation == "sequel_of")
    head, tail = int(sequel.head[0]), int(sequel.tail[0])
    left = replace(sequel, head=sequel.head[1:], tail=sequel.tail[1:])
    facts: tuple[Facts, ...] = tuple(
        left if one is sequel else one for one in engine.snapshot.facts
    )
    edited = engine.over(replace(engine.snapshot, facts=facts), engine.texts)
    nodes = tuple(engine.messages.item_nodes(np.array([head])).tolist())
    for side in (False, True):
        found = around(engine, tail, nodes, candidate=side)
        np.testing.assert_allclose(
            found.numpy(),
            edited.bound.item_parts[int(side)]["knowledge"][tail].numpy(),
            atol=CLOSE,
        )
        whole = around(engine, tail, (), candidate=side)
        assert np.abs(whole.numpy() - found.numpy()).max() > CLOSE
    case = case_of(fitted, "u1")
    (score,) = View(engine, case.history, tail).scores([Removal(nodes=nodes)])
    keep = np.ones((1, len(case.history)), dtype=bool)
    if head not in case.history.items and tail not in case.history.items:
        expected = float(edited.score(case.history.kept(keep).histories)[0, tail])
        assert score == pytest.approx(expected, abs=CLOSE)


def test_falls_compare_paths_of_one_length(fitted: Recommender) -> None:
    engine, rng = fitted.state.engine, np.random.default_rng(0)
    compared = 0
    for user in ("u0", "u1", "u2", "u3"):
        case = case_of(fitted, user)
        for item in fitted.recommend(user, k=3)["item_id"]:
            path = first_path(fitted.explain(user, item))
            if path is None:
                continue
            row = engine.item_row[item]
            assert case.stored is not None
            falls = falls_of(case, row, path, rng)
            assert {"top", "random", "gates", "path_count"} <= set(falls)
            ways = Ways(case, row, path.hops)
            start = engine.item_row[path.nodes[1][1]]
            between = [engine.messages.space.find(*n[:2]) for n in path.nodes[2:-1]] or [-1]
            assert between[0] in ways.all(start)
            compared += 1
    assert compared


def test_everything_is_measured(fitted: Recommender) -> None:
    measured, rng = Measured(), np.random.default_rng(0)
    users = sample_users(fitted.state.engine, 3)
    lists = list(recommended(fitted, users))
    for one in lists:
        measure(fitted, one, measured, rng)
    figures = explain._figures(measured)
    assert len(measured.covered) == 3 * K
    assert measured.held
    assert all(measured.held)
    assert all(measured.same_again)
    assert figures["completeness_error"] < 0.01
    assert figures["score_error"] < CLOSE
    shares = [value for name, value in figures.items() if "cover" in name or "counter" in name]
    assert all(0 <= value <= 5 for value in shares)
    taken = times(fitted, [(one.explained[0].user_id or "", one.items) for one in lists])
    assert {"ms_pair", "ms_ten", "ms_counterfactual"} <= set(taken)


def test_a_path_that_is_not_in_the_store_is_not_reproduced(
    fitted: Recommender, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paths = fitted.explain("u1", "i5").paths
    with EmbeddedStore(tmp_path_factory.mktemp("explain") / "graph.kgl") as store:
        store.write(catalogs.catalog())
        assert reproduced(store, paths) == [True] * len(paths)
        other = replace(paths[0], parameters={**paths[0].parameters, "n1": "nowhere"})
        swapped = replace(paths[0], expected={**paths[0].expected, "relations": ["X"]})
        assert reproduced(store, [other, swapped]) == [False, False]


def test_hubs_are_timed() -> None:
    assert set(hub_times(200)) == {"ms_hub", "ms_hub_paths"}


def test_the_sample_is_the_same_every_time(fitted: Recommender) -> None:
    first, again = (sample_users(fitted.state.engine, 7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(set(first.tolist())) == 7
    assert len(fitted.snapshot.table(ITEM)) == catalogs.N_ITEMS
