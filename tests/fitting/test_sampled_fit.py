"""A whole fit on samples of the items."""

from __future__ import annotations

import math
from typing import Any

import pytest

import kgrec
from kgrec.evaluation import EvaluationReport, evaluate_ranking
from kgrec.fitting import fit as fitting
from kgrec.fitting import validation
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture
def few_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_VALID_USERS", 20)


@pytest.mark.usefixtures("few_validated")
def test_a_sampled_fit_answers_and_repeats() -> None:
    settings = catalogs.config(sampling="sampled", negatives=8, fanout=4, epochs=8, patience=20)
    one = kgrec.Recommender(settings).fit(catalogs.catalog(), seed=0, device="cpu")
    same = kgrec.Recommender(settings).fit(catalogs.catalog(), seed=0, device="cpu")
    assert one.recommend(["u1", "u2"], k=5).equals(same.recommend(["u1", "u2"], k=5))
    assert one.history[-1]["loss"] < one.history[0]["loss"]
    report = one.evaluate()
    assert report.n_users == catalogs.N_USERS
    assert report["recall@20"] > 20 / catalogs.N_ITEMS


@pytest.mark.usefixtures("few_validated")
@pytest.mark.parametrize(("sampling", "validated"), [("sampled", 20), ("full", catalogs.N_USERS)])
def test_only_where_sampled_a_sample_of_users_validates(
    sampling: str, validated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def counting(*arguments: Any, **settings: Any) -> EvaluationReport:
        report = evaluate_ranking(*arguments, **settings)
        counts.append(report.n_users)
        return report

    monkeypatch.setattr(validation, "evaluate_ranking", counting)
    settings = catalogs.config(sampling=sampling, epochs=2)
    plain = settings.model.model_copy(update={"use_item_weights": False})
    settings = settings.model_copy(update={"model": plain})
    monkeypatch.setattr(fitting, "choose_popularity", lambda *_: (0.0, math.nan))
    kgrec.Recommender(settings).fit(catalogs.catalog(), seed=0, device="cpu")
    assert set(counts) == {validated}
