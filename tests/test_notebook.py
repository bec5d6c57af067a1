"""The notebooks run from top to bottom, so that they stay true.

The one that needs a Neo4j has a file of its own: files that ask for the server share one worker.
"""

import itertools
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import FOLDER, NEO4J, pictures, run

# What each shows at least: a neighbourhood, a training curve, an explanation; two charts; ...
PICTURES = {"first_steps": 3, "scenarios": 2, "explanations": 3}
LIBRARIES = FOLDER / "other_libraries.ipynb"
ORDERS = list(itertools.permutations(("torch", "sklearn", "kgrec")))
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PICTURES)
def test_a_notebook_runs_and_draws(name: str, tmp_path: Path) -> None:
    assert pictures(run(FOLDER / f"{name}.ipynb", tmp_path)) >= PICTURES[name]


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_libraries_are_imported_in_every_order(order: tuple[str, ...], tmp_path: Path) -> None:
    notebook = nbformat.read(LIBRARIES, as_version=4)
    imports = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert set(imports.source.split()) == {"import", *order}
    imports.source = "\n".join(f"import {name}" for name in order)
    nbformat.write(notebook, tmp_path / "ordered.ipynb")
    run(tmp_path / "ordered.ipynb", tmp_path)


def test_every_notebook_is_run_by_a_test() -> None:
    assert {path.stem for path in NOTEBOOKS} == {*PICTURES, LIBRARIES.stem, NEO4J.stem}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_saved_notebook_is_valid_and_explains_itself(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[0] == "markdown"
    assert kinds.count("markdown") >= kinds.count("code") / 2
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert [out for out in outputs if out.output_type == "error"] == []
