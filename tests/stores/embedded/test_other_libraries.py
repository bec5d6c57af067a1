"""kgrec in one process with the libraries of a data scientist, imported in any order.

Each of them may bring an OpenMP runtime, and glibc has little room for the thread-local storage of
libraries that are loaded late; kglite alone would take nearly all of it.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARIES = (
    "torch",
    "sklearn.metrics",
    "lightgbm",
    "xgboost",
    "faiss",
    "cv2",
    "matplotlib.pyplot",
    "pyarrow",
)
# KGREC_ORDERS=3 tries every order of three: 504 processes.
ORDERS = list(itertools.permutations(("kgrec", *LIBRARIES), int(os.environ.get("KGREC_ORDERS", 2))))

USE = """
import sys
import kgrec
import pandas as pd
from graph_schema import Catalog

events = pd.DataFrame(
    {
        "user_id": [f"u{i % 7}" for i in range(40)],
        "item_id": [f"i{i % 11}" for i in range(40)],
        "timestamp": range(40),
    }
)
catalog = Catalog.from_frames(interactions=events)
model = kgrec.Recommender()
with kgrec.connect(sys.argv[1]) as store:
    store.write(catalog)
    assert store.edge_types()[0].count == 40
    assert store.read_nodes("Item").num_rows == 11
assert "kglite" not in sys.modules
"""
FIT = """
training = kgrec.TrainingConfig(epochs=1, refit=False)
model = kgrec.Recommender(kgrec.RecommenderConfig(training=training))
model.fit(catalog)
assert len(model.recommend("u1", k=2)) == 2
"""
SCORE = """
from sklearn.metrics import roc_auc_score
assert roc_auc_score([0, 1], [0.2, 0.7]) == 1
"""


def run(code: str, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, str(path / "graph.kgl")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def imports(names: tuple[str, ...]) -> str:
    return "".join(f"import {name}\n" for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_any_order_of_libraries(order: tuple[str, ...], tmp_path: Path) -> None:
    run(imports(order) + USE + FIT, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "order",
    [
        LIBRARIES,
        LIBRARIES[::-1],
        ("kgrec", *LIBRARIES),
        ("sklearn.metrics", "kgrec", "torch"),
        ("torch", "sklearn.metrics", "kgrec"),
    ],
    ids=" then ".join,
)
def test_a_model_is_fitted_beside_them(order: tuple[str, ...], tmp_path: Path) -> None:
    run(imports(order) + USE + FIT + SCORE, tmp_path)


@pytest.mark.slow
def test_the_session_of_every_data_scientist(tmp_path: Path) -> None:
    session = "import numpy, pandas, kgrec\nfrom graph_schema import Catalog\n"
    run(session + SCORE + USE + FIT, tmp_path)
