"""The figures of benchmarks.unbiased, by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.unbiased import measure


def test_figures() -> None:
    test = pd.DataFrame({"user_id": ["a"] * 6 + ["b"] * 6, "rating": [5, 1, 1, 3, 2, 1] + [1] * 6})
    predicted = pd.Series([4.0, 3.5, 3.0, 2.5, 2.0, 1.0] + [1.0] * 6)
    found = measure(test, predicted)
    assert found["mse"] == pytest.approx((1 + 6.25 + 4 + 0.25 + 0 + 0) / 12, abs=1e-5)
    ideal = 1 + 1 / np.log2(3)
    assert found["ndcg@5"] == pytest.approx((1 + 1 / np.log2(5)) / ideal, abs=1e-5)
    assert found["auc"] == pytest.approx(18 / 20, abs=1e-5)
