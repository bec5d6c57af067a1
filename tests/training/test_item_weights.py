"""Item–item weights in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from kgrec.graph import GraphSnapshot
from kgrec.metrics.baselines import EASE
from kgrec.training import fit_item_weights, fit_own_weights
from kgrec.training import item_weights as module
from kgrec.training.local_ridge import local_ridge
from tests.recommender import catalogs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("weights"), catalogs.catalog())


def fitted(snapshot: GraphSnapshot, *, graph: bool, strength: float = 1.0) -> np.ndarray:
    found = fit_item_weights(snapshot, graph=graph, decay=np.inf, device=CPU)[0]
    return np.asarray(found.times(strength).matrix.toarray())


def chosen(snapshot: GraphSnapshot) -> np.ndarray:
    return np.unique(snapshot.interactions.item)


def ridge(snapshot: GraphSnapshot) -> float:
    return 10.0 * len(snapshot.interactions) / len(chosen(snapshot))


def test_without_the_graph_it_is_ease(snapshot: GraphSnapshot) -> None:
    events = snapshot.interactions
    renamed = replace(events, item=np.searchsorted(chosen(snapshot), events.item))
    ease = EASE(ridge(snapshot)).fit(renamed, len(snapshot.users), len(chosen(snapshot)))
    ours = fitted(snapshot, graph=False)
    np.testing.assert_allclose(ours, ease.weights, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        fitted(snapshot, graph=False, strength=4.0), 4 * ours, rtol=1e-6, atol=1e-7
    )


def test_a_node_of_the_graph_counts_as_one_more_person(snapshot: GraphSnapshot) -> None:
    """Against the regression written out over dense rows."""
    items = chosen(snapshot)
    people = np.zeros((len(snapshot.users), len(snapshot.items)))
    people[snapshot.interactions.user, snapshot.interactions.item] = 1
    rows = [people]
    for facts in snapshot.facts:
        if "Item" not in (facts.head_label, facts.tail_label):
            continue
        node, item = (
            (facts.head, facts.tail) if facts.tail_label == "Item" else (facts.tail, facts.head)
        )
        nodes = np.zeros((node.max() + 1, len(snapshot.items)))
        nodes[node, item] = 1
        if facts.head_label == facts.tail_label:
            nodes[node, node] = 1
        touched = nodes.sum(axis=1)
        nodes[touched < 2] = 0
        rows.append(nodes / np.sqrt(np.maximum(touched, 1))[:, None])
    assert len(rows) > 1, "the catalog has facts of items"
    history = np.concatenate(rows)[:, items]
    inverse = np.linalg.inv(history.T @ history + ridge(snapshot) * np.eye(len(items)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    ours = fitted(snapshot, graph=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)
    assert np.abs(ours - fitted(snapshot, graph=False)).max() > 1e-3


def test_only_the_largest_of_an_item_are_kept(
    snapshot: GraphSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(snapshot, graph=False)
    monkeypatch.setattr(module, "_KEPT", 3)
    few = fitted(snapshot, graph=False)
    for item in range(whole.shape[1]):
        kept = np.flatnonzero(few[:, item])
        assert len(kept) <= 3
        np.testing.assert_array_equal(few[kept, item], whole[kept, item])
        left = np.delete(np.abs(whole[:, item]), kept)
        assert left.max() <= np.abs(few[kept, item]).min()


def test_with_more_items_each_is_regressed_on_its_nearest(
    snapshot: GraphSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(snapshot, graph=True)
    monkeypatch.setattr(module, "_MOST", 5)
    near = fitted(snapshot, graph=True)
    assert not np.diag(near).any()
    size = min(len(chosen(snapshot)) - 1, 200)
    assert (np.count_nonzero(near, axis=0) <= size).all()
    assert np.corrcoef(near.ravel(), whole.ravel())[0, 1] > 0.9


def _written_out(rows: np.ndarray, penalty: float, neighbours: int, shrink: float) -> np.ndarray:
    """The regression of each column on its nearest, one at a time."""
    gram = rows.T @ rows
    length = np.sqrt(np.diag(gram))
    expected = np.zeros_like(gram)
    for item in range(len(gram)):
        cosine = gram[item] / (length[item] * length + shrink)
        cosine[item] = 0
        nearest = np.argsort(-cosine, kind="stable")[:neighbours]
        nearest = nearest[cosine[nearest] > 0]
        system = gram[np.ix_(nearest, nearest)] + penalty * np.eye(len(nearest))
        expected[nearest, item] = np.linalg.solve(system, gram[nearest, item])
    return expected


@pytest.mark.parametrize("neighbours", [3, 40])
def test_a_local_ridge_solves_each_neighbourhood(neighbours: int) -> None:
    """Against the definition, more items than a block has, items without any neighbour too."""
    rng = np.random.default_rng(0)
    rows = (rng.random((60, 150)) < 0.06).astype(np.float32)
    rows[:, 7] = 0
    rows[-1, :] *= 0.5
    found = local_ridge(sp.csr_matrix(rows), [2.0, 9.0], neighbours=neighbours, shrink=1.0)
    for penalty, ours in zip((2.0, 9.0), found, strict=True):
        expected = _written_out(rows.astype(np.float64), penalty, neighbours, 1.0)
        np.testing.assert_allclose(ours.toarray(), expected, rtol=1e-4, atol=1e-6)
        assert not ours[:, 7].nnz


def test_a_local_ridge_of_all_others_is_a_ridge_regression(snapshot: GraphSnapshot) -> None:
    """With all items as neighbours it differs from EASE by nothing."""
    items = chosen(snapshot)
    people = np.zeros((len(snapshot.users), len(snapshot.items)), dtype=np.float32)
    people[snapshot.interactions.user, snapshot.interactions.item] = 1
    people = people[:, items]
    ours = local_ridge(sp.csr_matrix(people), [5.0], neighbours=len(items))[0].toarray()
    gram = people.T @ people
    for item in range(len(items)):
        others = np.flatnonzero(gram[item] * (np.arange(len(items)) != item))
        system = gram[np.ix_(others, others)] + 5.0 * np.eye(len(others))
        expected = np.linalg.solve(system, gram[others, item])
        np.testing.assert_allclose(ours[others, item], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("elsewhere", [0.0, 0.2, 1.0])
def test_a_scenario_weighs_its_items_by_its_users(
    snapshot: GraphSnapshot, elsewhere: float
) -> None:
    """Against the regression written out; scenario 2 has no interactions."""
    events, items = snapshot.interactions, chosen(snapshot)
    code = np.unique(events.scenario.astype(str), return_inverse=True)[1]
    found = fit_own_weights(snapshot, code, 3, elsewhere=elsewhere, ridge=2.0, device=CPU)
    assert found[2] is None
    people = np.zeros((len(snapshot.users), len(snapshot.items)))
    people[events.user, events.item] = 1
    for scenario in (0, 1):
        here, matrix = code == scenario, found[scenario]
        assert matrix is not None
        share = np.bincount(events.user[here], minlength=len(people)) / np.bincount(events.user)
        used = np.unique(events.item[here])
        rows = people[:, used] * np.sqrt(share + elsewhere * (1 - share))[:, None]
        gram = rows.T @ rows
        inverse = np.linalg.inv(gram + 2.0 * np.diag(gram).mean() * np.eye(len(used)))
        expected = -inverse / np.diag(inverse)
        np.fill_diagonal(expected, 0.0)
        at = np.searchsorted(items, used)
        ours = matrix.toarray()
        np.testing.assert_allclose(ours[np.ix_(at, at)], expected, rtol=1e-3, atol=1e-5)
        rest = np.setdiff1d(np.arange(len(items)), at)
        assert not ours[rest].any()
        assert not ours[:, rest].any()
