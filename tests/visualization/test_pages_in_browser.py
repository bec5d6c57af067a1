"""The HTML pages of explanations, graphs and users in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kgrec.visualization.html_page import write_page
from kgrec.visualization.page_list import PagePath
from tests import browser as browsers
from tests.browser import PHONE, fits
from tests.visualization.graphs import ODD, ring, with_contributions
from tests.visualization.test_page_list_program import written

pytestmark = pytest.mark.slow
Opening = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.opened() as found:
        yield found


@pytest.fixture
def opening(browser: Browser) -> Callable[..., Any]:
    """A saved page in a fresh tab."""
    return lambda path, **context: browsers.tab(browser, path.as_uri(), **context)


@pytest.fixture
def explained(opening: Opening, tmp_path: Path) -> Opening:
    """The page of an explanation with one path."""
    nodes = (("User", "1"), ("Item", "old"), ("Item", "new"))
    steps = ((nodes[0], "INTERACTED", nodes[1]), (nodes[1], "SEQUEL", nodes[2]))
    way = PagePath(f"A {ODD} way.", nodes, steps, "MATCH (n)", {"n0": ODD}, 0.75)
    path = write_page(with_contributions(), tmp_path / "why.html", paths=[way])
    return partial(opening, path)


@pytest.fixture
def lists(opening: Opening, tmp_path: Path) -> Opening:
    """The page of a user with two recommended items."""
    return partial(opening, written(tmp_path / "user.html"))


def shown(page: Page) -> list[str]:
    """Names of the nodes that are shown, those of ``page`` in the browser's picture."""
    found: list[str] = page.evaluate(
        "cy.nodes().filter(one => !one.hasClass('hidden')).map(one => one.data('node').text)"
    )
    return found


def wait_for(page: Page, name: str, *, there: bool = True) -> None:
    """Until a node with this name is shown, or no longer."""
    page.wait_for_function(
        "([name, there]) => there === cy.nodes().some("
        "one => !one.hasClass('hidden') && one.data('node').text === name)",
        arg=[name, there],
    )


def overlaps(page: Page) -> int:
    """How many pairs of boxes lie one over the other."""
    boxes: list[dict[str, float]] = page.evaluate(
        "cy.nodes(':visible').map(one => one.boundingBox({includeLabels: false}))"
    )
    return sum(
        one["x1"] < other["x2"]
        and other["x1"] < one["x2"]
        and one["y1"] < other["y2"]
        and other["y1"] < one["y2"]
        for place, one in enumerate(boxes)
        for other in boxes[:place]
    )


def click_node(page: Page, name: str) -> None:
    spot: dict[str, float] = page.evaluate(
        "name => cy.nodes().filter(one => !one.hasClass('hidden') && "
        "one.data('node').text === name)[0].renderedPosition()",
        name,
    )
    page.locator("#graph").click(position={"x": spot["x"], "y": spot["y"]})


def test_a_graph_is_clicked_searched_and_filtered(opening: Opening, tmp_path: Path) -> None:
    with opening(write_page(ring(), tmp_path / "ring.html")) as page:
        assert len(shown(page)) == 30
        page.get_by_label("Find a node").fill("some length 1")
        expect(page.locator("#found")).to_have_text("10 nodes")
        page.keyboard.press("Enter")
        expect(page.locator("#facts h2").first).to_have_text("A name of some length 1")
        page.locator("#facts li button").first.click()
        expect(page.locator("#facts h2").first).not_to_have_text("A name of some length 1")
        page.get_by_label("HAS_GENRE").uncheck()
        lines = "cy.edges().filter(one => !one.hasClass('hidden')).length"
        assert page.evaluate(lines) < 58
        page.get_by_label("HAS_GENRE").check()
        page.get_by_role("button", name="Arrange anew").click()
        assert overlaps(page) == 0
        page.get_by_role("button", name="Show all").click()
        assert page.evaluate("window.hacked") is None
        assert page.locator("main img").count() == 0


def test_the_path_of_an_explanation_is_marked(explained: Opening) -> None:
    with explained() as page:
        link = page.locator("#paths button")
        expect(link).to_have_text(f"A {ODD} way.")
        link.click()
        expect(page.locator("#paths pre")).to_contain_text("MATCH (n)")
        assert page.evaluate("cy.nodes('.marked').length") == 3
        link.click()
        expect(page.locator("#paths pre")).to_be_hidden()
        click_node(page, "Old")
        expect(page.locator("#facts h2").first).to_have_text("Old")
        page.mouse.move(5, 5)
        line = page.evaluate("cy.edges('[line = \"dashed\"]')[0].renderedMidpoint()")
        page.locator("#graph").hover(position={"x": line["x"], "y": line["y"]})
        expect(page.get_by_role("tooltip")).to_be_visible()


def test_a_picture_moves_with_the_keyboard(explained: Opening) -> None:
    with explained(color_scheme="dark") as page:
        page.locator("#graph").focus()
        place = "JSON.stringify([cy.pan(), cy.zoom()])"
        before = page.evaluate(place)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("-")
        assert page.evaluate(place) != before
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(236, 236, 236)"


def test_reasons_of_a_user_are_shown_and_nodes_opened(lists: Opening) -> None:
    with lists() as page:
        assert shown(page) == ["You", ODD, "New", "Actor", "41 people"]
        page.get_by_role("button", name="The same actor.").click()
        assert page.evaluate("cy.nodes('.marked').length") == 4
        click_node(page, "New")
        page.get_by_role("button", name="Show 1 of 1 neighbours").click()
        wait_for(page, "Genre")
        page.get_by_role("button", name="Fold").click()
        wait_for(page, "Genre", there=False)
        page.get_by_role("button", name="Rated before").click()
        expect(page.locator("#history")).to_contain_text("Elsewhere")
        page.get_by_role("button", name="Recommended (2)").click()
        page.locator("#items .head").nth(1).click()
        wait_for(page, "Other")
        assert shown(page) == ["You", ODD, "Other"]
        assert page.evaluate("window.hacked") is None


def test_the_pages_fit_a_phone(lists: Opening, explained: Opening) -> None:
    with lists(viewport=PHONE) as page:
        assert fits(page)
        assert shown(page) == ["You", ODD, "New", "41 people"]
    with explained(viewport=PHONE) as page:
        assert fits(page)
