"""The scenario recogniser: which scenario a history belongs to, as calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import unit_sparse_rows

N_STATISTICS = 4  # numbers that describe a history as a whole; see bag_statistics
N_NONE_EVIDENCE = 3  # numbers that "none of these" is told by; see Recogniser.none_evidence
_SHARE, _BOUND = 0.3, 4.0  # a standard deviation beside a bag of unit length; at most so many


class Recognised(NamedTuple):
    """float64, rows sum to one: ``known`` ``[B, K]``, the probability of each scenario; ``none``
    ``[B]``, that of none of them."""

    known: np.ndarray
    none: np.ndarray


@dataclass(frozen=True, eq=False)
class Recogniser:
    """p(scenario | history) for histories as bags: CSR float32 ``[B, n]`` of how often each of the
    n trained items occurs. The order of events plays no part, nor does the rest of the batch.

    A multinomial logistic regression on the bag as a unit vector and on ``told``: the sums of the
    items' ``odds`` float32 ``[n, K]``, log p(k | item) / p(k), over √(distinct items) (naive Bayes
    counts as features: Wang & Manning, "Baselines and Bigrams", ACL 2012; in training each sum
    leaves the history itself out), and ``bag_statistics``. It follows the scenarios' natural shares
    ``prior``; ``temperature`` and ``shift`` calibrate it (vector scaling: Guo et al., ICML 2017).

    "None of these" is logistic in ``none_evidence``; ``idf`` ``[n]`` and ``basis`` ``[n, r]`` are
    of the space that trained histories lie in. ``exponent`` and ``thresholds`` make an answer of the
    probabilities; see ``choose``.
    """

    odds: np.ndarray
    popularity: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    item_weight: np.ndarray
    told_weight: np.ndarray
    bias: np.ndarray
    temperature: np.ndarray
    shift: np.ndarray
    prior: np.ndarray
    idf: np.ndarray
    basis: np.ndarray
    strange: np.ndarray
    exponent: np.ndarray
    thresholds: np.ndarray

    @property
    def n_scenarios(self) -> int:
        """K."""
        return len(self.prior)

    def told(self, bags: sp.csr_matrix, sums: np.ndarray | None = None) -> np.ndarray:
        """float32 ``[B, K + N_STATISTICS]``, standardised; ``sums`` are those of the odds, unless
        they are the items' own."""
        sums = odds_sums(bags, self.odds) if sums is None else sums
        values = np.concatenate([sums, bag_statistics(bags, self.popularity)], axis=1)
        scaled = ((values - self.mean) / self.deviation).clip(-_BOUND, _BOUND)
        return np.asarray(_SHARE * scaled, dtype=np.float32)

    def logits(self, bags: sp.csr_matrix) -> np.ndarray:
        """float64 ``[B, K]``: log probabilities before calibration."""
        raw = unit_rows(bags) @ self.item_weight + self.told(bags) @ self.told_weight + self.bias
        return log_softmax(raw)

    def read(self, bags: sp.csr_matrix) -> Recognised:
        """What B histories belong to. One without events gets the natural shares of the scenarios,
        and is never strange."""
        filled = np.diff(bags.indptr) > 0
        log = log_softmax(self.logits(bags) / self.temperature + self.shift)
        known = np.where(filled[:, None], np.exp(log), self.prior)
        odd = self.none_evidence(bags, log) @ self.strange[:-1] + self.strange[-1]
        none = np.where(filled, 1 / (1 + np.exp(-odd)), 0.0)
        return Recognised(known * (1 - none)[:, None], none)

    def none_evidence(self, bags: sp.csr_matrix, log: np.ndarray) -> np.ndarray:
        """float64 ``[B, N_NONE_EVIDENCE]``: the log of the largest probability; how much of the bag
        lies in the space of trained histories, that is how well its items go together; and that times the
        log of how many there are."""
        inside = np.linalg.norm(weighed(bags, self.idf) @ self.basis, axis=1)
        length = np.log1p(np.asarray(bags.sum(axis=1)).ravel())
        return np.stack([log.max(axis=1), inside, inside * length], axis=1)

    def best(self, known: np.ndarray) -> np.ndarray:
        """int64 ``[B]``: the scenario with the largest p / prior ** exponent, which makes up for
        rare scenarios; ``known`` ``[B, K]``."""
        return np.asarray((known / self.prior**self.exponent).argmax(axis=1), dtype=np.int64)

    def choose(self, answer: Recognised) -> np.ndarray:
        """int64 ``[B]``: ``best`` of those whose p reaches their threshold; -1, none of these,
        where none does or where that is more likely than each."""
        known, none = answer
        worth = np.where(known >= self.thresholds, known / self.prior**self.exponent, -1.0)
        refused = (worth < 0).all(axis=1) | (none > known.max(axis=1))
        return np.where(refused, -1, worth.argmax(axis=1)).astype(np.int64)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name, as ``of_arrays`` takes it."""
        return {
            field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> Recogniser:
        """Raises KeyError where one is missing."""
        return Recogniser(**{field.name: arrays[field.name] for field in fields(Recogniser)})


def bag_statistics(bags: sp.csr_matrix, popularity: np.ndarray) -> np.ndarray:
    """float64 ``[B, N_STATISTICS]``: log of the number of events, share of distinct items, mean and
    spread of the log of the items' ``popularity`` ``[n]``."""
    count = np.asarray(bags.sum(axis=1)).ravel()
    filled, known = np.maximum(count, 1), np.log1p(popularity)
    mean = (bags @ known) / filled
    spread = np.sqrt(np.maximum((bags @ known**2) / filled - mean**2, 0))
    return np.stack([np.log1p(count), np.diff(bags.indptr) / filled, mean, spread], axis=1)


def odds_sums(bags: sp.csr_matrix, odds: np.ndarray) -> np.ndarray:
    """float64 ``[B, K]``: the odds of the distinct items, summed, over √(how many they are)."""
    distinct = bags.copy()
    distinct.data = np.ones_like(distinct.data)
    return np.asarray((distinct @ odds) / root_lengths(bags)[:, None])


def root_lengths(bags: sp.csr_matrix) -> np.ndarray:
    """float64 ``[B]``: √(how many distinct items), at least 1."""
    return np.asarray(np.sqrt(np.maximum(np.diff(bags.indptr), 1)))


def weighed(bags: sp.csr_matrix, idf: np.ndarray) -> sp.csr_matrix:
    """The bags as unit vectors in which rare items weigh more."""
    return unit_rows(bags @ sp.diags(idf))


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The rows of a sparse matrix as float32 unit vectors; empty ones stay empty."""
    return sp.csr_matrix(unit_sparse_rows(matrix), dtype=np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """float64 ``[B, K]``: each row's logs of probabilities."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(
        shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float64
    )
