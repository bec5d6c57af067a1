"""What the packages promise: their names, their documentation, and files a reader can take in."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("kgrec", "graph_schema", "loaders")
ENGINE = "kgrec.stores.embedded"  # loads kglite, which not every process has room for
MODULES = sorted(
    file.relative_to(ROOT) for package in PACKAGES for file in (ROOT / package).rglob("*.py")
)
LONGEST_MODULE = 600
FACADE, LONGEST_FACADE = Path("kgrec/recommender.py"), 1_800  # every public method, documented
MOST_FILES = 14  # of one folder
A_FILE_EACH = {"kgrec/cli", "loaders"}  # folders with a file for every command, every format
TEXT_FILES = {".py", ".md", ".toml", ".txt", ".ipynb", ".yaml", ".yml", ".cypher", ""}
BUILT = {"demo", "build", "dist", "kgrec.egg-info", "site"}
# Absolute folders of one machine, and addresses of package indexes, belong in no file.
FOREIGN = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/|pypi\.org|pythonhosted|file://")


def _public(package: str) -> list[str]:
    return list(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_lists_what_is_there(package: str) -> None:
    module = importlib.import_module(package)
    names = _public(package)
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(module, name), f"{package}.__all__ promises {name}"


def test_kgrec_exports_the_promised_surface() -> None:
    promised = {"connect", "Recommender", "RecommenderConfig", "KgrecError", "GraphStore"}
    assert promised <= set(_public("kgrec"))
    recommender = importlib.import_module("kgrec").Recommender
    methods = ("fit", "recommend", "similar", "search", "explain", "evaluate", "update", "save")
    methods += ("load", "recommend_users", "similar_users", "score", "vectors")
    assert [name for name in methods if not callable(getattr(recommender, name, None))] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_object_says_what_it_does(package: str) -> None:
    module = importlib.import_module(package)
    undocumented = [
        name
        for name in _public(package)
        if (inspect.isclass(value := getattr(module, name)) or inspect.isfunction(value))
        and not inspect.getdoc(value)
    ]
    assert undocumented == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_imports_and_says_what_it_is_for(package: str) -> None:
    found = importlib.import_module(package)
    modules = [info.name for info in pkgutil.walk_packages(found.__path__, f"{package}.")]
    here = [name for name in modules if not name.startswith(ENGINE)]
    assert [
        name for name in here if not (importlib.import_module(name).__doc__ or "").strip()
    ] == []
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n"
    code += "    assert (importlib.import_module(name).__doc__ or '').strip(), name"
    others = [name for name in modules if name.startswith(ENGINE)]
    subprocess.run([sys.executable, "-c", code, *others], check=True)


def test_no_import_circles() -> None:
    files = {_name(file): file for file in MODULES}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, file in files.items():
        graph.add_edges_from((module, other) for other in _imported(file, set(files)) - {module})
    circles = [
        sorted(circle) for circle in nx.strongly_connected_components(graph) if len(circle) > 1
    ]
    assert circles == []


def _name(file: Path) -> str:
    """The dotted name of a module."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(file: Path, modules: set[str]) -> set[str]:
    """The modules that any import statement of a file names, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in members}
    return found & modules


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_short(module: Path) -> None:
    with tokenize.open(ROOT / module) as text:
        longest = LONGEST_FACADE if module == FACADE else LONGEST_MODULE
        assert sum(1 for _ in text) <= longest


def test_folders_are_small() -> None:
    """A reader takes in a room at one look."""
    counts = Counter(file.parent for file in MODULES if file.name != "__init__.py")
    large = {str(folder) for folder, n in counts.items() if n > MOST_FILES}
    assert large <= A_FILE_EACH


def test_no_file_names_a_machine_or_an_index() -> None:
    found = []
    for file in ROOT.rglob("*"):
        parts = file.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        skipped = {Path(__file__).name, ".git"}  # .git is a file in a linked worktree
        if hidden or BUILT & set(parts) or file.name in skipped or not file.is_file():
            continue
        if file.suffix in TEXT_FILES and FOREIGN.search(_text(file)):
            found.append(str(file.relative_to(ROOT)))
    assert found == []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
