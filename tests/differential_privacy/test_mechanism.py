"""The Gaussian mechanism: its noise, beside dp-accounting, and what it does to matrices."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.differential_privacy.mechanism import delta_of, noise_generator, noise_of, with_noise

# (epsilon, delta): the standard deviation that dp-accounting 0.6.0 finds, by
# GaussianPrivacyLoss.from_privacy_guarantee(DifferentialPrivacyParameters(epsilon, delta)).
KNOWN = {
    (0.1, 1e-5): 30.7495661335778,
    (1.0, 1 / 6040): 3.058189513771298,
    (5.0, 1 / 6040): 0.773686584674194,
    (10.0, 1e-6): 0.5410868331056841,
    (0.01, 1e-3): 93.90741990042818,
    (0.5, 1e-6): 8.057618494235985,
    (3.0, 1e-9): 1.9437242785071294,
    (8.0, 1e-3): 0.4800137914464123,
    (30.0, 1e-6): 0.22681577342905002,
}


@pytest.mark.parametrize("given", KNOWN)
def test_the_noise_is_that_of_dp_accounting(given: tuple[float, float]) -> None:
    assert noise_of(*given) == pytest.approx(KNOWN[given], rel=1e-6)
    assert delta_of(noise_of(*given), given[0]) <= given[1]


def test_less_of_both_asks_for_more_noise() -> None:
    assert noise_of(0.5, 1e-4) > noise_of(1.0, 1e-4) > noise_of(2.0, 1e-4)
    assert noise_of(1.0, 1e-9) > noise_of(1.0, 1e-6)


def test_noise_is_symmetric_and_as_wide_as_asked() -> None:
    found = with_noise(np.ones((400, 400)), 3.0, noise_generator(5))
    np.testing.assert_array_equal(found, found.T)
    beside = found[np.triu_indices(400, 1)]
    assert beside.mean() == pytest.approx(1.0, abs=0.05)
    assert beside.std() == pytest.approx(3.0 / 2**0.5, rel=0.02)
    assert np.diagonal(found).std() == pytest.approx(3.0, rel=0.15)


def test_without_a_seed_no_two_draws_are_alike() -> None:
    nothing = np.zeros((3, 3))
    one, other = (with_noise(nothing, 1.0, noise_generator(None)) for _ in range(2))
    assert not np.array_equal(one, other)
