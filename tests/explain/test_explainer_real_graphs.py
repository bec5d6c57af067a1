"""Explanations on MovieLens with its knowledge graphs: true, reproducible, fast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import loaders
from kgrec.explain import Constraints, Explainer
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore

from .additive import AdditiveModel

Setting = tuple[EmbeddedStore, AdditiveModel, Explainer]


def setting(source: Path, folder: Path) -> Setting:
    store = EmbeddedStore(folder / "graph.kgl")
    store.write(loaders.load(source).catalog)
    graph = read_snapshot(store).without_splits(("test",))  # as a fitted model has it
    explainer = Explainer(graph)
    explainer.warm_up()
    return store, AdditiveModel(graph), explainer


@pytest.fixture(scope="module")
def ml1m(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(data_dir / "ml-1m-kg", tmp_path_factory.mktemp("ml1m"))


@pytest.fixture(scope="module")
def ml100k(ml100k_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(ml100k_dir, tmp_path_factory.mktemp("ml100k"))


def pairs(model: AdditiveModel, count: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(2026)
    users = rng.integers(0, len(model.graph.users), count)
    items = rng.integers(0, len(model.graph.items), count)
    return list(zip(users.tolist(), items.tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.data
def test_every_path_on_ml_1m_is_true(ml1m: Setting) -> None:
    store, model, explainer = ml1m
    asked = 0
    for user, item in pairs(model, 20):
        scores = model.breakdown(user, item)
        found = explainer.explain(scores, item, user=user, k=8)
        assert found.shown + found.not_shown + found.rest == pytest.approx(found.gain, abs=1e-9)
        assert abs(found.rest - found.withheld) < 1e-9
        assert found.paths
        for path in found.paths:
            (row,) = store.query(path.cypher, path.parameters)
            assert {name: row[name] for name in path.expected} == path.expected
            asked += 1
    assert asked > 100


@pytest.mark.slow
@pytest.mark.data
def test_known_films_are_joined_by_their_composer(ml1m: Setting) -> None:
    _, model, explainer = ml1m
    graph = model.graph
    titles = graph.items.attributes["title"].astype(str)
    jaws = int(np.flatnonzero(titles == "Jaws")[0])
    raiders = int(np.flatnonzero(titles == "Raiders of the Lost Ark")[0])
    ends = [("Item", str(graph.items.ids[row])) for row in (jaws, raiders)]
    limits = Constraints(relations=["composed_by_composer"], max_hops=2)
    (path,) = explainer.index.find(*ends, constraints=limits)
    assert explainer.index.space.name(path.nodes[1]) == "John Williams"


@pytest.mark.slow
def test_unnamed_freebase_entities_are_told_by_their_role(ml100k: Setting) -> None:
    store, model, explainer = ml100k
    said: list[str] = []
    for user, item in pairs(model, 25):
        found = explainer.explain(model.breakdown(user, item), item, user=user, k=6)
        assert found.shown + found.not_shown + found.rest == pytest.approx(found.gain, abs=1e-9)
        for path in found.paths:
            said.append(path.sentence)
            (row,) = store.query(path.cypher, path.parameters)
            assert row["nodes"] == path.expected["nodes"]
    assert any("has the same" in sentence for sentence in said)
    assert not any("film.film" in sentence or "m.0" in sentence for sentence in said)
