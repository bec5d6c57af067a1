"""The program of a page with lists, run with its library: what it shows, opens and folds."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from kgrec.visualization.html_page import write_page
from kgrec.visualization.layout import Box
from kgrec.visualization.page_list import PageEvent, PageItem, PageList, PagePath

from .graphs import ODD
from .test_html_page import Page
from .test_html_page_program import Running

YOU, OLD, NEW, OTHER = ("User", "0"), ("Item", "1"), ("Item", "2"), ("Item", "3")
LINK, HUB, PEOPLE = ("Entity", "4"), ("Entity", "5"), ("People", "6")
AROUND = [("Item", str(n)) for n in range(10, 20)]


def graph() -> nx.MultiDiGraph:
    """Two recommended items, an actor of both old and new, and a genre with ten more items."""
    found: nx.MultiDiGraph = nx.MultiDiGraph()
    names = {YOU: "You", OLD: ODD, NEW: "New", OTHER: "Other", LINK: "Actor", HUB: "Genre"}
    names |= {PEOPLE: "41 people", **{key: f"Film {key[1]}" for key in AROUND}}
    totals = {OLD: 1, NEW: 2, LINK: 2, HUB: 31}
    for key, name in names.items():
        found.add_node(key, name=name, kind=key[0].lower(), total=totals.get(key, 1))
    edges = [(YOU, "rated 5", OLD), (OLD, "actor", LINK), (NEW, "actor", LINK)]
    edges += [(PEOPLE, "chose", OLD), (PEOPLE, "chose", NEW), (NEW, "genre", HUB)]
    edges += [(key, "genre", HUB) for key in AROUND]
    for source, relation, target in edges:
        found.add_edge(source, target, relation=relation, stored=True)
    found.add_edge(OLD, OTHER, relation="similar text", stored=False)
    return found


def item(node: tuple[str, str], reasons: list[PagePath]) -> PageItem:
    keys = dict.fromkeys([node, *(key for one in reasons for key in one.nodes)])
    boxes = {key: Box(2.0 * i, 1.0 * (i % 2), 1.0, 0.5) for i, key in enumerate(keys)}
    bends = {step: Box(3.0, -9.0, 1.0, 1.0) for one in reasons for step in one.steps[1:2]}
    bends = bends if node == OTHER else {}
    return PageItem(node, "1995", 1.5, tuple(reasons), "The rest.", boxes, bends)


def written(path: Path) -> Path:
    """A page of two items with their reasons, and of two past events."""
    rated = (YOU, "rated 5", OLD)
    alike = PagePath(
        "Many chose both.",
        (YOU, OLD, PEOPLE, NEW),
        (rated, (PEOPLE, "chose", OLD), (PEOPLE, "chose", NEW)),
        contribution=0.75,
    )
    through = PagePath(
        "The same actor.",
        (YOU, OLD, LINK, NEW),
        (rated, (OLD, "actor", LINK), (NEW, "actor", LINK)),
        contribution=0.25,
    )
    against = PagePath(
        "Alike.", (YOU, OLD, OTHER), (rated, (OLD, "similar text", OTHER)), contribution=-0.5
    )
    lists = PageList(
        [item(NEW, [alike, through]), item(OTHER, [against])],
        [PageEvent(ODD, "rated 5", OLD), PageEvent("Elsewhere", "rated 1", None)],
        "Rated",
        earlier=7,
    )
    return write_page(graph(), path, lists=lists)


@pytest.fixture
def page(tmp_path: Path) -> Running:
    return Running(Page(written(tmp_path / "page.html")))


SHOWN = "cy.nodes().filter(one => !one.hasClass('hidden')).map(one => one.data('node').text)"
LINES = "cy.edges().filter(one => !one.hasClass('hidden')).map(one => one.data('edge').relation)"
HEADS = "places.items.all().filter(one => one.className === 'head')"


def number(page: Running, text: str) -> int:
    found: int = page(f"view.nodes.findIndex(one => one.text === {text!r})")
    return found


def test_it_shows_the_reasons_of_one_item_at_a_time(page: Running) -> None:
    assert page(SHOWN) == ["You", ODD, "New", "Actor", "41 people"]
    assert sorted(page(LINES)) == ["actor", "actor", "chose", "chose", "rated 5"]
    assert page(f"{HEADS}.map(one => one['aria-expanded'])") == ["true", "false"]
    page.do(f"{HEADS}[1].fire('click')")
    assert page(SHOWN) == ["You", ODD, "Other"]
    assert page(f"{HEADS}.map(one => one['aria-expanded'])") == ["false", "true"]
    texts = "cy.nodes().filter(one => !one.hasClass('hidden')).map(one => one.data('text'))"
    assert page(texts)[2] == "Other\n+1"  # a similarity joins no neighbours
    line = "cy.edges().filter(one => one.data('edge').relation === 'similar text')"
    assert page(f"[{line}.data('line'), {line}.data('width')]") == ["dashed", 6.5]
    assert page(f"[{line}.hasClass('bent'), Math.abs({line}.data('bend')) > 1000]") == [True, True]
    page.do("places.fit.fire('click')")
    assert page(SHOWN) == ["You", ODD, "Other"]


def test_a_reason_marks_its_path(page: Running) -> None:
    buttons = "places.items.all().filter(one => one.tag === 'button' && one.className !== 'head')"
    assert page(f"{buttons}.map(one => one.textContent)") == [
        "+0.750Many chose both.",
        "+0.250The same actor.",
        "−0.500Alike.",
    ]
    page.do(f"{buttons}[1].fire('click')")
    assert page("cy.nodes('.marked').map(one => one.data('node').text)") == [
        *("You", ODD, "New", "Actor"),
    ]
    assert page("cy.nodes('.faded').filter(one => !one.hasClass('hidden')).length") == 1
    page.do(f"{buttons}[1].fire('click')")
    assert page("cy.$('.marked').length") == 0


def test_nodes_open_and_fold(page: Running) -> None:
    new = number(page, "New")
    assert page(f"cy.$id('n{new}').data('text')") == "New\n+1"
    page.do(f"cy.$id('n{new}').emit('tap')")
    assert page("places.facts.textContent").startswith("NewShow 1 of 1 neighbours")
    assert "Genre" not in page(SHOWN)
    page.do(f"cy.$id('n{new}').emit('tap')")  # the second time
    assert "Genre" in page(SHOWN)
    assert page(f"cy.$id('n{new}').data('text')") == "New"
    hub = number(page, "Genre")
    assert page(f"cy.$id('n{hub}').data('text')") == "Genre\n+30"
    page.do(f"choose(cy.$id('n{hub}')); choose(cy.$id('n{hub}'))")
    assert sum(text.startswith("Film ") for text in page(SHOWN)) == 8
    assert "20 more neighbours are not on this page." in page("places.facts.textContent")
    boxes = "cy.nodes().filter(one => !one.hasClass('hidden')).map(one => ({...one.position(), "
    boxes += "w: one.data('width'), h: one.data('height')}))"
    overlaps = f"(() => {{ const all = {boxes}; let n = 0; all.forEach((a, i) => all.slice(i + 1)"
    overlaps += ".forEach(b => { if (Math.abs(a.x - b.x) < (a.w + b.w) / 2 && "
    overlaps += "Math.abs(a.y - b.y) < (a.h + b.h) / 2) n += 1; })); return n; })()"
    assert page(overlaps) == 0
    page.do(f"choose(cy.$id('n{hub}'))")
    assert sum(text.startswith("Film ") for text in page(SHOWN)) == 10
    page.do(f"choose(cy.$id('n{hub}'))")
    assert sum(text.startswith("Film ") for text in page(SHOWN)) == 0
    page.do(f"fold({new})")
    assert page(SHOWN) == ["You", ODD, "New", "Actor", "41 people"]


def test_the_facts_of_a_node_are_grouped_and_lead_on(page: Running) -> None:
    page.do(f"choose(cy.$id('n{number(page, 'Genre')}'))")  # shows a node that was not there
    assert "Genre" in page(SHOWN)
    facts = page("places.facts.textContent")
    assert "kindentity" in facts
    assert "genre of" in facts
    assert "and 3 more" in facts
    page.do("places.facts.all().find(one => one.textContent === 'and 3 more').fire('click')")
    facts = page("places.facts.textContent")
    assert "Film 19" in facts
    assert "more" not in facts.replace("more neighbours", "")
    page.do(f"choose(cy.$id('n{number(page, '41 people')}'))")
    assert page("places.facts.textContent").count("New") == 1
    page.do("places.facts.all().find(one => one.textContent === 'New').fire('click')")
    assert page("places.facts.textContent").startswith("New")


def test_what_was_chosen_before_leads_to_its_node(page: Running) -> None:
    assert page("places['show-history'].textContent") == "Rated before (9)"
    page.do("places['show-history'].fire('click')")
    assert page("[places.items.hidden, places.history.hidden]") == [True, False]
    assert page("places.history.children.map(one => one.children[0].tag)") == [
        "button",
        "div",
        "div",
    ]
    assert page("places.history.children[2].textContent") == "and 7 earlier"
    assert page("places.history.all().some(one => ['script', 'img'].includes(one.tag))") is False
    page.do(f"{HEADS}[1].fire('click'); places.history.children[0].children[0].fire('click')")
    assert page("places.facts.textContent").startswith(ODD)
    page.do("places['show-items'].fire('click')")
    assert page("[places.items.hidden, places.history.hidden]") == [False, True]


def test_a_search_knows_names_alone(page: Running) -> None:
    page.do("places.search.value = 'film 12'; places.search.fire('input')")
    assert page("places.found.textContent") == "1 node"
    page.do("places.search.fire('keydown', {key: 'Enter'})")
    assert "Film 12" in page(SHOWN)
    page.do("places.search.value = 'Item:'; places.search.fire('input')")
    assert page("places.found.textContent") == "0 nodes"


def test_a_narrow_graph_shows_one_reason_from_top_to_bottom(page: Running) -> None:
    assert page("cy.edges('.bent').length") == 0
    page.do("places.graph = Object.assign(new Element('div'), { clientWidth: 360 }); showItem(0)")
    shown = "cy.nodes().filter(one => !one.hasClass('hidden'))"
    assert page(SHOWN) == ["You", ODD, "New", "41 people"]
    assert page(f"{shown}.map(one => one.position().x)") == [0, 0, 0, 0]
    order = f"{shown}.sort((a, b) => a.position().y - b.position().y)"
    assert page(f"{order}.map(one => one.data('node').text)") == ["You", ODD, "41 people", "New"]
    chosen = "places.items.all().filter(one => one.classList.contains('chosen'))"
    page.do("showItem(0, 1)")
    assert "Actor" in page(SHOWN)
    assert page(f"{chosen}.map(one => one.textContent)") == ["+0.250The same actor."]
