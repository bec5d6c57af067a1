"""The peer of the recogniser: scikit-learn's logistic regression on the bag of items.

A module of its own that imports no torch: some systems can load scikit-learn only before it.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import normalize

STRENGTHS = (0.01, 0.1, 1.0, 3.0, 10.0)


def regress_bags(
    bags: sp.csr_matrix, label: np.ndarray, train: np.ndarray, valid: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Probabilities ``[test users, K]`` of the C and the kind of bag (counts, ones, unit vectors)
    with the best balanced accuracy on the ``valid`` rows; class_weight balanced."""
    counts = bags.astype(np.float64)
    best, answer = -1.0, np.empty((0, 0))
    for kind in (counts, (counts > 0).astype(np.float64), normalize(counts)):
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
            model.fit(kind[train], label[train])
            right = balanced_accuracy_score(label[valid], model.predict(kind[valid]))
            if right > best:
                best, answer = float(right), model.predict_proba(kind[test])
    return np.asarray(answer)
