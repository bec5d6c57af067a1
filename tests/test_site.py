"""The hooks of the documentation's site: pages from other files, their links, and no network."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]


def site_module(name: str) -> ModuleType:
    """A module of ``docs/_site``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "_site" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return site_module("hooks")


def test_the_picture_of_the_flows_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    flow = site_module("flow")
    flow.draw(tmp_path / "flow.svg")
    assert (tmp_path / "flow.svg").read_bytes() == flow.PICTURE.read_bytes()


@pytest.mark.parametrize(
    ("link", "source", "page", "expected"),
    [
        ("docs/model.md", "README.md", "index.md", "[x](model.md)"),
        ("notebooks/scenarios.ipynb", "README.md", "index.md", "[x](tutorials/scenarios.md)"),
        (
            "../README.md#how-good-it-is",
            "docs/model.md",
            "model.md",
            "[x](index.md#how-good-it-is)",
        ),
        ("../model.md", "docs/api/settings.md", "api/settings.md", "[x](../model.md)"),
        (
            "../docs/explore.md",
            "notebooks/explanations.ipynb",
            "tutorials/explanations.md",
            "[x](../explore.md)",
        ),
        ("docs/pictures/flow.svg", "README.md", "index.md", "[x](pictures/flow.svg)"),
        ("LICENSE", "README.md", "index.md", "x"),
        ("no/such/file.md", "README.md", "index.md", "[x](no/such/file.md)"),
    ],
)
def test_links_lead_to_pages_of_the_site(
    hooks: ModuleType, link: str, source: str, page: str, expected: str
) -> None:
    assert hooks.page_link("x", link, source, page) == expected


def test_a_notebook_becomes_text_code_and_outputs(hooks: ModuleType) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "source": ["print(1)"],
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"image/png": "AAAA\n"}},
                {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
            ],
        },
    ]
    assert hooks.notebook_markdown({"cells": cells}).split("\n\n") == [
        "# Title\ntext",
        "```python\nprint(1)\n```",
        "```text\n1\n```",
        "![Output](data:image/png;base64,AAAA)",
        "```text\n2\n```\n",
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="https://fonts.example/a.css">',
        '<img alt="" src="http://example/x.png">',
    ],
)
def test_a_page_that_fetches_from_elsewhere_is_refused(hooks: ModuleType, html: str) -> None:
    file = File("page.md", "docs", "site", use_directory_urls=False)
    page = Page.__new__(Page)
    page.file = file
    with pytest.raises(PluginError, match="needs the network"):
        hooks.on_post_page(html, page, None)
    link = '<a href="https://example">a link may leave</a>'
    assert hooks.on_post_page(link, page, None) == link


def test_every_notebook_is_a_page(hooks: ModuleType) -> None:
    notebooks = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks <= set(hooks.PAGES)
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:")[1]
    assert [page for page in hooks.PAGES.values() if page not in nav] == []


def test_saved_notebooks_have_their_outputs() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert any(cell.get("outputs") for cell in cells), (
            f"run python -m tests.notebooks {path.stem}"
        )
