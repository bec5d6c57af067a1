"""The scenario recogniser: which scenario a history belongs to, as calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import unit_sparse_rows
from kgrec.graph.snapshot import Ints

N_STATISTICS = 4  # see bag_statistics
N_NONE_EVIDENCE = 3  # see Recogniser.none_evidence
_FEATURE_SCALE = 0.3  # of standardised features, beside a bag of unit length
_FEATURE_LIMIT = 4.0  # standard deviations; larger values are clipped
_BY_ITEM = ("odds", "popularity", "item_weight", "idf", "basis")  # arrays with a row per item
# Fields whose arrays have an older name in saved models.
_SAVED_NAMES = {"feature_weight": "told_weight", "none_weight": "strange"}


class ScenarioProbabilities(NamedTuple):
    """Probabilities of B histories; ``known`` and ``none`` together sum to one in each row.

    ``known`` float64 ``[B, K]``: each scenario. ``none`` float64 ``[B]``: none of them.
    """

    known: np.ndarray
    none: np.ndarray


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A classifier p(scenario | history) for histories as bags of items.

    A bag is a row of a CSR matrix float32 ``[B, n]``: how often each of the n trained items occurs.
    Neither the order of events nor the rest of the batch changes an answer.

    The model is a multinomial logistic regression on the bag as a unit vector and on ``features``:
    ``bag_statistics``, and for each scenario the sum over the history of the items' ``odds``
    float32 ``[n, K]``, log p(k | item) / p(k), divided by √(distinct items) (naive Bayes features:
    Wang & Manning, "Baselines and Bigrams", ACL 2012; in training each sum leaves out the history's
    own counts). ``prior`` float64 ``[K]`` is the scenarios' share of histories; ``temperature`` and
    ``shift`` calibrate the probabilities (vector scaling: Guo et al., ICML 2017).

    The probability of "none of these" is logistic in ``none_evidence``, with weights
    ``none_weight``; ``idf`` ``[n]`` and ``basis`` ``[n, r]`` define the subspace of the training
    histories. ``choose`` turns probabilities into an answer by ``exponent`` and ``thresholds``.
    """

    odds: np.ndarray
    popularity: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    item_weight: np.ndarray
    feature_weight: np.ndarray
    bias: np.ndarray
    temperature: np.ndarray
    shift: np.ndarray
    prior: np.ndarray
    idf: np.ndarray
    basis: np.ndarray
    none_weight: np.ndarray
    exponent: np.ndarray
    thresholds: np.ndarray

    def keeping(self, items: Ints) -> Recogniser:
        """The recogniser of these of its n items (int64) alone; the others' numbers are gone."""
        kept = {name: getattr(self, name)[items] for name in _BY_ITEM}
        return replace(self, **kept)

    @property
    def n_scenarios(self) -> int:
        """K, the number of scenarios."""
        return len(self.prior)

    def features(self, bags: sp.csr_matrix, sums: np.ndarray | None = None) -> np.ndarray:
        """Standardised features, float32 ``[B, K + N_STATISTICS]``.

        ``sums`` float64 ``[B, K]``: sums of odds to use in place of ``odds_sums`` of the bags.
        """
        sums = odds_sums(bags, self.odds) if sums is None else sums
        values = np.concatenate([sums, bag_statistics(bags, self.popularity)], axis=1)
        scaled = ((values - self.mean) / self.deviation).clip(-_FEATURE_LIMIT, _FEATURE_LIMIT)
        return np.asarray(_FEATURE_SCALE * scaled, dtype=np.float32)

    def logits(self, bags: sp.csr_matrix) -> np.ndarray:
        """Log probabilities before calibration, float64 ``[B, K]``."""
        raw = (
            unit_rows(bags) @ self.item_weight
            + self.features(bags) @ self.feature_weight
            + self.bias
        )
        return log_softmax(raw)

    def probabilities(self, bags: sp.csr_matrix) -> ScenarioProbabilities:
        """The probability of each scenario, and of none of them, for B histories.

        A history without events gets ``prior``, and 0 for none of them.
        """
        filled = np.diff(bags.indptr) > 0
        log = log_softmax(self.logits(bags) / self.temperature + self.shift)
        known = np.where(filled[:, None], np.exp(log), self.prior)
        odd = self.none_evidence(bags, log) @ self.none_weight[:-1] + self.none_weight[-1]
        none = np.where(filled, 1 / (1 + np.exp(-odd)), 0.0)
        return ScenarioProbabilities(known * (1 - none)[:, None], none)

    def none_evidence(self, bags: sp.csr_matrix, log: np.ndarray) -> np.ndarray:
        """Features from which "none of these" is predicted, float64 ``[B, N_NONE_EVIDENCE]``.

        The log of the largest probability; the norm of the bag's projection onto the subspace of
        training histories (high where its items often occur together); and that norm times the log
        of the number of events.
        """
        inside = np.linalg.norm(idf_rows(bags, self.idf) @ self.basis, axis=1)
        length = np.log1p(np.asarray(bags.sum(axis=1)).ravel())
        return np.stack([log.max(axis=1), inside, inside * length], axis=1)

    def best(self, known: np.ndarray) -> np.ndarray:
        """The scenario with the largest p / prior ** exponent, int64 ``[B]``; ``known`` ``[B, K]``.

        The exponent raises rare scenarios.
        """
        return np.asarray((known / self.prior**self.exponent).argmax(axis=1), dtype=np.int64)

    def choose(self, answer: ScenarioProbabilities) -> np.ndarray:
        """The best scenario (see ``best``) whose p reaches its threshold, int64 ``[B]``.

        -1, none of these, where no scenario reaches its threshold or none is more likely than each.
        """
        known, none = answer
        weighted = np.where(known >= self.thresholds, known / self.prior**self.exponent, -1.0)
        refused = (weighted < 0).all(axis=1) | (none > known.max(axis=1))
        return np.where(refused, -1, weighted.argmax(axis=1)).astype(np.int64)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return every array by its name in saved models, as ``of_arrays`` takes it."""
        return {
            _saved_name(field.name): np.ascontiguousarray(getattr(self, field.name))
            for field in fields(self)
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> Recogniser:
        """Raises KeyError where an array is missing."""
        return Recogniser(
            **{field.name: arrays[_saved_name(field.name)] for field in fields(Recogniser)}
        )


def _saved_name(field: str) -> str:
    return _SAVED_NAMES.get(field, field)


def bag_statistics(bags: sp.csr_matrix, popularity: np.ndarray) -> np.ndarray:
    """Numbers that describe each history as a whole, float64 ``[B, N_STATISTICS]``.

    Log of the number of events, share of distinct items, mean and standard deviation of the log of
    the items' ``popularity`` ``[n]``.
    """
    count = np.asarray(bags.sum(axis=1)).ravel()
    filled, known = np.maximum(count, 1), np.log1p(popularity)
    mean = (bags @ known) / filled
    spread = np.sqrt(np.maximum((bags @ known**2) / filled - mean**2, 0))
    return np.stack([np.log1p(count), np.diff(bags.indptr) / filled, mean, spread], axis=1)


def odds_sums(bags: sp.csr_matrix, odds: np.ndarray) -> np.ndarray:
    """Sum of the odds of the distinct items / √(number of them), float64 ``[B, K]``."""
    distinct = bags.copy()
    distinct.data = np.ones_like(distinct.data)
    return np.asarray((distinct @ odds) / root_lengths(bags)[:, None])


def root_lengths(bags: sp.csr_matrix) -> np.ndarray:
    """√(number of distinct items), at least 1, float64 ``[B]``."""
    return np.asarray(np.sqrt(np.maximum(np.diff(bags.indptr), 1)))


def idf_rows(bags: sp.csr_matrix, idf: np.ndarray) -> sp.csr_matrix:
    """Bags weighted by inverse document frequency, as unit vectors."""
    return unit_rows(bags @ sp.diags(idf))


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Rows of a sparse matrix as float32 unit vectors; empty rows stay empty."""
    return sp.csr_matrix(unit_sparse_rows(matrix), dtype=np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities of each row, float64 ``[B, K]``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(
        shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float64
    )
