"""The Gaussian mechanism: how much noise (epsilon, delta) asks for, and matrices with noise.

Two data sets are neighbours if one has one user more, with all of that user's events. What is
released may differ by at most 1 between neighbours, as the square root of the sum of all squares.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr

_BOUNDS: Final = (1e-6, 1e9)  # of the noise


def delta_of(noise: float, epsilon: float) -> float:
    """The smallest delta for which Gaussian noise of standard deviation ``noise`` on something of
    sensitivity 1 is (``epsilon``, delta)-differentially private.

    Exact: Balle & Wang, Improving the Gaussian mechanism for differential privacy (ICML 2018),
    theorem 8.
    """
    half, shift = 0.5 / noise, epsilon * noise
    return float(np.exp(log_ndtr(half - shift)) - np.exp(epsilon + log_ndtr(-half - shift)))


def noise_of(epsilon: float, delta: float) -> float:
    """The standard deviation of the least Gaussian noise that is (``epsilon``, ``delta``)-
    differentially private for something of sensitivity 1."""
    low, high = _BOUNDS
    found: float = brentq(lambda log: delta_of(np.exp(log), epsilon) - delta, *np.log((low, high)))
    noise = float(np.exp(found))
    while delta_of(noise, epsilon) > delta:  # the root is within a rounding error
        noise *= 1 + 1e-9
    return noise


def with_noise(matrix: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """``matrix``, symmetric float ``[n, n]``, plus Gaussian noise of standard deviation ``noise``
    on every cell, made symmetric: float32 ``[n, n]``.

    Making it symmetric is done after the noise was added and costs no privacy; it leaves
    ``noise`` / √2 on a cell beside the diagonal.
    """
    drawn = rng.standard_normal(matrix.shape)
    drawn *= noise
    drawn += matrix
    return np.asarray((drawn + drawn.T) / 2, dtype=np.float32)


def noise_generator(seed: int | None) -> np.random.Generator:
    """A generator of noise: from the operating system's randomness where ``seed`` is None."""
    return np.random.default_rng(seed)
