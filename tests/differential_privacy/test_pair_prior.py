"""What takes the noise out of a release: against sums that are known, and other formulas."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.differential_privacy.mechanism import with_noise
from kgrec.differential_privacy.pair_prior import (
    PairPrior,
    Similarities,
    expected_pairs,
    likeliest_scale,
    ridge_weights,
)

N = 60


def similar(rng: np.random.Generator) -> np.ndarray:
    """Cosines of items in groups of five, zero on the diagonal."""
    group = np.arange(N) // 5
    found = np.where(group[:, None] == group, 0.8, 0.0) * rng.uniform(0.8, 1.0)
    np.fill_diagonal(found, 0.0)
    return found.astype(np.float32)


def public(facts: np.ndarray) -> Similarities:
    nothing = np.zeros_like(facts)
    return Similarities(facts, nothing, nothing)


def drawn_from(prior: PairPrior, scale: float, rng: np.random.Generator) -> np.ndarray:
    """A symmetric matrix with the covariance that the prior says, times ``scale``."""
    root = prior.vectors * np.sqrt(prior.values)
    drawn = root @ rng.standard_normal((N, N)) @ root.T
    return np.asarray((drawn + drawn.T) * np.sqrt(scale / 2))


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_the_scale_is_found(scale: float) -> None:
    rng = np.random.default_rng(1)
    variance = np.outer(*[np.geomspace(0.01, 10, 200)] * 2)
    cells = rng.standard_normal((200, 200)) * np.sqrt(scale * variance + 2.0)
    assert likeliest_scale(cells, variance, 2.0) == pytest.approx(scale, rel=0.3)


def test_in_noise_alone_hardly_anything_is_found() -> None:
    rng = np.random.default_rng(2)
    prior = PairPrior.of(np.ones(N, dtype=np.float32), similar(rng))
    noise = with_noise(np.zeros((N, N)), 3.0, rng)
    found = prior.without_noise(noise, np.ones(N, dtype=np.float32), 3.0, public(similar(rng)))
    assert np.square(found).mean() < 0.05 * np.square(noise).mean()


def test_the_posterior_is_nearer_than_the_noisy_cells_and_than_the_mean() -> None:
    rng = np.random.default_rng(3)
    facts, popularity = similar(rng), rng.lognormal(size=N).astype(np.float32)
    prior = PairPrior.of(popularity, facts)
    truth = drawn_from(prior, 1.0, rng)
    np.fill_diagonal(truth, 0.0)
    noisy = with_noise(truth, 2.0, rng)
    np.fill_diagonal(noisy, 0.0)
    found = prior.without_noise(noisy, popularity, 2.0, public(facts))
    mean = expected_pairs(noisy, popularity, public(facts))
    errors = [np.square(one - truth).mean() for one in (found, noisy, mean)]
    assert errors[0] < 0.8 * min(errors[1:])
    assert (found == found.T).all()
    assert (np.diagonal(found) == 0).all()


def test_it_is_the_posterior_of_one_big_normal_distribution() -> None:
    """Against the formula with the covariance of all cells, [n², n²]."""
    rng = np.random.default_rng(4)
    size = 6
    prior = PairPrior.of(
        rng.uniform(0.5, 2, size).astype(np.float32), np.full((size, size), 0.5, dtype=np.float32)
    )
    kernel = (prior.vectors * prior.values) @ prior.vectors.T
    noisy = with_noise(np.zeros((size, size)), 1.0, rng)
    np.fill_diagonal(noisy, 0.0)
    nothing = public(np.zeros((size, size), dtype=np.float32))
    flat = np.ones(size, dtype=np.float32)
    rest = noisy - expected_pairs(noisy, flat, nothing)
    np.fill_diagonal(rest, 0.0)
    basis = prior.vectors.T @ rest @ prior.vectors
    scale = likeliest_scale(basis, np.outer(prior.values, prior.values), 0.5)
    covariance = scale * np.kron(kernel, kernel)
    posterior = covariance @ np.linalg.solve(covariance + 0.5 * np.eye(size**2), rest.ravel())
    wanted = posterior.reshape(size, size) + noisy - rest
    np.fill_diagonal(wanted, 0.0)
    found = prior.without_noise(noisy, flat, 1.0, nothing)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_weights_are_those_of_a_ridge_regression() -> None:
    rng = np.random.default_rng(5)
    rows = rng.random((40, 8))
    gram = rows.T @ rows
    found = ridge_weights(gram - np.diag(np.diag(gram)), np.diag(gram), 3.0)
    for item in range(8):
        others = np.delete(np.arange(8), item)
        lhs = gram[np.ix_(others, others)] + 3.0 * np.eye(7)
        np.testing.assert_allclose(
            found[others, item], np.linalg.solve(lhs, gram[others, item]), rtol=1e-4, atol=1e-6
        )


def test_a_matrix_that_is_no_gram_matrix_gets_a_larger_ridge() -> None:
    pairs = np.full((4, 4), -5.0)
    found = ridge_weights(pairs, np.ones(4), 1.0)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, ridge_weights(pairs, np.ones(4), 16.0))
