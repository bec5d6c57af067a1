"""The window: exact sums, few buckets, no false change, and a change where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.drift import Adwin


def test_the_window_holds_the_latest_numbers() -> None:
    values = np.random.default_rng(0).random(3_000)
    window = Adwin()
    assert np.isnan(window.mean)
    for value in values.tolist():
        assert window.add(value) is None
    assert window.width == 3_000
    assert window.mean == pytest.approx(values.mean())
    buckets = sum(map(len, window._levels))
    assert buckets <= 5 * (np.log2(3_000) + 1), "memory grows with the logarithm"


@pytest.mark.parametrize("seed", range(3))
def test_numbers_that_stay_alike_are_no_change(seed: int) -> None:
    values = np.random.default_rng(seed).beta(1, 2, 20_000).tolist()
    window = Adwin()
    assert [value for value in values if window.add(value)] == []


@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_a_change_is_found_and_the_old_part_leaves(shift: float) -> None:
    rng = np.random.default_rng(1)
    window = Adwin()
    for value in rng.uniform(0.2, 0.8, 5_000).tolist():
        assert window.add(value) is None
    later = rng.uniform(0.2 + shift, 0.8 + shift, 1_000).tolist()
    cuts = [(place, cut) for place, value in enumerate(later) if (cut := window.add(value))]
    place, cut = cuts[0]
    assert len(cuts) == 1, "one change is reported once"
    assert place < 400
    assert cut.fell == (shift < 0)
    assert cut.mean_before == pytest.approx(0.5, abs=0.02)
    assert cut.mean_since == pytest.approx(0.5 + shift, abs=0.06)
    assert window.mean == pytest.approx(0.5 + shift, abs=0.03)
