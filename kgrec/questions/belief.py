"""Belief: what answers say of a new user, in closed form, and what each answer contributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgrec.graph.snapshot import Floats, Ints
from kgrec.questions.answers import Answers
from kgrec.questions.prior import Loadings, Prior
from kgrec.ranking import top_k

LENGTH = 10  # of the list that answers are to improve
_TARGETS = 200  # items that may come into the list


@dataclass(frozen=True, eq=False)
class Belief:
    """The posterior of a new user's factors after answers (none: the prior).

    Attributes
    ----------
    prior : Prior
        Before the answers.
    given : Loadings
        Of the answered nodes, in their order.
    answers : float64 ``[m]``
        1 for yes, 0 for no.
    """

    prior: Prior
    given: Loadings
    answers: Floats

    @staticmethod
    def of(prior: Prior, answers: Answers) -> Belief:
        """The belief after ``answers``; those that are neither yes nor no change nothing."""
        given = _joined(prior.items.of(answers.items), prior.entities.of(answers.entities))
        return Belief(prior, given, np.concatenate([answers.item_yes, answers.entity_yes]))

    def expecting(self, table: Loadings, row: int) -> Belief:
        """The belief after one more answer, about a row of a table, that is just the expected one:
        it moves no score."""
        about = table.of(np.array([row]))
        expected = about.mean + about.factors @ self.moved
        return Belief(
            self.prior, _joined(self.given, about), np.concatenate([self.answers, expected])
        )

    @cached_property
    def covariance(self) -> Floats:
        """float64 ``[r, r]``: of the factors."""
        given = self.given
        precision = np.eye(given.factors.shape[1])
        precision += given.factors.T @ (given.factors / given.noise[:, None])
        return np.asarray(np.linalg.inv(precision))

    @cached_property
    def shares(self) -> Floats:
        """float64 ``[m, r]``: how each answer moves the mean of the factors."""
        surprise = (self.answers - self.given.mean) / self.given.noise
        return np.asarray((self.given.factors @ self.covariance) * surprise[:, None])

    @cached_property
    def moved(self) -> Floats:
        """float64 ``[r]``: the mean of the factors; zero before any answer."""
        return np.asarray(self.shares.sum(axis=0))

    @cached_property
    def scores(self) -> Floats:
        """float32 ``[n_items]``: the probability that the new user chooses an item, by a linear
        model: it may be below 0 or above 1."""
        # Row by row, so that the last digits depend on no number of threads.
        moved = np.einsum("ij,j->i", self.prior.items.factors, self.moved)
        return np.asarray(self.prior.items.mean + moved, dtype=np.float32)

    def contributions(self, item: int) -> Floats:
        """float64 ``[m]``: what each answer adds to the score of an item row."""
        return np.asarray(self.shares @ self.prior.items.factors[item])

    def gains(self, about: Loadings, allowed: np.ndarray | None) -> Floats:
        """float64 ``[m]``: by how much the answer about each node is expected to raise the sum of
        the scores of the best list, among the items ``allowed`` (bool ``[n_items]``; None: all).

        The knowledge gradient (Frazier, Powell & Dayanik, SIAM J. Control Optim. 2008) of a list of
        LENGTH items: by the scores after a yes and after a no, each by its probability.
        """
        targets = self._targets(allowed)
        now = self.prior.items.mean[targets]
        now = now + self.prior.items.factors[targets] @ self.moved
        moved = about.factors @ self.covariance
        variance = (moved * about.factors).sum(axis=1) + about.noise
        across = np.asarray(self.prior.items.factors[targets].T, dtype=np.float32)
        change = np.asarray(moved / variance[:, None], dtype=np.float32) @ across
        mean = about.mean + about.factors @ self.moved
        yes, base = np.clip(mean, 0.02, 0.98), now.astype(np.float32)
        expected = yes * _best(base + change * _column(1 - mean))
        expected += (1 - yes) * _best(base - change * _column(mean))
        return np.asarray(expected - float(_best(base[None])[0]))

    def probabilities(self, about: Loadings) -> Floats:
        """float64 ``[m]``, 0 to 1: how likely a yes about each node is."""
        mean = about.mean + about.factors @ self.moved
        return np.asarray(np.clip(mean, 0.0, 1.0))

    def _targets(self, allowed: np.ndarray | None) -> Ints:
        """int64: the items with the highest scores, each raised by its deviation."""
        factors = self.prior.items.factors
        spread = np.sqrt(np.maximum(((factors @ self.covariance) * factors).sum(axis=1), 0.0))
        rows, _ = top_k((self.scores + spread)[None], _TARGETS, candidates=allowed)
        return np.asarray(rows[0][rows[0] >= 0])


def _joined(first: Loadings, second: Loadings) -> Loadings:
    return Loadings(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))


def _column(values: Floats) -> Floats:
    return np.asarray(values, dtype=np.float32)[:, None]


def _best(scores: Floats) -> Floats:
    """float64 ``[m]``: the sum of the LENGTH largest of each row."""
    if scores.shape[1] <= LENGTH:
        return np.asarray(scores.sum(axis=1))
    return np.asarray(-np.partition(-scores, LENGTH, axis=1)[:, :LENGTH].sum(axis=1))
