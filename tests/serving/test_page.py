"""The service's page in a real browser: all that a person can do on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kgrec.serving.access import Keys
from tests import browser as browsers
from tests.browser import PHONE, fits
from tests.serving.page_service import HUB, root_of, saved_model
from tests.serving.running import Running, running
from tests.visualization.graphs import ODD

pytestmark = pytest.mark.slow
Opening = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.opened() as found:
        yield found


@pytest.fixture(scope="module")
def model(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def service(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("--root", root_of(tmp_path_factory.mktemp("root"), model).folder) as found:
        yield found


@pytest.fixture
def opening(browser: Browser, service: Running) -> Opening:
    return partial(browsers.tab, browser, address(service))


def address(service: Running) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
def page(opening: Opening) -> Iterator[Page]:
    with opening() as found:
        yield found


def show(page: Page, user: str) -> None:
    """Ask for a user's list, and wait for its reasons."""
    page.get_by_label("Id of the user").fill(user)
    page.get_by_role("button", name="Show list").click()
    expect(page.get_by_role("heading", name=f"List for user {user}")).to_be_visible()
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")


def titles(page: Page) -> list[str]:
    """Of the list, once it is complete."""
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
    return page.locator("#list .name").all_text_contents()


def explain(page: Page, row: int = 0) -> str:
    """Ask why an item is in the list; its title."""
    name = titles(page)[row]
    page.get_by_role("button", name=f"Why? {name}").click()
    expect(page.get_by_role("heading", name=f"Why “{name}”?")).to_be_visible()
    page.locator("#reasons li").first.wait_for()
    return name


def find(page: Page, name: str) -> None:
    """Put a node into the picture, and choose it."""
    page.get_by_label("Find a node and put it into the picture").fill(name)
    page.get_by_role("button", name=f"Put into the picture: {name}").click()
    expect(page.locator("#node-title")).to_have_text(name)


def drawn(page: Page, kind: str) -> list[str]:
    """Ids of the nodes or edges of the picture."""
    found: list[str] = page.evaluate(f"kgrecPicture.{kind}().map(one => one.id())")
    return found


def seen(page: Page) -> None:
    """Every box of the picture is in view, and none is over another."""
    boxes: list[dict[str, float]] = page.evaluate(
        "kgrecPicture.nodes().map(one => one.renderedBoundingBox({includeLabels: false}))"
    )
    size = page.evaluate("[kgrecPicture.width(), kgrecPicture.height()]")
    for box in boxes:
        assert box["x1"] >= 0
        assert box["y1"] >= 0
        assert box["x2"] <= size[0]
        assert box["y2"] <= size[1]
    for place, box in enumerate(boxes):
        for other in boxes[:place]:
            apart = box["x1"] >= other["x2"] or other["x1"] >= box["x2"]
            assert apart or box["y1"] >= other["y2"] or other["y1"] >= box["y2"]


def test_the_status_names_what_the_page_offers(service: Running) -> None:
    status = service.get("/v1/status").json
    assert status["scenarios"] == ["app", "web"]
    assert status["may"] == ["read", "write", "explore", "admin"]
    assert status["examples"] == ["u0", "u1", "u2", "u3", "u4"]
    found = service.get("/v1/graph/nodes?q=e&label=Entity&limit=50").json["nodes"]
    assert {node["label"] for node in found} == {"Entity"}
    assert service.get("/v1/graph/nodes?q=e&label=User").status == 422


def test_the_pages_files_are_sent_with_a_strict_policy(service: Running) -> None:
    for path in ("/", "/page/page.js", "/page/page.css", "/page/cytoscape.min.js"):
        reply = service.get(path)
        assert reply.status == 200
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert b"https://" not in reply.content or "cytoscape" in path


def test_a_users_list_comes_with_reasons_in_words(page: Page) -> None:
    page.get_by_role("button", name="u2 as the user").click()
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
    assert len(titles(page)) == 10
    assert len(set(titles(page))) == 10
    assert re.search(r"You (rated|chose) “", page.locator("#list").inner_text())
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#list > li")).to_have_count(20)
    assert len(set(titles(page))) == 20
    assert page.locator("#list .rank").last.inner_text() == "20"


def test_a_stranger_gets_the_list_for_newcomers(page: Page) -> None:
    page.get_by_label("Id of the user").fill("nobody/has this id?")
    page.get_by_role("button", name="Show list").click()
    expect(page.locator("#list-note")).to_contain_text("Nothing is known of this user")
    expect(page.locator("#list > li")).to_have_count(10)


def test_a_history_is_given_by_titles(page: Page) -> None:
    page.get_by_label("A list of titles that I give").check()
    field = page.get_by_label("A title that you like")
    field.fill("jolly circus")
    page.get_by_role("button", name="Add A jolly circus tale 12").click()
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
    assert "A jolly circus tale 12" not in titles(page)
    expect(field).to_be_focused()
    field.fill("dusty prairie")
    page.get_by_role("button", name="Add Riding the dusty prairie tale 10").click()
    expect(page.locator("#given li")).to_have_count(2)
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="I choose this").first.click()
    expect(page.locator("#given li")).to_have_count(3)
    explain(page)
    assert "You" in drawn(page, "nodes")
    page.get_by_role("button", name="Remove A jolly circus tale 12").click()
    expect(page.locator("#given li")).to_have_count(2)


def test_the_paths_of_an_item_are_drawn_and_marked(page: Page) -> None:
    show(page, "u3")
    explain(page)
    assert drawn(page, "nodes")[0] == "You"
    assert page.locator("#reasons li").count() >= 2
    seen(page)
    faded = "kgrecPicture.elements('.faded').length"
    assert page.evaluate(faded) == 0
    reason = page.locator("#reasons button").first
    reason.click()
    expect(reason).to_have_attribute("aria-pressed", "true")
    assert 0 < page.evaluate(faded) < page.evaluate("kgrecPicture.elements().length")
    reason.click()
    assert page.evaluate(faded) == 0
    other = titles(page)[1]
    page.locator("#list .name").nth(1).click()
    expect(page.get_by_role("heading", name=f"Why “{other}”?")).to_be_visible()
    picture = page.evaluate("document.querySelector('#picture canvas').width")
    assert picture > 100


def test_nobody_else_is_named(page: Page) -> None:
    show(page, "u3")
    for row in range(3):
        explain(page, row)
        others = [key for key in drawn(page, "nodes") if key.startswith("User:")]
        assert others == []
        names = page.evaluate("kgrecPicture.nodes().map(one => one.data('text'))")
        assert all(re.fullmatch(r"\d+ people|other people", n) for n in names if "people" in n)
    assert not re.search(r"\bu(?!3\b)\d+\b", page.locator("#right").inner_text())


def test_the_graph_is_walked_page_by_page(page: Page) -> None:
    find(page, HUB)
    expect(page.locator("#nodes")).to_contain_text(f"{HUB} +40")
    page.get_by_role("button", name="Open its neighbours").click()
    expect(page.locator("#nodes li")).to_have_count(9)
    expect(page.locator("#nodes")).to_contain_text(f"{HUB} +32")
    page.get_by_role("button", name="Show 8 more of in category").click()
    expect(page.locator("#nodes li")).to_have_count(17)
    assert len(drawn(page, "edges")) == 16
    seen(page)
    neighbour = page.locator("#node-facts .group button.link").first
    name = neighbour.inner_text()
    neighbour.click()
    expect(page.locator("#node-title")).to_have_text(name)
    expect(page.locator("#node-part")).to_be_focused()
    expect(page.locator("#node-facts")).to_contain_text("choices by people, who are counted")
    page.get_by_role("button", name="Show 1 of made by").click()
    expect(page.locator("#node-facts")).to_contain_text("made by (1)")
    expect(page.locator("#nodes li")).to_have_count(18)
    page.locator("#nodes").get_by_role("button", name=HUB).click()
    expect(page.locator("#node-title")).to_have_text(HUB)
    page.get_by_role("button", name="Collapse its neighbours").click()
    expect(page.locator("#nodes li")).to_have_count(1)
    assert drawn(page, "edges") == []


def test_a_picture_has_a_largest_size(page: Page) -> None:
    find(page, HUB)
    page.evaluate(
        """async (most) => {
            const { put } = await import("/page/walk.js");
            for (let n = 0; n < most - 4; n += 1)
                put({ key: `Entity:x${n}`, label: "Entity", id: `x${n}`, name: `Node ${n}` });
        }""",
        120,
    )
    page.get_by_role("button", name="Show 8 of in category").click()
    expect(page.locator("#nodes li")).to_have_count(120)
    page.get_by_role("button", name="Show 8 more of in category").click()
    expect(page.get_by_role("alert")).to_contain_text("120 nodes, which is the most")
    page.get_by_role("button", name="Collapse its neighbours").click()
    expect(page.locator("#nodes li")).to_have_count(117)


def test_a_click_in_the_picture_chooses_and_opens(page: Page) -> None:
    find(page, HUB)
    page.get_by_role("button", name="Open its neighbours").click()
    expect(page.locator("#nodes li")).to_have_count(9)
    key = drawn(page, "nodes")[1]
    spot: dict[str, float] = page.evaluate(
        "key => kgrecPicture.getElementById(key).renderedPosition()", key
    )
    page.locator("#picture").click(position={"x": spot["x"], "y": spot["y"]})
    expect(page.locator("#node-facts")).to_contain_text(key.removeprefix("Item:"))
    page.get_by_role("button", name="Empty the picture").click()
    expect(page.locator("#nodes li")).to_have_count(0)


def test_the_walk_goes_on_from_who_asks_to_their_history(page: Page) -> None:
    show(page, "u4")
    explain(page)
    before = len(drawn(page, "nodes"))
    page.locator("#nodes").get_by_role("button", name="user u4").click()
    page.get_by_role("button", name="Open its neighbours").click()
    expect(page.locator("#node-facts")).to_contain_text(re.compile(r"chose \(\d+\)"))
    assert len(drawn(page, "nodes")) > before
    page.get_by_role("button", name="Show 1 more of chose").click()
    expect(page.get_by_role("button", name="more of chose")).to_have_count(0)
    expect(page.locator("#node-facts")).not_to_contain_text("not shown")


def test_why_not_and_what_if(page: Page) -> None:
    show(page, "u5")
    inside = titles(page)
    page.get_by_role("button", name=f"What if? {inside[0]}").click()
    expect(page.locator("#answer h3").first).to_have_text(
        f"Without what would “{inside[0]}” leave the list?"
    )
    expect(page.locator("#answer")).to_contain_text("it would be at place")
    expect(page.get_by_role("tab", name="Why not? What if?")).to_have_attribute(
        "aria-selected", "true"
    )
    page.get_by_role("tab", name="Why not? What if?").click()
    out = "Songs on stage tale 3"
    page.get_by_label("A title", exact=True).fill(out)
    page.get_by_role("button", name=f"Ask about {out}", exact=True).click()
    expect(page.locator("#answer h3").first).to_have_text(f"Why is “{out}” not in the list?")
    expect(page.locator("#answer")).to_contain_text("too low")
    expect(page.locator("#answer")).to_contain_text("What would bring it in")
    page.get_by_role("button", name="Its reasons").click()
    expect(page.get_by_role("heading", name=f"Why “{out}”?")).to_be_visible()


def test_two_scenarios_are_compared_side_by_side(page: Page) -> None:
    show(page, "u6")
    page.get_by_role("tab", name="Compare scenarios").click()
    page.locator("#one").select_option("no scenario")
    page.locator("#other").select_option("web")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#both section")).to_have_count(2)
    left, right = (set(part.locator(".name").all_text_contents()) for part in sections(page))
    assert len(left) == len(right) == 10
    assert f"{len(left & right)} of 10 items" in page.locator("#shared").inner_text()
    assert page.locator("#both .alone").count() == len(left ^ right)
    page.locator("#scenario").select_option("web")
    expect(page.locator("#list .name").first).to_be_visible()
    page.wait_for_function(
        "names => names.includes(document.querySelector('#list .name').textContent)", arg=[*right]
    )
    assert set(titles(page)) == right


def sections(page: Page) -> list[Any]:
    return page.locator("#both section").all()


def test_a_click_changes_the_list_at_once_and_is_taken_back(page: Page) -> None:
    show(page, "u7")
    before = titles(page)
    explain(page)
    past = page.locator("#past-title").inner_text()
    page.get_by_role("button", name=f"I choose this {before[2]}").click()
    expect(page.locator("#said")).to_contain_text("The list counts it.")
    assert before[2] not in titles(page)
    expect(page.locator("#list .moved").first).to_be_visible()
    expect(page.locator("#past .name").first).to_have_text(before[2])
    expect(page.locator("#why-score")).to_contain_text("before the last change; ask again")
    expect(page.locator("#past-title")).not_to_have_text(past)
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#past-title")).to_have_text(past)
    page.wait_for_function(
        "names => [...document.querySelectorAll('#list .name')]"
        ".every((one, at) => one.textContent === names[at])",
        arg=before,
    )


def test_names_are_text(page: Page) -> None:
    show(page, "u8")
    page.get_by_label("Choose another title for this user").fill("</script>")
    page.locator("#event-search .found button").click()
    expect(page.locator("#past .name").first).to_have_text(ODD)
    page.get_by_label("Find a node and put it into the picture").fill("<img")
    page.locator("#node-search .found button").click()
    expect(page.locator("#node-title")).to_have_text(ODD)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_a_model_is_activated_and_rolled_back_after_a_question(page: Page) -> None:
    show(page, "u9")
    page.get_by_role("tab", name="Models and metrics").click()
    page.get_by_role("button", name="Activate second").click()
    dialog = page.get_by_role("dialog", name="Let the model “second” answer?")
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#serving")).to_contain_text("model first")
    page.get_by_role("button", name="Activate second").click()
    dialog.get_by_label("Reason").fill("to try it")
    dialog.get_by_role("button", name="Activate").click()
    expect(page.locator("#serving")).to_contain_text("model second")
    expect(page.locator("#models")).to_contain_text("(to try it)")
    page.get_by_role("button", name="Back to the model before").click()
    page.get_by_role("dialog").get_by_role("button", name="Go back").click()
    expect(page.locator("#serving")).to_contain_text("model first")
    row = page.get_by_role("row", name="/v1/recommend", exact=False).first
    assert int(row.locator("td").first.inner_text().replace(",", "")) >= 1
    expect(page.locator("#metrics")).to_contain_text("60 users, 40 items")


def test_refusals_are_shown_in_the_services_words(page: Page) -> None:
    page.get_by_role("tab", name="Why not? What if?").click()
    page.get_by_label("A title", exact=True).fill("tale 12")
    page.get_by_role("button", name="Ask about A jolly circus tale 12").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody is asking")
    page.get_by_label("Id of the user").fill("x" * 600)
    page.get_by_role("button", name="Show list").click()
    expect(page.get_by_role("alert")).to_contain_text("length <= 512 at /user")
    page.get_by_role("button", name="Close the error").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_all_of_it_with_the_keyboard_alone(page: Page) -> None:
    press = page.keyboard.press
    for _ in range(40):
        press("Tab")
        if page.evaluate("document.activeElement.id") == "user":
            break
    page.keyboard.type("u10")
    press("Enter")
    expect(page.locator("#list")).to_have_attribute("aria-busy", "false")
    _tab_to(page, "Why?")
    press("Enter")
    page.locator("#reasons li").first.wait_for()
    expect(page.locator("#view-graph")).to_be_focused()
    press("Tab")
    expect(page.locator("#picture")).to_be_focused()
    pan = "JSON.stringify([kgrecPicture.pan(), kgrecPicture.zoom()])"
    before = page.evaluate(pan)
    press("ArrowLeft")
    press("+")
    assert page.evaluate(pan) != before
    _tab_to(page, "Find a node", within="label")
    page.keyboard.type("everything")
    page.get_by_role("button", name="Put into the picture: Everything").wait_for()
    press("ArrowDown")
    press("Enter")
    expect(page.locator("#node-title")).to_have_text(HUB)
    page.locator("#tab-graph").focus()
    press("ArrowRight")
    expect(page.get_by_role("tab", name="Why not? What if?")).to_be_focused()
    expect(page.locator("#view-questions")).to_be_visible()
    press("End")
    expect(page.locator("#view-service")).to_be_visible()
    page.locator("#models table").wait_for()
    _tab_to(page, "Activate")
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def _tab_to(page: Page, text: str, within: str = "") -> None:
    """Press the tabulator until what has the focus begins with a text, or is labelled by it."""
    said = "(document.activeElement.labels?.[0] || document.activeElement).innerText || ''"
    for _ in range(120):
        page.keyboard.press("Tab")
        if str(page.evaluate(said)).startswith(text):
            return
    raise AssertionError(f"the tabulator does not reach {text!r}")


def test_every_control_has_a_name_and_every_id_is_one(page: Page) -> None:
    show(page, "u11")
    explain(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select')].filter((one) =>
            !(one.textContent || one.getAttribute('aria-label') || one.labels?.length))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_ground_differ_in_light_and_dark(opening: Opening, scheme: str) -> None:
    with opening(color_scheme=scheme) as page:
        show(page, "u12")
        explain(page)
        for place in ("body", "#left", "#list .why", "#left .main", "#reasons .amount"):
            assert contrast(page, place) >= 4.5, place
        fill = page.evaluate("kgrecPicture.nodes()[0].style('background-color')")
        assert (brightness(fill) < 0.3) == (scheme == "dark")


def contrast(page: Page, place: str) -> float:
    """WCAG's contrast of the text of an element with the ground behind it."""
    ink, ground = page.locator(place).first.evaluate(
        """(element) => {
            const ink = getComputedStyle(element).color;
            const ground = () => getComputedStyle(element).backgroundColor;
            while (ground() === 'rgba(0, 0, 0, 0)') element = element.parentElement;
            return [ink, ground()];
        }"""
    )
    low, high = sorted((brightness(ink), brightness(ground)))
    return (high + 0.05) / (low + 0.05)


def brightness(colour: str) -> float:
    """WCAG's relative luminance of "rgb(r, g, b)"."""
    parts = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_on_a_phone(opening: Opening) -> None:
    with opening(viewport=PHONE, has_touch=True, is_mobile=True) as page:
        show(page, "u13")
        assert fits(page)
        explain(page)
        assert fits(page)
        seen(page)
        assert page.locator("#view-graph").evaluate("one => one.getBoundingClientRect().top") < 200
        nodes = drawn(page, "nodes")
        page.locator("#reasons button").nth(1).click()
        assert drawn(page, "nodes") != nodes
        seen(page)
        page.get_by_role("link", name="Back to the list").click()
        expect(page.locator("#list-title")).to_be_in_viewport()
        for name in ("Why not? What if?", "Compare scenarios", "Models and metrics"):
            page.get_by_role("tab", name=name).click()
            assert fits(page)
        page.get_by_role("button", name="Activate second").click()
        assert fits(page)
        page.get_by_role("button", name="Leave it").click()


def test_a_key_is_asked_for_and_kept_in_the_tab(
    browser: Browser, model: Path, tmp_path: Path
) -> None:
    root = root_of(tmp_path / "keyed", model)
    reader = Keys(root.keys).add("reader", ["read"])
    with running("--root", root.folder) as keyed, browsers.tab(browser, address(keyed)) as page:
        status = keyed.get("/v1/status", reader).json
        assert status["may"] == ["read"]
        assert "examples" not in status
        expect(page.locator("#serving")).to_have_text("This service needs a key.")
        expect(page.get_by_label("Key", exact=True)).to_be_focused()
        expect(page.get_by_role("alert")).to_contain_text("no key is given")
        page.keyboard.type("kgrec_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("the key is unknown")
        page.get_by_label("Key", exact=True).fill(reader)
        page.get_by_role("button", name="Use").click()
        expect(page.locator("#serving")).to_contain_text("model first")
        assert page.locator("#examples").is_hidden()
        show(page, "u1")
        assert page.get_by_role("button", name="I choose this").count() == 0
        explain(page)
        page.get_by_role("tab", name="Models and metrics").click()
        expect(page.locator("#models")).to_contain_text("needs the scope admin")
        assert page.get_by_role("button", name="Activate").count() == 0
        assert reader not in page.content()
        assert page.evaluate("localStorage.length") == 0
        page.reload()
        expect(page.locator("#serving")).to_contain_text("model first")
        page.get_by_role("button", name="Forget").click()
        expect(page.locator("#serving")).to_have_text("This service needs a key.")
        assert page.evaluate("sessionStorage.length") == 0
