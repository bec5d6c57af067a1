"""The controls of rating prediction, and the trial of hostile reviews, on small worlds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.controls.ratings import (
    Biases,
    RatedRows,
    by_biases,
    by_factors,
    by_mean,
    by_shifted_biases,
)
from benchmarks.texts.noise import ATTACKS
from benchmarks.texts.robustness import _FAKES, _TARGETS, Trial
from kgrec.graph.snapshot import Interactions
from kgrec.graph.source import read_source
from tests.recommender import catalogs

SHAPE = (60, 30)


def world(taste: float) -> RatedRows:
    """m + b_u + b_i, a little noise, and ``taste`` times p_u · q_i."""
    rng = np.random.default_rng(0)
    n = 1_500
    user, item = rng.integers(SHAPE[0], size=n), rng.integers(SHAPE[1], size=n)
    biases = rng.normal(size=SHAPE[0])[user] * 0.5 + rng.normal(size=SHAPE[1])[item] * 0.5
    sides = [rng.choice([-1.0, 1.0], size=count) for count in SHAPE]
    rating = 3 + biases + taste * sides[0][user] * sides[1][item] + 0.1 * rng.normal(size=n)
    split = np.array(["train", "valid", "test"], dtype=object)[
        np.searchsorted([0.8, 0.9], rng.random(n))
    ]
    none = np.full(n, "", dtype=object)
    rows = Interactions(user, item, np.arange(n), rating.astype(np.float32), none, none, split)
    return RatedRows.of(rows, SHAPE)


def rmse(rows: RatedRows, answers: np.ndarray) -> float:
    return float(np.sqrt(((answers - rows.test.rating) ** 2).mean()))


def test_biases_are_found() -> None:
    rows = world(0.0)
    answers, chosen = by_biases(rows)
    assert rmse(rows, answers) < 0.15 < 0.5 < rmse(rows, by_mean(rows)[0])
    assert set(chosen) == {"user_reg", "item_reg"}
    shifted, result = by_shifted_biases(rows)
    assert abs(result["shift"]) < 0.05
    assert np.abs(shifted - answers).max() < 0.06


@pytest.mark.slow
def test_factors_find_what_biases_can_not() -> None:
    rows = world(0.7)
    factors, _ = by_factors(rows, seed=0)
    assert rmse(rows, factors) < 0.3 < 0.6 < rmse(rows, by_biases(rows)[0])


def test_test_ratings_are_not_read() -> None:
    rows = world(0.3)
    other = RatedRows(
        rows.train, rows.valid, rows.test.select(np.arange(len(rows.test)) % 2 == 0),
        rows.known, rows.shape,
    )  # fmt: skip
    assert (by_biases(other)[0] == by_biases(rows)[0][::2]).all()
    assert np.isfinite(Biases.fit(rows.known, SHAPE, (1.0, 1.0)).predict(rows.test)).all()


def test_the_trial_attacks_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.texts.robustness._TARGETS", 5)
    trial = Trial.draw(read_source(catalogs.catalog(), None))
    assert _TARGETS == 30
    assert len(set(trial.targets)) == 5
    news = trial.news()
    assert set(news) == {"typing errors", *ATTACKS}
    wanted = set(trial.whole.items.ids[trial.targets])
    for kind in ATTACKS:
        frame = news[kind].reviews
        assert set(frame["item_id"]) == wanted
        assert len(frame) == 5 * _FAKES
    typed = news["typing errors"].reviews.set_index("review_id")["text"]
    before = dict(zip(trial.whole.reviews.id, trial.whole.reviews.text, strict=True))
    assert set(typed.index) == set(before)
    assert any(typed[name] != before[name] for name in before)
