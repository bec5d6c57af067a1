"""The pages agree with the repository: links lead somewhere, the places that they name exist, every
public name has its entry in the reference."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import kgrec
from kgrec import errors

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
PLACE = re.compile(r"`((?:kgrec|graph_schema|loaders|benchmarks|tests)/[\w./-]+)`")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def text_of(path: Path) -> str:
    """The Markdown of a page, or of a notebook's cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings: lower case, spaces as hyphens, other signs left out."""
    prose = re.sub(r"^```.*?^```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links of a page whose file or heading does not exist."""
    broken = []
    for link in LINK.findall(CODE.sub("", text)):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(path: Path) -> None:
    assert broken_links(path, text_of(path)) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading\n")
    text = "[a](page.md) [b](page.md#one-heading) [c](page.md#two) [d](other.md) `[e](code.md)`"
    assert broken_links(page, text) == ["page.md#two", "other.md"]


def test_messages_name_pages_that_exist() -> None:
    files = [file for package in ("kgrec", "loaders", "graph_schema", "benchmarks", "tests")
             for file in (ROOT / package).rglob("*.py")]  # fmt: skip
    named = {page for file in files for page in re.findall(r"\bdocs/[\w/-]+\.md", file.read_text())}
    assert named
    assert [page for page in sorted(named) if not (ROOT / page).is_file()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_places_named_in_a_page_exist(path: Path) -> None:
    named = set(PLACE.findall(path.read_text(encoding="utf-8")))
    examples = {place for place in named if "NAME" in place}  # of files to be written
    assert [place for place in sorted(named - examples) if not (ROOT / place).exists()] == []


def test_the_architecture_page_says_where_features_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Where do I find")[1]
    assert len(re.findall(r"^\| .+? \| (?:`.+`) \|$", table, re.MULTILINE)) >= 20


def test_the_architecture_page_has_the_layers_that_are_checked() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.split("## Folders of")[1].split("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \|", section, re.MULTILINE)
    shown = [sorted(re.findall(r"`(\w+)(?:/|\.py)`", row)) for row in rows]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    assert shown == [sorted(layer.split(" | ")) for layer in layers]


def test_the_architecture_page_names_every_folder() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {file.parent.name for file in (ROOT / "kgrec").glob("*/__init__.py")}
    assert {name for name in folders if f"`{name}/`" not in page} == set()


def test_every_public_name_is_in_the_reference() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md")]
    entries = {name for page in pages for name in re.findall(r"^::: [\w.]*\.(\w+)$", page, re.M)}
    elsewhere = set(errors.__all__)  # entries of graph_schema.errors
    assert set(kgrec.__all__) - entries - elsewhere == set()


def test_the_page_of_errors_names_every_error() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    classes = [name for name in errors.__all__ if name[0].isupper()]
    assert [name for name in classes if f"`{name}`" not in page] == []


def test_the_readme_names_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").split("## Extras")[1].split("\n## ")[0]
    )
    assert set(extras) - set(re.findall(r"`(\w+)`", section)) == set()


def test_the_glossary_is_in_order_and_says_each_term_once() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = []
    for section in page.split("\n## ")[1:]:
        rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)[1:]
        assert rows == sorted(rows, key=str.lower), section.splitlines()[0]
        terms += rows
    assert len(terms) == len(set(terms))
    assert len(terms) > 60
