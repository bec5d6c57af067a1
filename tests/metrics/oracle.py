"""Interactions and lists for the evaluation tests, and ir-measures as a second opinion."""

import ir_measures
import numpy as np
from ir_measures import AP, RR, P, R, Success, nDCG

from kgrec.graph.snapshot import NO_TIME, Interactions


def make_interactions(user, item, timestamp=None, split=None):
    user, item = np.asarray(user, dtype=np.int64), np.asarray(item, dtype=np.int64)
    n = len(user)
    time = np.full(n, NO_TIME) if timestamp is None else np.asarray(timestamp, dtype=np.int64)
    labels = np.full(n, "", dtype=object) if split is None else np.asarray(split, dtype=object)
    order = np.lexsort((item, time, user))
    blank = np.full(n, "", dtype=object)
    return Interactions(
        user=user[order],
        item=item[order],
        timestamp=time[order],
        rating=np.full(n, np.nan, dtype=np.float32),
        event=blank,
        scenario=blank,
        split=labels[order],
    )


def oracle_means(scores, targets, ks):
    """Means by our metric names, computed by trec_eval from scores ``[B, n]`` (-inf: not listed).

    trec_eval breaks ties by the larger document name, so a lower row gets a larger name.
    """
    n_items = scores.shape[1]
    run = {
        str(row): {
            f"{n_items - item:06d}": float(scores[row, item])
            for item in np.flatnonzero(scores[row] > -np.inf)
        }
        for row in range(len(scores))
    }
    indptr, items = targets
    qrels = {
        str(row): {f"{n_items - item:06d}": 1 for item in items[indptr[row] : indptr[row + 1]]}
        for row in range(len(scores))
    }
    names = {RR: "mrr"}
    for k in ks:
        names |= {
            nDCG @ k: f"ndcg@{k}",
            R @ k: f"recall@{k}",
            P @ k: f"precision@{k}",
            Success @ k: f"hr@{k}",
            AP @ k: f"map@{k}",
        }
    found = ir_measures.calc_aggregate(list(names), qrels, run)
    return {names[measure]: value for measure, value in found.items()}
