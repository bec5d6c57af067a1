import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.scenario_data.recognition import (
    Answers,
    Labelled,
    ece_if_perfect,
    figures,
    ours,
    shrinkage,
)
from kgrec.metrics.calibration import balanced_accuracy


def _data(n: int = 400) -> Labelled:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n)
    bags = (rng.random((n, 12)) < np.where(np.arange(12) % 2 == label[:, None], 0.6, 0.2)) * 1.0
    return Labelled(sp.csr_matrix(bags.astype(np.float32)), label, ["a", "b"])


def test_no_user_is_tested_on_twice_or_fitted_on_too() -> None:
    data = _data()
    tested = np.concatenate([data.split(seed)[2] for seed in range(10)])
    assert sorted(tested) == list(range(400))
    for seed in range(10):
        assert sorted(np.concatenate(data.split(seed))) == list(range(400))


def test_what_users_are_worth_averages_to_the_balanced_accuracy() -> None:
    truth, best = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    answers = Answers(truth, best, best, np.eye(2)[best], 0.0)
    assert shrinkage(answers).mean() == pytest.approx(balanced_accuracy(best, truth))


def test_figures_of_a_real_fit_and_what_perfect_calibration_would_cost() -> None:
    data = _data()
    result = figures(ours(data, 0), data.names)
    assert result["balanced_accuracy"] > 0.75
    assert set(result["by_scenario"]) == {"a", "b"}
    few, many = (ece_if_perfect(np.full((n, 1), 0.7)) for n in (40, 4000))
    assert 0 < many < few / 5
