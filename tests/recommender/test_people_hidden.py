"""No answer about one user has anything of another: ids, names, mail addresses, words of reviews.

Each of these holds a random number of 128 bits of its own, which is looked for in every output.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graph_schema import Catalog
from kgrec import Query, Recommender, show_people
from kgrec.cli import app
from kgrec.errors import RequestError
from kgrec.explain import Constraints, Explanation
from kgrec.explore import draw, export_graph
from kgrec.stores import EmbeddedStore
from tests.recommender import catalogs

TOKEN = re.compile(r"[0-9a-f]{32}")
PEOPLE = re.compile(r"([\d,]+) (?:people|person|Personen)")
USERS = 3  # users for whom everything is asked
FEWEST = 5


class Planted:
    """A catalog whose users have random ids, names and texts; ``owner``: whose each token is."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2026)
        self.owner: dict[str, str] = {}
        frames = catalogs.frames()
        old = frames["users"]["user_id"].tolist()
        self.ids = {name: rng.bytes(16).hex() for name in old}
        self.owner.update({token: token for token in self.ids.values()})
        users = frames["users"]
        for column, form in (("name", "Person {}"), ("mail", "{}@example.org")):
            users[column] = [form.format(self._token(self.ids[name], rng)) for name in old]
        for name in ("users", "interactions", "reviews", "queries"):
            frames[name]["user_id"] = [self.ids[one] for one in frames[name]["user_id"]]
        for name in ("reviews", "queries"):
            tokens = [self._token(user, rng) for user in frames[name]["user_id"]]
            frames[name]["text"] = [
                f"{t} {token}" for t, token in zip(frames[name]["text"], tokens, strict=True)
            ]
        reviews = frames["reviews"]
        reviews["review_id"] = [self._token(user, rng) for user in reviews["user_id"]]
        facts = frames["facts"]
        for end in ("head", "tail"):
            of_users = facts[f"{end}_type"] == "user"
            facts.loc[of_users, end] = [self.ids[one] for one in facts.loc[of_users, end]]
        wishes = [
            (self.ids[old[n]], "user", "WISHES", f"i{item}", "item")
            for n in range(0, len(old), 2)
            for item in rng.choice(catalogs.N_ITEMS, 3, replace=False)
        ]
        more = pd.DataFrame(wishes, columns=list(facts.columns))
        frames["facts"] = pd.concat([facts, more], ignore_index=True)
        self.frames = frames
        self.asked = [self.ids[f"u{n}"] for n in rng.choice(40, USERS, replace=False)]

    def _token(self, user: str, rng: np.random.Generator) -> str:
        token = rng.bytes(16).hex()
        self.owner[token] = user
        return token

    def others_in(self, text: str, *known: str) -> set[str]:
        """Whose tokens are in a text, besides those of ``known`` users."""
        return {self.owner[one] for one in TOKEN.findall(text)} - set(known)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def model(planted: Planted) -> Recommender:
    return Recommender(catalogs.config(**catalogs.SHORT)).fit(Catalog.from_frames(**planted.frames))


@pytest.fixture(scope="module", params=range(USERS))
def user(request: pytest.FixtureRequest, planted: Planted) -> str:
    return planted.asked[request.param]


def best(model: Recommender, user: str, k: int = 4) -> list[str]:
    items: list[str] = model.recommend(user, k=k)["item_id"].tolist()
    return items


def texts_of(one: Explanation, folder: Path | None) -> Iterator[str]:
    """An explanation in every form that it has, with a folder also as files."""
    yield str(one)
    yield one._repr_html_()
    yield json.dumps(one.to_dict())
    yield one.to_frame().to_csv()
    yield json.dumps([path.cypher for path in one.paths])
    graph = one.to_networkx()
    yield str(list(graph.nodes(data=True)) + list(graph.edges(data=True)))
    if folder is None:
        return
    for name in ("why.svg", "why.html"):
        yield one.draw(folder / name).read_text(encoding="utf-8")
    for name in ("why.graphml", "why.json", "why.cypher"):
        yield export_graph(graph, folder / name).read_text(encoding="utf-8")


def check(planted: Planted, text: str, *known: str) -> None:
    """Nobody but ``known`` is in the text, and no number of few people."""
    assert planted.others_in(text, *known) == set()
    numbers = [int(found.replace(",", "")) for found in PEOPLE.findall(text)]
    fewer = len(re.findall(rf"(?:fewer than|weniger als) {FEWEST} (?:people|Personen)", text))
    assert sum(number < FEWEST for number in numbers) == 0
    assert numbers.count(FEWEST) >= fewer


def test_explanations(
    planted: Planted,
    model: Recommender,
    user: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    seen, operator, items = 0, show_people(model), best(model, user)
    for item in items:
        one = model.explain(user, item, k=12)
        for text in texts_of(one, tmp_path if item == items[0] else None):
            check(planted, text, user)
        assert one.shown + one.not_shown + one.rest == pytest.approx(one.gain)
        whole = operator.explain(user, item, k=12)
        assert (whole.score, whole.parts) == (one.score, one.parts)
        assert whole.rest == pytest.approx(one.rest - one.withheld, abs=1e-6)
        seen += len(planted.others_in(str(whole), user))
    assert seen > 0  # the operator's answers do have people in them
    check(planted, caplog.text, user)


def test_other_questions_about_an_item(planted: Planted, model: Recommender, user: str) -> None:
    first, second, *_ = best(model, user)
    last = model.recommend(user, k=30)["item_id"].iloc[-1]
    history = model.snapshot.items.ids[:3].tolist()
    answers: list[object] = [
        model.compare(user, first, second),
        model.compare(user, first, second, writer="de"),
        model.why_not(user, last),
        model.counterfactual(user, first),
        model.counterfactual(user, last, add=True),
        *model.explain_all(user, [first, second]),
        model.explain(user, first, scenario="auto", max_hops=3),
        model.explain(user, first, relations=["INTERACTED", "FOLLOWS", "WISHES"]),
        model.explain("somebody", first, history=history),
        model.explain(Query(histories=[history]), first),
        model.explain_answers({"i1": True, "i2": False}, "i5"),
    ]
    for answer in answers:
        for text in (str(answer), json.dumps(answer.to_dict())):  # type: ignore[attr-defined]
            check(planted, text, user)


def test_a_user_is_told_of_nobody_else_between(
    planted: Planted, model: Recommender, user: str, tmp_path: Path
) -> None:
    """A recommended user is the answer; those between the two are not."""
    others = model.recommend(user, target="users", k=3)["recommended_id"].tolist()
    check(
        planted,
        model.similar_users(user, k=3).to_csv(),
        user,
        *model.similar_users(user, k=3)["similar_id"],
    )
    for other in others:
        one = model.explain_user(user, other, k=20)
        for text in texts_of(one, tmp_path if other == others[0] else None):
            check(planted, text, user, other)
        assert one.shown + one.not_shown + one.rest == pytest.approx(one.gain)


def test_frames_and_pages(planted: Planted, model: Recommender, user: str, tmp_path: Path) -> None:
    items = best(model, user)
    frames = [
        model.recommend(user, k=9),
        model.similar(items),
        model.search("circus tale", user=user),
        model.score([(user, items[0])]),
        model.recognise(user),
        model.ask(k=4),
        *(model.importance(by, users=3, k=4) for by in ("relation", "part", "entity")),
    ]
    for frame in frames:
        check(planted, frame.to_csv(), user)
    for shown in (model, show_people(model)):  # a page is for its user, whoever makes it
        page = shown.page(user, tmp_path / "page.html", k=2).read_text(encoding="utf-8")
        assert planted.others_in(page) == set()
    with pytest.raises(RequestError, match="the model reads no"):
        model.words(user, items[0], source="reviews")


def test_the_graph(planted: Planted, model: Recommender, user: str, tmp_path: Path) -> None:
    graph, item = model.graph, best(model, user)[0]
    for node in (f"User:{user}", f"Item:{item}", "Entity:e1"):
        known = [user] if node.startswith("User") else []
        frame = graph.neighbours(node, k=500)
        check(planted, frame.to_csv(), *known)
        part = graph.subgraph(node, 2, max_nodes=25)
        check(planted, str(list(part.nodes(data=True)) + list(part.edges(data=True))), *known)
        if user == planted.asked[0]:
            for name in ("part.svg", "part.html"):
                check(planted, draw(part, tmp_path / name).read_text(encoding="utf-8"), *known)
        for name in ("part.graphml", "part.json", "part.cypher"):
            text = export_graph(part, tmp_path / name).read_text(encoding="utf-8")
            check(planted, text, *known)
    counted = 0
    for source, target in ((f"User:{user}", f"Item:{item}"), ("Item:i0", "Item:i4")):
        known = [user] if source.startswith("User") else []
        paths = graph.paths(source, target, k=12)
        counted += sum(path.people > 0 for path in paths)
        for path in paths:
            check(planted, f"{path} {json.dumps(path.to_dict())}", *known)
        joined = graph.joined(paths)
        text = export_graph(joined, tmp_path / "paths.json").read_text(encoding="utf-8")
        check(planted, text, *known)
    assert counted > 0


def test_people_can_not_be_asked_for(planted: Planted, model: Recommender, user: str) -> None:
    """Whether a path through a person exists says what this person chose."""
    other = next(one for one in planted.ids.values() if one != user)
    item = best(model, user)[0]
    for limit in ("via", "avoid"):
        for named in (other, ("User", other), f"User:{other}"):
            with pytest.raises(RequestError, match=f"{limit} names a person"):
                model.explain(user, item, **{limit: [named]})  # type: ignore[arg-type]
            with pytest.raises(RequestError, match=f"{limit} names a person|unknown node"):
                model.graph.paths(f"User:{user}", "Item:i0", **{limit: [named]})  # type: ignore
        named_self = {limit: [f"User:{user}"]}
        assert model.explain(user, item, **named_self) is not None  # type: ignore[arg-type]
    name = str(model.snapshot.users.attributes["name"].iloc[0])
    with pytest.raises(RequestError, match="unknown node"):
        model.graph.neighbours(name)
    with pytest.raises(RequestError, match="2 users are asked about"):
        model.graph.paths(f"User:{user}", f"User:{other}")
    with pytest.raises(RequestError, match="2 users are asked about"):
        model.graph.subgraph([f"User:{user}", f"User:{other}"])
    operator = show_people(model)
    assert operator.graph.neighbours(name) is not None
    assert operator.explain(user, item, avoid=[other]).score == model.explain(user, item).score


def test_the_number_from_which_people_are_counted(model: Recommender, user: str) -> None:
    item = best(model, user)[0]
    one, many = (
        show_people(model, names=False, fewest=fewest).explain(user, item, k=30)
        for fewest in (1, 10_000)
    )
    assert one.withheld == 0.0
    assert {path.people for path in many.paths} == {0}
    assert many.rest == pytest.approx(many.withheld + one.rest, abs=1e-6)
    constrained = model.explain(user, item, constraints=Constraints(max_hops=3))
    assert constrained.rest == pytest.approx(model.explain(user, item).rest)
    for fewest in (0, -1, 1.5, "5"):
        with pytest.raises(RequestError, match="fewest"):
            show_people(model, names=False, fewest=fewest)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="names"):
        show_people(model, names="yes")  # type: ignore[arg-type]


def test_the_queries_return_the_numbers(
    planted: Planted, model: Recommender, tmp_path: Path
) -> None:
    """In the store with the rows for testing, which the model does not see."""
    asked = [(user, item) for user in planted.asked for item in best(model, user, 2)]
    paths = [path for user, item in asked for path in model.explain(user, item, k=9).paths]
    paths += [  # type: ignore[list-item]
        path
        for user, item in asked
        for path in model.graph.paths(f"User:{user}", f"Item:{item}", k=5)
    ]
    assert sum(path.people > 0 for path in paths) > 5
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(Catalog.from_frames(**planted.frames))
        for path in paths:
            (row,) = store.query(path.cypher, path.parameters)
            assert {name: row[name] for name in path.expected} == path.expected, path.cypher
            if path.people:
                assert planted.others_in(str(row), *planted.asked) == set()


def test_the_command_line(planted: Planted, model: Recommender, tmp_path: Path) -> None:
    user = planted.asked[0]
    item = best(model, user)[0]
    model.save(tmp_path / "model")
    given = ["--model", str(tmp_path / "model")]
    who = [*given, "-u", user, "-i", item]
    html, svg, graphml = (str(tmp_path / f"out.{suffix}") for suffix in ("html", "svg", "graphml"))
    commands = [
        ["explain", *who, "-k", "9", "--picture", html],
        ["explain", *who, "--json", "--picture", svg],
        ["explain", *who, "--compare", "i5", "--json"],
        ["explore", *given, "-n", f"Item:{item}", "-k", "99", "--html", html, "--export", graphml],
        ["explore", *given, "-n", f"User:{user}", "--to", f"Item:{item}", "--json"],
        ["explore", *given, "--importance", "entity", "--users", "5"],
        ["page", *given, "-u", user, "--html", html, "-k", "2"],
    ]
    for command in commands:
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        check(planted, result.output, user)
        for file in (html, svg, graphml):
            if file in command:
                check(planted, Path(file).read_text(encoding="utf-8"), user)
    for command in (["explain", *who, "-k", "20"], ["explore", *given, "-n", f"Item:{item}"]):
        shown = CliRunner().invoke(app, [*command, "--show-people", "--json"])
        assert planted.others_in(shown.output, user)
    few = CliRunner().invoke(app, ["explain", *who, "--fewest-people", "1000", "--json"])
    assert {path["people"] for path in json.loads(few.stdout)["paths"]} == {0}
