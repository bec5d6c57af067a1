"""Ranking and pointwise metrics on arrays; all sums are float64.

The definitions are those of trec_eval: binary gains, NDCG's ideal list cut at min(|targets|, k),
average precision divided by |targets|, precision divided by k whatever the list's length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph_schema.errors import RequestError
from kgrec.arrays import Csr, contains
from kgrec.ranking.exposure import position_discount

UserMetrics = dict[str, np.ndarray]


def hit_matrix(top: np.ndarray, targets: Csr) -> np.ndarray:
    """Whether the item at each place is one of the user's targets.

    Parameters
    ----------
    top
        Item rows int64 ``[B, K]``, best first, padded with -1.
    targets
        Held-out items as (indptr ``[B + 1]``, item rows).

    Returns
    -------
    numpy.ndarray
        Bool ``[B, K]``.
    """
    return contains(targets, np.arange(len(top))[:, None], top)


def user_metrics(hits: np.ndarray, n_targets: np.ndarray, ks: Sequence[int]) -> UserMetrics:
    """Every list metric of every user at every cutoff.

    Parameters
    ----------
    hits
        Bool ``[B, K]`` with K >= max(ks), as ``hit_matrix`` returns it.
    n_targets
        Number of targets of each user, int ``[B]``, 1 or more.
    ks
        Cutoffs.

    Returns
    -------
    UserMetrics
        Float64 ``[B]``, from 0 to 1, by name: ``ndcg@k, recall@k, precision@k, hr@k, mrr@k,
        map@k``.

    Raises
    ------
    RequestError
        K is too small, or a user has no target.
    """
    if hits.shape[1] < max(ks):
        raise RequestError(f"the lists hold {hits.shape[1]} items; metrics at {max(ks)} need more.")
    if len(n_targets) and n_targets.min() < 1:
        raise RequestError("a user without targets has no metric; leave such users out.")
    gains = hits.astype(np.float64)
    places = np.arange(1, hits.shape[1] + 1, dtype=np.float64)
    discount = position_discount(hits.shape[1])
    found = np.cumsum(gains, axis=1)
    dcg = np.cumsum(gains * discount, axis=1)
    ideal = np.cumsum(discount)
    precision_sums = np.cumsum(gains * found / places, axis=1)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    result: UserMetrics = {}
    for k in ks:
        result[f"ndcg@{k}"] = dcg[:, k - 1] / ideal[np.minimum(n_targets, k) - 1]
        result[f"recall@{k}"] = found[:, k - 1] / n_targets
        result[f"precision@{k}"] = found[:, k - 1] / k
        result[f"hr@{k}"] = (found[:, k - 1] > 0).astype(np.float64)
        result[f"mrr@{k}"] = np.where(first <= k, 1.0 / first, 0.0)
        result[f"map@{k}"] = precision_sums[:, k - 1] / n_targets
    return result


def best_ranks(scores: np.ndarray, targets: Csr) -> np.ndarray:
    """The rank of each user's best target in the whole list.

    Parameters
    ----------
    scores
        ``[B, n]``, -inf where an item is not in the list; equal scores rank by item row.
    targets
        Held-out items as (indptr ``[B + 1]``, item rows).

    Returns
    -------
    numpy.ndarray
        Float64 ``[B]``, from 1; inf where no target is in the list. The mean of the reciprocals is
        MRR without a cutoff.
    """
    indptr, indices = targets
    ranks = np.full(len(scores), np.inf)
    for row in range(len(scores)):
        items = indices[indptr[row] : indptr[row + 1]]
        values = scores[row, items]
        if not len(items) or values.max() == -np.inf:
            continue
        best = values.max()
        item = items[values == best].min()
        ranks[row] = 1 + (scores[row] > best).sum() + (scores[row, :item] == best).sum()
    return ranks


def self_information(popularity: np.ndarray) -> np.ndarray:
    """Self-information of each item's share of the training interactions (Zhou et al. 2010).

    Parameters
    ----------
    popularity
        Training counts ``[n]``; one is added to each so that unseen items have a finite value.

    Returns
    -------
    numpy.ndarray
        Float64 ``[n]``, in bits: -log2 of the share.
    """
    counts = popularity.astype(np.float64) + 1.0
    return np.asarray(np.log2(counts.sum()) - np.log2(counts))


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve; ties count half.

    Parameters
    ----------
    labels
        0/1 or bool ``[n]``.
    scores
        Float ``[n]``.

    Returns
    -------
    float
        From 0 to 1; 0.5 for random scores.

    Raises
    ------
    RequestError
        Only one class occurs.
    """
    positive = np.asarray(labels).astype(bool)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        raise RequestError("AUC needs at least one positive and one negative row.")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    rank_sum = mean_rank[inverse][positive].sum()
    return float((rank_sum - n_pos * (n_pos + 1) / 2.0) / (n_pos * n_neg))


def logloss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log likelihood.

    Parameters
    ----------
    labels
        0/1 or bool ``[n]``.
    probabilities
        Of label 1, float ``[n]``, clipped to [1e-15, 1 - 1e-15].

    Returns
    -------
    float
        In nats, 0 or more.
    """
    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-15, 1.0 - 1e-15)
    positive = np.asarray(labels).astype(bool)
    return float(-np.log(np.where(positive, clipped, 1.0 - clipped)).mean())


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error.

    Parameters
    ----------
    truth, predicted
        Float ``[n]``.

    Returns
    -------
    float
        In the unit of ``truth``.
    """
    error = np.asarray(truth, dtype=np.float64) - np.asarray(predicted, dtype=np.float64)
    return float(np.sqrt(np.mean(error**2)))


def mae(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error.

    Parameters
    ----------
    truth, predicted
        Float ``[n]``.

    Returns
    -------
    float
        In the unit of ``truth``.
    """
    error = np.asarray(truth, dtype=np.float64) - np.asarray(predicted, dtype=np.float64)
    return float(np.mean(np.abs(error)))
