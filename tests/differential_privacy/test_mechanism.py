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
}


@pytest.mark.parametrize("given", KNOWN)
def test_the_noise_is_that_of_dp_accounting(given: tuple[float, float]) -> None:
    assert noise_of(*given) == pytest.approx(KNOWN[given], rel=1e-7)
    assert delta_of(noise_of(*given), given[0]) <= given[1]


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 3.0, 8.0, 30.0])
def test_dp_accounting_finds_the_epsilon_that_was_asked_for(epsilon: float) -> None:
    mechanism = pytest.importorskip(
        "dp_accounting.pld.privacy_loss_mechanism",
        reason="dp-accounting is not installed; pip install --no-deps dp-accounting==0.6.0",
    )
    for delta in (1e-3, 1e-6, 1e-9):
        loss = mechanism.GaussianPrivacyLoss(noise_of(epsilon, delta))
        assert loss.get_delta_for_epsilon(epsilon) == pytest.approx(delta, rel=1e-6)


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
