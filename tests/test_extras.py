"""Packages that only some features need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kgrec.errors import KgrecError, MissingPackageError
from kgrec.extras import require

# A fresh process in which the package can't be imported.
HIDDEN = """
import sys
sys.modules[{package!r}] = None
from kgrec.errors import MissingPackageError
from kgrec.graph.snapshot import GraphSnapshot, Interactions, NodeTable, Texts
import numpy as np, pandas as pd
import networkx as nx
none, rows = np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
numbers = np.empty(0, dtype=np.float32)
texts = Texts(none, none, rows, rows, rows, numbers)
tables = [NodeTable(label, none, pd.DataFrame()) for label in ("User", "Item", "Entity")]
events = Interactions(rows, rows, rows, numbers, none, none, none)
snapshot = GraphSnapshot(*tables, events, (), texts, texts)
graph = nx.MultiDiGraph()
graph.add_node(("Item", "a"))
from kgrec.explore import draw
try:
    {call}
except MissingPackageError as error:
    print(error)
"""


def test_a_package_that_is_there_is_imported() -> None:
    assert require("json", extra="plots") is json


def test_the_error_names_the_extra() -> None:
    with pytest.raises(MissingPackageError, match=r"pip install 'kgrec\[plots\]'") as raised:
        require("no_such_package.figures", extra="plots")
    assert isinstance(raised.value, KgrecError)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("torch_geometric", "pyg", "snapshot.to_pyg()"),
        ("matplotlib", "plots", "draw(graph, 'a.svg')"),
    ],
)
def test_features_without_their_package(package: str, extra: str, call: str) -> None:
    program = HIDDEN.format(package=package, call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert f"the package '{package}' is not installed" in done.stdout
    assert f"pip install 'kgrec[{extra}]'" in done.stdout


@pytest.mark.slow
def test_a_page_needs_no_matplotlib(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    program = HIDDEN.format(package="matplotlib", call="draw(graph, sys.argv[1])")
    subprocess.run([sys.executable, "-c", program, str(page)], check=True)
    assert page.stat().st_size > 10_000
