"""Lists found in clusters of items: what is found, exact scores, and when all items are scored."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from benchmarks.speed.many_items import with_generated_vectors
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig, Rule, Rules
from kgrec.arrays import unit_rows
from kgrec.cli.doctor import _lists
from kgrec.errors import MissingExtraError, ModelError
from kgrec.nn import ItemWeights
from kgrec.persistence.model_folder import read_clusters
from kgrec.scoring.item_clusters import stored
from kgrec.scoring.item_clusters.build import RECALL, clusters_for, recall_of
from kgrec.scoring.item_clusters.clusters import Clusters, cluster_count
from kgrec.scoring.item_clusters.lists import best_items
from kgrec.scoring.item_clusters.stored import ItemClusters, Searched
from kgrec.scoring.ranked_lists import ListOptions, rank_items
from kgrec.scoring.request import Request
from tests.recommender import catalogs

pytest.importorskip("faiss")
N = 3_000


def in_clusters(exact: Recommender, share: float | None = None) -> Recommender:
    """The same recommender, whose lists are found in clusters, in ``share`` of them if given."""
    state = exact.state
    clusters = clusters_for(state.engine, "clusters")
    assert clusters is not None
    if share is not None:
        clusters = replace(clusters, whole=Searched(share, 1.0), few=Searched(share, 1.0))
    config = state.config.model_copy(update={"ranking": "clusters"})
    return Recommender.of(replace(state, config=config, item_clusters=clusters))


@pytest.fixture(scope="module")
def exact() -> Recommender:
    return with_generated_vectors(N, 0, weights=False, group_items=50)


@pytest.fixture(scope="module")
def found(exact: Recommender) -> Recommender:
    return in_clusters(exact)


@pytest.fixture
def even_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters are searched also where that is no faster, so that lists are the exact ones."""
    monkeypatch.setattr(stored, "PAYS", 1.0)


def everyone(model: Recommender) -> Request:
    engine = model.state.engine
    return Request(engine.stored(np.flatnonzero(engine.sequences.lengths())))


def both(
    exact: Recommender, found: Recommender, options: ListOptions, request: Request | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and scores by scoring all items, then those found in clusters."""
    request = everyone(exact) if request is None else request
    truth = rank_items(exact.state.engine, request, options)
    lists = best_items(found.state.engine, request, options, found.state.item_search)
    return *truth, *lists


def test_clusters_are_nearest_and_the_same_again() -> None:
    vectors = unit_rows(np.random.default_rng(0).standard_normal((1_000, 9))).astype(np.float32)
    clusters = Clusters.of(vectors)
    assert len(clusters.centroids) == cluster_count(1_000) == 124
    products = vectors @ clusters.centroids.T
    chosen = products[np.arange(1_000), clusters.cluster]
    np.testing.assert_allclose(chosen, products.max(axis=1), atol=1e-6)
    again = Clusters.of(vectors.copy())
    assert np.array_equal(again.centroids, clusters.centroids)
    assert np.array_equal(again.cluster, clusters.cluster)
    assert np.array_equal(clusters.over(vectors[::-1]).cluster, clusters.cluster[::-1])


def test_threads_change_no_cluster() -> None:
    vectors = unit_rows(np.random.default_rng(1).standard_normal((4_000, 65))).astype(np.float32)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(Clusters.of(vectors))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(found[0].centroids, found[1].centroids)


def test_few_clusters_are_searched_and_most_of_the_best_are_found(
    exact: Recommender, found: Recommender
) -> None:
    clusters = found.state.item_clusters
    assert clusters is not None
    assert clusters.items == N
    assert clusters.whole.share < 0.25
    assert clusters.whole.recall >= RECALL
    rows, scores, listed, values = both(exact, found, ListOptions(20))
    assert recall_of(listed, rows) >= RECALL
    same = rows == listed
    assert same.mean() > 0.9
    np.testing.assert_allclose(values[same], scores[same], atol=1e-5)
    assert (np.diff(values, axis=1) <= 0).all()


@pytest.mark.parametrize("left", [0.5, 0.1])
def test_only_items_that_are_left_are_found(
    exact: Recommender, found: Recommender, left: float
) -> None:
    mask = np.random.default_rng(0).random(N) < left
    rows, _, listed, _ = both(exact, found, ListOptions(10, mask))
    assert mask[listed].all()
    assert recall_of(listed, rows) > 0.95


def test_more_clusters_are_searched_for_long_lists_and_few_items() -> None:
    clusters = ItemClusters((), Searched(0.01, 0.99), Searched(0.16, 0.99), 500)
    assert clusters.share(20, 1.0) == clusters.share(3, 1.0) == pytest.approx(0.01)
    assert clusters.share(20, 0.05) == clusters.share(400, 1.0) == pytest.approx(0.16)
    assert clusters.share(20, 0.05**0.5) == pytest.approx(0.04)
    assert clusters.share(20, 0.049) is None
    assert clusters.share(401, 1.0) is None
    many = ItemClusters((), Searched(0.01, 0.99), Searched(0.5, 0.99), 500)
    assert many.share(20, 0.06) is None
    assert "are scored" in many.described()


def test_all_items_are_scored_where_few_are_left_or_many_are_asked_for(
    exact: Recommender, found: Recommender
) -> None:
    few = np.zeros(N, dtype=bool)
    few[: N // 25] = True
    for options in (ListOptions(10, few), ListOptions(N)):
        rows, scores, listed, values = both(exact, found, options)
        assert np.array_equal(rows, listed)
        assert np.array_equal(scores, values)


def test_a_list_depends_on_its_user_alone(found: Recommender) -> None:
    request, search = everyone(found), found.state.item_search
    engine, options = found.state.engine, ListOptions(10)
    whole = best_items(engine, request, options, search)
    some = np.random.default_rng(0).permutation(len(request))[:70]
    part = best_items(engine, request.of_rows(some), options, search)
    assert np.array_equal(part.rows, whole.rows[some])
    assert np.array_equal(part.scores, whole.scores[some])
    for row in some[:20]:  # one user alone is scored by a faster way
        alone = best_items(engine, request.part(row, row + 1), options, search)
        assert len(np.intersect1d(alone.rows[0], whole.rows[row])) >= 9
        np.testing.assert_allclose(alone.scores[0, 0], whole.scores[row, 0], atol=1e-5)


def test_neighbours_of_the_history_are_found_wherever_they_lie(exact: Recommender) -> None:
    rng = np.random.default_rng(0)
    row, column = rng.integers(0, N, 4 * N), np.arange(4 * N) % N
    matrix = sp.csr_matrix((np.full(4 * N, 30.0, dtype=np.float32), (row, column)), shape=(N, N))
    weights = ItemWeights(matrix, decay=np.inf)
    state = exact.state
    weighted = Recommender.of(replace(state, engine=state.engine.with_weights(weights)))
    rows, scores, listed, values = both(weighted, in_clusters(weighted, 1e-9), ListOptions(8))
    heavy = scores > 25
    assert heavy.mean() > 0.5
    assert np.array_equal(rows[heavy], listed[heavy])
    np.testing.assert_allclose(values[heavy], scores[heavy], rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scenario": "web"},
        {"scenario": "mixture"},
        {"exclude_seen": False},
        {"where": {"genres": "Comedy"}},
        {"candidates": ["i1", "i2", "i3"], "exclude": ["i2"]},
        {"horizon": "later"},
    ],
    ids=str,
)
def test_requests_mean_the_same(
    fitted: Recommender, options: dict[str, object], even_all: None
) -> None:
    users = [f"u{n}" for n in range(12)]
    found = in_clusters(fitted, 1.0)
    for asked in (users, users[:1]):
        one = fitted.rank(asked, k=5, **options)  # type: ignore[arg-type]
        other = found.rank(asked, k=5, **options)  # type: ignore[arg-type]
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def test_context_reaches_the_scores(fitted: Recommender, even_all: None) -> None:
    options = {"histories": [["i1", "i2"], []], "context": {"gender": "F"}, "k": 5}
    one, other = (model.rank(**options) for model in (fitted, in_clusters(fitted, 1.0)))  # type: ignore[arg-type]
    assert one.ids.tolist() == other.ids.tolist()


def test_cold_items_are_found(fresh: Recommender, even_all: None) -> None:
    model = in_clusters(fresh)
    before = model.state.item_clusters
    items = pd.DataFrame({"item_id": ["i40", "i41"], "title": ["A jolly circus again", "Noir"]})
    facts = pd.DataFrame(
        [[item, "item", "made_by", "e0", "entity"] for item in items["item_id"]],
        columns=catalogs.frames()["facts"].columns,
    )
    model.update(Catalog.from_frames(items=items, facts=facts, interactions=_one_event()))
    clusters = model.state.item_clusters
    assert before is not None
    assert clusters is not None
    assert np.array_equal(clusters.parts[0].centroids, before.parts[0].centroids)
    assert [len(part.cluster) for part in clusters.parts] == [catalogs.N_ITEMS, 2]
    exact = Recommender.of(replace(model.state, item_clusters=None))
    model = in_clusters(exact, 1.0)
    histories = [["i40", "i1"], ["i1", "i2", "i3"]]
    for given in (histories, histories[:1]):
        one = exact.rank(histories=given, k=20, exclude_seen=False)
        other = model.rank(histories=given, k=20, exclude_seen=False)
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def _one_event() -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["u0"], "item_id": ["i1"], "timestamp": [2_000_000_000]})


def test_items_of_a_scenario_are_those_that_all_items_give(
    fitted: Recommender, even_all: None
) -> None:
    state = fitted.state
    own = np.random.default_rng(0).random((3, catalogs.N_ITEMS)) < np.array([[0.9], [0.02], [0.6]])
    engine = replace(state.engine, given_scenario_items=own[: len(_codes(fitted)) + 1])
    exact = Recommender.of(replace(state, engine=engine))
    histories = engine.stored(np.arange(9))
    codes = np.arange(9) % (len(_codes(fitted)) + 1) - 1
    request = Request(replace(histories, scenario=codes))
    rows, scores, listed, values = both(exact, in_clusters(exact, 1.0), ListOptions(4), request)
    assert np.array_equal(rows, listed)
    np.testing.assert_allclose(scores, values, atol=1e-5)


def _codes(model: Recommender) -> list[str]:
    return list(model.state.engine.vocabulary.scenarios)


def test_clusters_are_saved_and_shown(found: Recommender, tmp_path: Path) -> None:
    users = [f"u{n}" for n in range(9)]
    before = found.rank(users, k=10)
    found.save(tmp_path / "model")
    stored = read_clusters(tmp_path / "model")
    assert stored is not None
    assert stored.described() == found.state.item_clusters.described()  # type: ignore[union-attr]
    loaded = Recommender.load(tmp_path / "model")
    after = loaded.rank(users, k=10)
    assert loaded.state.item_search is not None
    assert before.ids.tolist() == after.ids.tolist()
    assert before.scores.tolist() == after.scores.tolist()


def test_a_model_without_clusters_says_so(saved: Path) -> None:
    assert read_clusters(saved) is None
    assert _lists(saved) == "all items are scored"


def test_doctor_shows_the_recall_and_whether_faiss_is_missing(
    found: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found.save(tmp_path / "model")
    assert re.match(
        r"3,000 items in 216 clusters, .* recall@20 0\.99\d+", _lists(tmp_path / "model")
    )
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert "pip install 'kgrec[ann]'" in _lists(tmp_path / "model")
    (tmp_path / "model" / "item_clusters.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"item_clusters\.safetensors"):
        read_clusters(tmp_path / "model")


def test_auto_counts_the_items_and_looks_for_faiss(
    exact: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = exact.state.engine
    assert clusters_for(engine, "auto") is None
    assert clusters_for(engine, "exact", many=0) is None
    assert clusters_for(engine, "auto", many=N - 1) is not None
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert clusters_for(engine, "auto", many=N - 1) is None
    with pytest.raises(MissingExtraError, match=r"kgrec\[ann\]"):
        clusters_for(engine, "clusters")
    with pytest.raises(MissingExtraError, match=r"kgrec\[ann\]"):
        Recommender(RecommenderConfig(ranking="clusters")).fit(catalogs.catalog())


def test_a_fit_with_clusters_answers_from_them() -> None:
    config = catalogs.config(epochs=1).model_copy(update={"ranking": "clusters"})
    model = Recommender(config).fit(catalogs.catalog())
    assert model.state.item_search is not None
    exact = Recommender.of(
        replace(model.state, config=config.model_copy(update={"ranking": "exact"}))
    )
    assert exact.state.item_search is None
    assert model.rank("u1", k=3).ids.tolist() == exact.rank("u1", k=3).ids.tolist()


@pytest.mark.usefixtures("even_all")
@pytest.mark.parametrize("placed", [False, True], ids=["hidden and boosted", "placed"])
def test_lists_in_clusters_obey_rules_as_exact_ones_do(exact: Recommender, placed: bool) -> None:
    users = exact.snapshot.users.ids[:30].tolist()
    plain = exact.rank(users, k=40).ids
    best = sorted(map(str, set(plain[:, :5].ravel())))
    later = sorted(set(map(str, plain[:, 5:].ravel())) - set(best))
    rules = [
        Rule("no", "never", items=best[::3]),
        Rule("up", "boost", amount=2.0, items=later[::7]),
        Rule("down", "boost", amount=-1.5, items=best[1::3]),
    ]
    if placed:
        rules += [
            Rule("first", "pin", rank=2, items=later[1:2]),
            Rule("few", "cap", most=2, of=10, items=later[::7]),
            Rule("some", "floor", least=1, of=5, items=later[2:9]),
        ]
    truth = Recommender.of(exact.state.with_rules(Rules.of(*rules)))
    found = Recommender.of(in_clusters(exact, share=1.0).state.with_rules(Rules.of(*rules)))
    assert found.state.item_search is not None
    one, other = truth.rank(users, k=20), found.rank(users, k=20)
    assert (one.ids == other.ids).mean() > 0.99
    assert not set(best[::3]) & set(other.ids.ravel())
    same = one.ids == other.ids
    np.testing.assert_allclose(one.scores[same], other.scores[same], atol=1e-4)
    alone = [found.rank(user, k=20) for user in users[:5]]
    assert all((a.ids[0] == ids).all() for a, ids in zip(alone, other.ids, strict=False))
    if placed:
        assert set(other.ids[:, 1]) == {later[1]}
