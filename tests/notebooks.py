"""Runs notebooks: for the tests, and with ``python -m tests.notebooks`` to keep their outputs anew.

The command runs every notebook from top to bottom (it starts a Neo4j for the one that needs it) and
writes tables, texts and pictures into the files.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.neo4j_server import Server, emptied, running_server

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NEO4J = FOLDER / "neo4j_graph.ipynb"


def run(path: Path, folder: Path, variables: Mapping[str, str] | None = None) -> NotebookNode:
    """Run a notebook in ``folder`` and return it with its outputs.

    Raises CellExecutionError, with the traceback, where a cell fails.
    """
    from nbclient import NotebookClient  # slow to import: only where a notebook runs

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,  # a busy machine may take its time; the tests' own limit ends a hang
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    client.execute(env={**os.environ, **(variables or {})})
    return notebook


def server_variables(server: Server) -> dict[str, str]:
    """The environment variables by which the notebook finds a Neo4j."""
    return {
        "KGREC_NOTEBOOK_NEO4J_URI": server.uri,
        "KGREC_NEO4J_USER": server.user,
        "KGREC_NEO4J_PASSWORD": server.password,
    }


def pictures(notebook: NotebookNode) -> int:
    """How many pictures the cells of a notebook show."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return sum("image/png" in out.get("data", {}) for out in outputs)


def keep(path: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run a notebook and write it back with its outputs, without warnings on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = run(path, Path(folder), variables)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    nbformat.write(notebook, path)
    print(f"{path.name}: {pictures(notebook)} pictures")


def main(names: list[str]) -> None:
    """Keep the outputs of the named notebooks, or of all."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        if path != NEO4J:
            keep(path)
            continue
        with running_server() as server:
            emptied(server)
            keep(path, server_variables(server))


if __name__ == "__main__":
    main(sys.argv[1:])
