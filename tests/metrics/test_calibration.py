import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.metrics.calibration import (
    accuracy_by_class,
    balanced_accuracy,
    expected_calibration_error,
)


def test_the_gap_of_two_bins_by_hand() -> None:
    result = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 6)
    truth = np.array([0, 0, 0, 1, 0, 0, 0, 1, 1, 1])
    # .4 × |.75 − .9| + .6 × |.5 − .6|
    assert expected_calibration_error(result, truth, bins=10) == pytest.approx(0.12)


@pytest.mark.parametrize("equal_mass", [False, True])
def test_right_as_often_as_told_is_near_zero(equal_mass: bool) -> None:
    rng = np.random.default_rng(0)
    top = rng.uniform(0.5, 1.0, 20_000)
    truth = (rng.random(len(top)) >= top).astype(int)
    result = np.stack([top, 1 - top], axis=1)
    assert expected_calibration_error(result, truth, equal_mass=equal_mass) < 0.02
    sure = np.stack([top * 0 + 0.99, top * 0 + 0.01], axis=1)
    assert expected_calibration_error(sure, truth, equal_mass=equal_mass) == pytest.approx(
        0.99 - np.mean(truth == 0)
    )


def test_classes_count_alike() -> None:
    truth = np.array([0] * 9 + [1])
    assert balanced_accuracy(np.zeros(10, dtype=int), truth) == 0.5
    assert accuracy_by_class(np.zeros(10, dtype=int), truth) == {0: 1.0, 1: 0.0}


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(RequestError, match="don't match"):
        expected_calibration_error(np.zeros((2, 2)), np.zeros(3, dtype=int))
