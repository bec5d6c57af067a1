"""The peer of the recogniser: scikit-learn's logistic regression on the bag of items.

It runs in a process of its own (``python -m benchmarks.bag_regression FOLDER``): some systems can't
load scikit-learn's libraries beside torch's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import scipy.sparse as sp

from graph_schema.errors import SourceError

STRENGTHS = (0.01, 0.1, 1.0, 3.0, 10.0)


def regress_bags(
    bags: sp.csr_matrix, label: np.ndarray, train: np.ndarray, valid: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Probabilities ``[test users, K]`` of the C and the kind of bag (counts, ones, unit vectors)
    with the best balanced accuracy on the ``valid`` rows; class_weight balanced. Raises SourceError
    where scikit-learn isn't there or fails."""
    with TemporaryDirectory(prefix="kgrec-") as name:
        folder = Path(name)
        sp.save_npz(folder / "bags.npz", bags)
        np.savez(folder / "rows.npz", label=label, train=train, valid=valid, test=test)
        command = [sys.executable, "-m", "benchmarks.bag_regression", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SourceError(f"the peer failed ({done.stderr.strip().splitlines()[-1:]}). {_CURE}")
        return np.asarray(np.load(folder / "answer.npy"))


_CURE = "Cure: pip install -c constraints.txt -e '.[bench]'."


def main() -> None:
    """Fit and answer what lies in the folder that the command line names."""
    _run(Path(sys.argv[1]))


def _run(folder: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import normalize

    bags = sp.load_npz(folder / "bags.npz")
    label, train, valid, test = (
        np.load(folder / "rows.npz")[name] for name in ("label", "train", "valid", "test")
    )
    counts = bags.astype(np.float64)
    best, answer = -1.0, np.empty((0, 0))
    for kind in (counts, (counts > 0).astype(np.float64), normalize(counts)):
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
            model.fit(kind[train], label[train])
            right = balanced_accuracy_score(label[valid], model.predict(kind[valid]))
            if right > best:
                best, answer = float(right), model.predict_proba(kind[test])
    np.save(folder / "answer.npy", answer)


if __name__ == "__main__":
    main()
