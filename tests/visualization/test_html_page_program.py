"""The page's program, run with its library: what a click, a search and a filter do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from py_mini_racer import MiniRacer

from kgrec.visualization.html_page import write_page
from kgrec.visualization.page_list import PagePath

from .graphs import ODD, ring, with_contributions
from .test_html_page import Page

DOCUMENT = Path(__file__).with_name("page_dom.js").read_text(encoding="utf-8")


class Running:
    """A page whose scripts have run."""

    def __init__(self, page: Page) -> None:
        view, library, program = page.texts["script"]
        self.engine = MiniRacer()
        self.engine.eval(DOCUMENT)
        for script in (f"places.view.textContent = {json.dumps(view)}", library, program):
            self.do(script)

    def __call__(self, expression: str) -> Any:
        """The value of an expression."""
        return self.engine.execute(expression)

    def do(self, statements: str) -> None:
        self.engine.eval(f"{statements};\n0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def page(folder: Path) -> Running:
    return Running(Page(write_page(ring(), folder / "ring.html")))


@pytest.fixture
def running(folder: Path) -> Running:
    nodes = (("User", "1"), ("Item", "old"), ("Item", "new"))
    steps = ((nodes[0], "INTERACTED", nodes[1]), (nodes[1], "SEQUEL", nodes[2]))
    path = PagePath(f"A {ODD} way.", nodes, steps, "MATCH (n)", {"n0": ODD}, 0.75)
    return Running(
        Page(write_page(with_contributions(), folder / "contributions.html", paths=[path]))
    )


def test_it_shows_every_node_and_line(page: Running) -> None:
    assert page("[cy.nodes().length, cy.edges().length]") == [30, 58]
    assert page("cy.nodes()[0].data('node').text") == ODD
    assert page("places.relations.all().filter(one => one.tag === 'input').length") == 4
    assert "item" in page("places.legend.textContent")


def test_a_click_on_a_node_shows_its_facts_as_text(page: Running) -> None:
    page.do("cy.nodes()[1].emit('tap')")
    facts = page("places.facts.textContent")
    assert ODD in facts  # the name, and nothing made of it
    assert "year1990" in facts
    assert "HAS_GENRE → " in facts
    assert page("places.facts.all().some(one => ['script', 'img'].includes(one.tag))") is False
    assert page("cy.nodes()[1].hasClass('marked')") is True
    assert page("cy.nodes()[5].hasClass('faded')") is True
    page.do("cy.emit('tap')")
    assert page("[places.facts.textContent, cy.$('.faded').length]") == ["", 0]


def test_pointing_at_a_line_shows_its_facts(running: Running) -> None:
    spot = "{type: 'mouseover', originalEvent: {clientX: 5, clientY: 5}}"
    running.do(f"cy.edges()[2].emit({spot})")
    tip = running("places.tip.textContent")
    assert tip.splitlines() == [
        "similar text (a similarity, no relationship)",
        "Old – New",
        "contribution −0.250",
    ]
    assert running("places.tip.hidden") is False
    running.do("cy.edges()[2].emit('mouseout')")
    assert running("places.tip.hidden") is True


def test_a_search_marks_what_it_finds(page: Running) -> None:
    page.do("places.search.value = 'LENGTH 5'; places.search.fire('input')")
    assert page("places.found.textContent") == "1 node"
    assert page("cy.$('.marked').map(node => node.data('node').id)") == ["n5"]
    page.do("places.search.value = 'item:n1'; places.search.fire('input')")
    assert page("places.found.textContent") == "8 nodes"
    page.do("places.search.value = '\"'; places.search.fire('input')")
    assert page("places.found.textContent") == "6 nodes"
    page.do("places.search.fire('keydown', {key: 'Escape'})")
    assert page("[places.search.value, cy.$('.marked').length]") == ["", 0]


def test_a_relation_can_be_left_out(page: Running) -> None:
    hidden = "[cy.edges('.hidden').length, cy.nodes('.hidden').length]"
    box = "places.relations.all().filter(one => one.tag === 'input')"
    assert page(hidden) == [0, 0]
    page.do(f"{box}.forEach((one, i) => {{ one.checked = i > 0; }}); {box}[0].fire('change')")
    assert page(hidden) == [29, 0 + page("cy.nodes().filter(n => n.degree() === 1 && "
                                         "!n.data('node').focus).length")]  # fmt: skip
    page.do(f"{box}.forEach(one => {{ one.checked = false; }}); {box}[0].fire('change')")
    assert page(hidden) == [58, 29]  # what was asked for stays
    page.do(f"{box}.forEach(one => {{ one.checked = true; }}); {box}[0].fire('change')")
    assert page(hidden) == [0, 0]


def test_a_path_can_be_followed(running: Running) -> None:
    link = "places.paths.all().find(one => one.tag === 'button')"
    assert running(f"{link}.textContent") == f"A {ODD} way."
    running.do(f"{link}.fire('click')")
    assert running("cy.$('.marked').map(one => one.id())") == ["n0", "n1", "n2", "e0", "e1"]
    assert running("cy.$('.faded').map(one => one.id())") == ["e2"]
    assert running("places.paths.all().filter(one => one.tag === 'pre' && !one.hidden).length") == 1
    running.do(f"{link}.fire('click')")
    assert running("cy.$('.marked').length") == 0


def test_the_nodes_can_be_arranged_anew_and_all_be_shown(page: Running) -> None:
    page.do("places.fit.fire('click')")
    before = page("cy.nodes().map(node => node.position().x)")
    page.do("places.arrange.fire('click')")
    after = page("cy.nodes().map(node => node.position().x)")
    assert before != after
    assert all(isinstance(place, int | float) for place in after)
