"""The fast path for one user gives the scores of the model."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from kgrec import Recommender
from kgrec.nn import HEADS, Histories, HistoryBatch, ItemWeights, TimeScales
from kgrec.scoring.single_user import SingleUserScorer
from tests.nn.samples import Sample, make_sample

MEAN_OF_EVENTS: dict[str, object] = {
    "scales": TimeScales((np.inf,)),
    "horizons": False,
    "head": "none",
    "fusion": False,
    "user_attributes": False,
    "friends": False,
    "event_texts": False,
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"))


def without_texts(histories: Histories) -> Histories:
    """The same without the events' texts, and with one history of 600 events."""
    rng = np.random.default_rng(0)
    n = len(histories.item)
    return replace(
        histories,
        indptr=np.append(histories.indptr, n + 600),
        item=np.append(histories.item, rng.integers(40, size=600)),
        age=np.append(histories.age, np.arange(599, -1, -1)).astype(np.float32),
        visit=np.append(histories.visit, np.arange(599, -1, -1) // 3).astype(np.float32),
        text=np.full(n + 600, -1),
        user=np.append(histories.user, 7),
        scenario=np.append(histories.scenario, 1),
        later=np.append(histories.later, True),
    )


@pytest.mark.parametrize(
    "changed",
    [
        *({"head": head} for head in HEADS),
        {"fusion": False},
        {"user_attributes": False, "friends": False, "event_texts": False},
        {"scales": TimeScales((np.inf,))},
        {"horizons": False},
        MEAN_OF_EVENTS,
    ],
)
def test_scores_equal_the_models(sample: Sample, changed: dict[str, object]) -> None:
    model = sample.model(**changed)
    inputs = sample.inputs(model)
    histories = without_texts(sample.histories())
    batch = HistoryBatch.build(histories, len(sample.snapshot.items), model.shape.scales)
    with torch.inference_mode():
        items = model.item_vectors(inputs)
        expected = model.scores(model.user_vectors(items, inputs, batch), items).numpy()
        scorer = SingleUserScorer.build(model, items, model.known(items.query, inputs))
    for _ in range(2):  # the second time with cached weights
        for row in range(len(histories)):
            scores = scorer.scores(histories.part(row, row + 1))
            assert scores.dtype == np.float32
            np.testing.assert_allclose(scores, expected[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_scores_of_the_table_equal_those_of_the_vector(sample: Sample, shrinkage: float) -> None:
    """Where histories are means, a table of products takes the place of the candidate vectors."""
    model = sample.model(**MEAN_OF_EVENTS, shrinkage=shrinkage)
    inputs, n_items = sample.inputs(model), len(sample.snapshot.items)
    matrix = sp.random(n_items, n_items, 0.3, "csr", np.float32, random_state=0)
    with torch.inference_mode():
        items = model.item_vectors(inputs)
        scorer = SingleUserScorer.build(
            model,
            items,
            model.known(items.query, inputs),
            item_weights=ItemWeights(matrix, np.inf, shrinkage),
        )
    assert scorer.table is not None
    histories = without_texts(sample.histories())
    read = []
    for row in range(len(histories)):
        one = histories.part(row, row + 1)
        expected, _ = scorer._scores_of_vector(one)
        np.testing.assert_allclose(scorer.scores(one), expected, atol=1e-5, rtol=1e-5)
        read.append(scorer._reads_table(one))
    assert any(read)
    assert not all(read)  # a history longer than vectors are wide reads the vectors


def test_a_scorer_is_freed_with_its_last_user(fitted: Recommender) -> None:
    """Not by the garbage collector, which rests while a service loads a model."""
    engine = fitted.state.engine.refreshed()
    scorer = engine.single_user_scorer
    assert scorer is not None
    assert engine.score_one(engine.stored(np.array([3]))) is not None
    freed = weakref.ref(scorer)
    gc.disable()
    try:
        del scorer, engine
        assert freed() is None
    finally:
        gc.enable()
