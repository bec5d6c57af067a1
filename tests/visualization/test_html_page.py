"""The page: one file that asks for nothing, in which names are only text."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from graph_schema.errors import RequestError
from kgrec.visualization.html_page import write_page
from kgrec.visualization.page_list import PagePath

from .graphs import ODD, ring, with_contributions

ROOT = Path(__file__).resolve().parents[2]
FETCHING = {"src", "href", "srcset", "data", "action", "background", "poster", "formaction"}


class Page(HTMLParser):
    """What an HTML reader finds: tags with their attributes, texts, scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.texts.setdefault("script", []).append("")

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.texts["script"][-1] += data
        else:
            self.texts.setdefault(self._open, []).append(data)

    @property
    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = json.loads(self.texts["script"][0])
        return view


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(write_page(ring(), tmp_path / "page.html", title=ODD))


def test_it_asks_for_nothing(page: Page) -> None:
    """No tag that fetches, and a policy under which nothing can be fetched."""
    assert not [tag for tag, attributes in page.tags if FETCHING & set(attributes)]
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "img", "iframe", "object", "embed"})
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert not re.search(r"url\(|@import", "".join(page.texts["style"]))


def test_names_can_not_leave_their_place(page: Page) -> None:
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert "".join(page.texts["title"]).strip() == "".join(page.texts["h1"]).strip() == ODD
    assert page.view["nodes"][0]["text"] == ODD
    assert page.view["nodes"][1]["facts"] == {"note": ODD, "year": "1990"}
    assert ODD in {relation["name"] for relation in page.view["relations"]}
    assert "</script" not in page.texts["script"][0]


def test_the_program_sets_names_as_text_only() -> None:
    program = (ROOT / "kgrec/visualization/assets/page.js").read_text(encoding="utf-8")
    html = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?:"
    assert not re.search(html, program)


def test_it_holds_the_graph(page: Page) -> None:
    view = page.view
    assert len(view["nodes"]) == 30
    hub = [edge for edge in view["edges"] if edge["relation"] == "HAS_GENRE"]
    assert len(hub) == 29
    assert {edge["target"] for edge in hub} == {0}
    assert sum(relation["count"] for relation in view["relations"]) == len(view["edges"])
    assert {entry["look"] for entry in view["legend"]} == {"user", "item", "entity"}
    places = {(node["x"], node["y"]) for node in view["nodes"]}
    assert len(places) == 30


def test_contributions_and_paths_are_shown(tmp_path: Path) -> None:
    nodes = (("User", "1"), ("Item", "old"), ("Item", "new"))
    steps = ((nodes[0], "INTERACTED", nodes[1]), (nodes[1], "SEQUEL", nodes[2]))
    path = PagePath(ODD, nodes, steps, "MATCH (n)", {"n0": ODD}, 0.75)
    view = Page(
        write_page(with_contributions(), tmp_path / "a.html", note="1 < 2", paths=[path])
    ).view
    assert view["paths"] == [
        {
            "sentence": ODD,
            "nodes": [0, 1, 2],
            "edges": [0, 1],
            "cypher": "MATCH (n)",
            "parameters": {"n0": ODD},
            "contribution": 0.75,
        }
    ]
    assert [edge["contribution"] for edge in view["edges"]] == [0.5, 0.75, -0.25]
    assert [edge["label"] for edge in view["edges"]] == ["", "SEQUEL", "similar text"]
    assert "width of a line: contribution" in view["lines"]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"end its name in \.html"):
        write_page(with_contributions(), tmp_path / "page.txt")
    assert not list(tmp_path.iterdir())


def test_the_library_and_its_licence_are_packaged(page: Page) -> None:
    folder = ROOT / "kgrec" / "visualization"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["kgrec"]
    files = [*folder.glob("assets/*"), *folder.glob("vendor/*")]
    assert {"page.js", "cytoscape.min.js", "cytoscape.LICENSE"} <= {file.name for file in files}
    for file in files:
        name = file.relative_to(ROOT / "kgrec").as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), name
    licence = (folder / "vendor" / "cytoscape.LICENSE").read_text(encoding="utf-8")
    assert "Permission is hereby granted, free of charge" in licence
    assert "Permission is hereby granted, free of charge" in page.texts["script"][1]
