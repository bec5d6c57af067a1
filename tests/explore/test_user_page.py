"""The page of a user: its lists and its graph, and that nobody else can be found on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer, Explanation
from kgrec.explore.page_graph import FAR
from kgrec.explore.user_page import UserPage
from kgrec.paths.index import Constraints
from kgrec.paths.people import ShownPeople
from tests.explain.breakdowns import breakdown
from tests.paths.graphs import snapshot
from tests.visualization.graphs import ODD
from tests.visualization.test_html_page import Page

OTHERS = ("person-abc", "person-def")
PLENTY = 20  # films of one genre


@pytest.fixture(scope="module")
def user_page() -> UserPage:
    """One user who rated two films; one shares a director with the third, and has an odd name."""
    films: dict[str, dict[str, Any]] = {
        "film-a": {"title": ODD, "year": 1995, "genres": "Crime|Drama", "plot": "word " * 40},
        "film-b": {
            "title": "Ronin",
            "year": 1998,
            "length": 121.5,
            "site": "https://example.org/ronin",
        },
        "film-c": {"title": "Big"},
        **{f"film-{n}": {"title": f"Film number {n}"} for n in range(PLENTY)},
    }
    graph = snapshot(
        {"the-user": {}, **{name: {} for name in OTHERS}},
        films,
        {"entity-1": {"name": "Ann Lee", "kind": "director"}, "entity-2": {"name": "Thrillers"}},
        [
            ("the-user", "film-a", 10, 5.0),
            ("the-user", "film-b", 20, 2.0),
            *((name, film, 5, 4.0) for name in OTHERS for film in ("film-a", "film-c")),
        ],
        {
            ("Item", "DIRECTED_BY", "Entity"): [("film-a", "entity-1"), ("film-c", "entity-1")],
            ("Item", "HAS_GENRE", "Entity"): [
                ("film-c", "entity-2"),
                *((f"film-{n}", "entity-2") for n in range(PLENTY)),
            ],
            ("User", "FOLLOWS", "User"): [("the-user", OTHERS[0])],
            ("Item", "OWNED_BY", "User"): [("film-c", OTHERS[1])],
        },
    )
    parts = {"id": [0.5, 0.0], "match": [0.25, 0.0], "text": [0.0, -0.25]}
    scores = breakdown(
        graph,
        ["film-a", "film-b"],
        parts,
        [(0, "entity-1", "DIRECTED_BY", "DIRECTED_BY", 0.25)],
        baseline=1.0,
    )
    explainer = Explainer(graph, people=ShownPeople(fewest=2))
    row = int(graph.items.rows(["film-c"])[0])

    def explain(limits: Constraints | None, k: int) -> Explanation:
        return explainer.explain(
            scores, row, user=int(graph.users.rows(["the-user"])[0]), k=k, constraints=limits
        )

    facts = explain(Constraints(relations=["DIRECTED_BY", "HAS_GENRE"]), 5)
    history = graph.items.rows(["film-a", "film-b"])
    user = int(graph.users.rows(["the-user"])[0])
    return UserPage(explainer.index, [explain(None, 2)], [facts.paths], history, user, fewest=2)


@pytest.fixture(scope="module")
def page(user_page: UserPage, tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("page")
    return Page(user_page.write(folder / "page.html", foot=ODD))


def node(view: dict[str, Any], text: str) -> int:
    (found,) = [i for i, one in enumerate(view["nodes"]) if one["text"] == text]
    return found


def test_it_names_no_user_and_has_no_ids(page: Page) -> None:
    text = json.dumps(page.view)
    for name in ("the-user", *OTHERS, "film-", "entity-", "https:", "OWNED_BY", "FOLLOWS"):
        assert name not in text
    assert {one["label"] for one in page.view["nodes"]} == {"User", "Item", "Entity", "People"}
    assert [one["text"] for one in page.view["nodes"] if one["label"] == "User"] == ["You"]
    assert node(page.view, "2 people") >= 0


def test_the_list_has_the_reasons_and_what_they_leave_out(page: Page) -> None:
    (item,) = page.view["items"]
    assert page.view["nodes"][item["node"]]["text"] == "Big"
    amounts = {one["sentence"]: one["contribution"] for one in item["reasons"]}
    assert len(amounts) == 3
    assert sum(amounts.values()) == pytest.approx(0.5)
    through = next(one for one in item["reasons"] if "same director: Ann Lee" in one["sentence"])
    names = [page.view["nodes"][i]["text"] for i in through["nodes"]]
    assert names == ["You", ODD, "Ann Lee", "Big"]
    relations = [page.view["edges"][i]["relation"] for i in through["edges"]]
    assert relations == ["rated 5", "director", "director"]
    assert all(one["cypher"] == "" and one["parameters"] == {} for one in item["reasons"])
    assert item["rest"] == "Score 1.50: 1.00 without your history."
    places = item["places"]
    assert set(places) == {str(i) for one in item["reasons"] for i in one["nodes"]}
    you, big = (places[str(node(page.view, name))][0] for name in ("You", "Big"))
    assert you < big


def test_the_history_is_the_latest_first(page: Page) -> None:
    first, second = page.view["history"]
    assert (first["title"], first["details"]) == ("Ronin", "rated 2 · 1998 · length 121.5")
    assert (second["title"], second["details"]) == (ODD, "rated 5 · 1995 · Crime, Drama")
    assert page.view["nodes"][second["node"]]["text"] == ODD


def test_a_node_with_many_neighbours_has_a_few_of_them_and_their_number(page: Page) -> None:
    view = page.view
    hub = node(view, "Thrillers")
    joined = [edge for edge in view["edges"] if hub in (edge["source"], edge["target"])]
    assert view["nodes"][hub]["total"] == PLENTY + 1
    assert len(joined) == FAR
    facts = view["nodes"][node(view, ODD)]["facts"]
    assert facts == {"year": "1995", "genres": "Crime, Drama", "chosen by": "3 people"}
    assert view["nodes"][node(view, "Ronin")]["facts"]["chosen by"] == "fewer than 2 people"
    assert view["nodes"][node(view, "Ann Lee")]["kind"] == "director"


def test_names_stay_text(page: Page) -> None:
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert "</script" not in page.texts["script"][0]
    assert any("1 recommendation from 2 earlier choices." in text for text in page.texts["p"])
    assert "".join(page.texts["footer"]).strip() == ODD
    assert "".join(page.texts["h1"]).strip() == "Recommended for you"


def test_a_graph_without_facts_and_ratings(tmp_path: Path) -> None:
    graph = snapshot({"u1": {}}, {"a": {"title": "Heat"}, "b": {}}, {}, [("u1", "a", 1, None)], {})
    scores = breakdown(graph, ["a"], {"text": [0.5]})
    one = Explainer(graph).explain(scores, int(graph.items.rows(["b"])[0]), user=0)
    shown = UserPage(Explainer(graph).index, [one], [[]], np.array([0]), None)
    view = Page(shown.write(tmp_path / "page.html", title="A list")).view
    assert [one["text"] for one in view["nodes"]] == ["item b", "You", "Heat"]
    assert view["past"] == "Chosen"
    assert [event["details"] for event in view["history"]] == [""]


def test_without_items_there_is_no_page(user_page: UserPage, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no item is left"):
        replace(user_page, explanations=[], through_facts=[]).write(tmp_path / "page.html")
