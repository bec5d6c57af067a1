"""Rules as data: their fields, their TOML, and one clear error for everything else."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

from graph_schema.errors import QueryError, RequestError
from kgrec import Rule, Rules, connect
from kgrec.rules.conflicts import checked
from tests.recommender import catalogs

TOML = """
# what the shop wants
[[rule]]
name = "young"
effect = "never"
who = { age = { max = 25 } }
what = { genres = "Drama" }
author = "Ada"
reason = "of age"

[[rule]]
name = "a kind"
effect = "cap"
most = 2
of = 10
by = "genres"
since = 2026-01-01
until = 2026-12-31T12:00:00Z

[[rule]]
name = "no year"
effect = "boost"
amount = 0.25
what = { year = { missing = true }, genres = { not = ["War", "Western"] } }
scenario = "web"
lists = ["recommend", "search"]
"""


def test_a_file_is_read_and_written_as_the_same_rules() -> None:
    rules = Rules.parse(TOML)
    assert [rule.effect for rule in rules] == ["never", "cap", "boost"]
    assert rules["no year"].what == {"year": None, "genres": {"not": ["War", "Western"]}}
    assert Rules.parse(rules.to_toml()) == rules
    assert tomllib.loads(rules.to_toml())["rule"][0]["reason"] == "of age"


def test_texts_with_any_signs_are_written_so_that_toml_reads_them() -> None:
    text = 'a "b" \\ \n\t\x7f é 日 \U0001f600'
    rules = Rules.of(Rule(text, "never", what={"a b": text}, items=[text], author=text))
    assert Rules.parse(rules.to_toml()) == rules


def test_a_day_is_valid_until_its_end_and_an_instant_until_then() -> None:
    rules = Rules.parse(TOML)
    cap = rules["a kind"]
    assert cap.starts == dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    assert cap.ends == dt.datetime(2026, 12, 31, 12, tzinfo=dt.UTC).timestamp()
    day = Rule("day", "never", items=["i1"], since=dt.date(2026, 1, 5), until="2026-01-05")
    assert day.ends - day.starts == pytest.approx(86_400, abs=1)
    assert [rule.name for rule in rules.at(cap.ends + 1)] == ["young", "no year"]
    assert rules.at(cap.ends)["a kind"].until is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]\nname = 1", r"rules.toml is no valid TOML: .*line 1"),
        ("[rule]\nname = 'x'", "no list of tables"),
        ("x = 1", "has 'x'; it takes tables"),
        ("\n\n[[rule]]\neffect = 'never'", "line 3: a rule has no name"),
        ("[[rule]]\nname = 'x'", "line 1: a rule has no effect"),
        ("[[rule]]\nname='x'\neffect='nevr'", "unknown effect of rules.toml, line 1: rule 'x'"),
        (
            "[[rule]]\nname='x'\neffect='never'\nwhta={a=1}",
            "no field 'whta'; .* is 'what'",
        ),
        ("[[rule]]\nname='x'\neffect='pin'\nitems='i1'", "has no rank, which the effect 'pin'"),
        (
            "[[rule]]\nname='x'\neffect='never'\nrank=1",
            "has rank, which the effect",
        ),
        ("[[rule]]\nname='x'\neffect='pin'\nrank=0", "rank of .* is 0"),
        ("[[rule]]\nname='x'\neffect='boost'\namount='much'", "amount of .*'much'"),
        ("[[rule]]\nname='x'\neffect='boost'\namount=nan", "amount of .*nan"),
        ("[[rule]]\nname='x'\neffect='floor'\nleast=3\nof=2", "asks for 3 of 2 places"),
        ("[[rule]]\nname='x'\neffect='never'\nsince='soon'", "since of .*'soon'; give a day"),
        (
            "[[rule]]\nname='x'\neffect='never'\nsince=2026-02-01\nuntil=2026-01-01",
            "before it begins",
        ),
        ("[[rule]]\nname='x'\neffect='never'\nitems=[]", "is an empty list"),
        ("[[rule]]\nname='x'\neffect='never'\nwho={}", "who of .* is empty"),
        ("[[rule]]\nname='x'\neffect='never'\nwho=3", "who of .* is a int"),
        ("[[rule]]\nname=' '\neffect='never'", "name of a rule is empty"),
        ("[[rule]]\nname='x'\neffect='never'\nlists='page'", "unknown list of .*'page'"),
        ("[[rule]]\nname='x'\neffect='never'\nparameters={a=1}", "parameters without cypher"),
        (
            "[[rule]]\nname='x'\neffect='never'\n\n[[rule]]\nname='x'\neffect='hold'",
            "line 5: rule 'x' has the name of another rule .*line 1",
        ),
    ],
)
def test_a_wrong_rule_is_one_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Rules.parse(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"none.toml can't be read"):
        Rules.read(tmp_path / "none.toml")
    with pytest.raises(RequestError, match="no rule is called 'x'; there are: none"):
        _ = Rules()["x"]


GRAPH = catalogs.catalog()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return catalogs.snapshot(tmp_path_factory.mktemp("rules"))


def never(name: str = "n", **values: Any) -> Rule:
    return Rule(name, "never", **values)


def pin(name: str = "p", rank: int = 1, **values: Any) -> Rule:
    return Rule(name, "pin", rank=rank, **values)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            [never(what={"brand": "x"})],
            "rule 'n': items have no column 'brand'; they have",
        ),
        ([never(who={"mood": "x"})], "rule 'n': users have no column 'mood'"),
        ([never(items=["i1", "x"])], "rule 'n' names items that are not in the graph: 'x'"),
        ([never(items=["i1"], scenario="tv")], "rule 'n': unknown scenario 'tv'; .*'app', 'web'"),
        ([never(what={"year": "x"})], "rule 'n': column 'year' holds numbers; 'x' is not one"),
        ([Rule("c", "cap", most=1, by="brand")], "rule 'c': items have no column 'brand'"),
        ([never()], "the rules 'n' together leave no item"),
        (
            [never(what={"year": {"min": 1990}}), never("m", what={"year": {"max": 1995}})],
            "'n', 'm'",
        ),
        ([never(items=["i1"]), pin(items=["i1"])], "rule 'n' and rule 'p' are in conflict"),
        ([pin(items=["i1"]), Rule("h", "hold", items=["i1"])], "rule 'p' and rule 'h'"),
        ([pin(items=["i1"]), pin("q", items=["i2"])], "both pin at rank 1"),
        ([pin(items=["i1"]), pin("q", 2, items=["i1"])], "pin one item at the ranks 1 and 2"),
        (
            [
                pin(items=["i0"]),
                pin("q", 2, items=["i4"]),
                Rule("c", "cap", most=1, of=5, by="genres"),
            ],
            "rule 'q' and rule 'c' are in conflict: with that pin there are more than 1",
        ),
        (
            [
                Rule("f", "floor", least=2, of=5, what={"genres": "War"}),
                Rule("c", "cap", most=1, what={"genres": "War"}),
            ],
            "rule 'f' and rule 'c' .* asks for 2 items, the other allows 1",
        ),
        (
            [pin(items=["i0"]), Rule("f", "floor", least=2, of=2, what={"genres": "War"})],
            "rule 'p' and rule 'f' .* fewer than 2 of 2 places",
        ),
        (
            [
                Rule("f", "floor", least=2, of=3, what={"genres": "War"}),
                Rule("g", "floor", least=2, of=3, what={"genres": "Western"}),
            ],
            "more than the 3 places",
        ),
        ([never(cypher="MATCH (i:Item) RETURN i.id")], "Cypher pattern that was not read"),
    ],
)
def test_rules_that_do_not_fit_are_refused_by_name(
    snapshot: Any, rules: list[Rule], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        checked(Rules.of(*rules), snapshot, ["app", "web"])


@pytest.mark.parametrize(
    "rules",
    [
        [never(items=["i1"], who={"gender": "M"}), pin(items=["i1"], who={"gender": "F"})],
        [never(items=["i1"], scenario="app"), pin(items=["i1"], scenario="web")],
        [never(items=["i1"], until="2026-01-31"), pin(items=["i1"], since="2026-02-01")],
        [never(items=["i1"], lists="search"), pin(items=["i1"], lists="recommend")],
        [never(items=["i1"]), pin(items=["i1", "i2"])],
        [
            Rule("h", "hold", items=["i1"]),
            pin(items=["i1"]),
            Rule("r", "release", items=["i1"], holds="h"),
        ],
    ],
)
def test_rules_that_never_meet_are_no_conflict(snapshot: Any, rules: list[Rule]) -> None:
    assert checked(Rules.of(*rules), snapshot, ["app", "web"]) is not None


def test_a_conflict_in_a_file_names_both_lines(snapshot: Any) -> None:
    text = "[[rule]]\nname='a'\neffect='never'\nitems='i1'\n"
    text += "[[rule]]\nname='b'\neffect='pin'\nrank=1\nitems='i1'\n"
    with pytest.raises(RequestError, match=r"line 1: rule 'a' and .*line 5: rule 'b'"):
        checked(Rules.parse(text), snapshot, ["app", "web"])


def test_a_pattern_is_read_once_and_its_items_stay_with_the_rule(tmp_path: Path) -> None:
    with connect(tmp_path / "graph.kgl") as store:
        store.write(GRAPH)
        cypher = "MATCH (i:Item)-[:made_by]->(e:Entity {id: $maker}) RETURN i.id"
        rules = Rules.of(never(cypher=cypher, parameters={"maker": "e0"}))
        found = rules.read_from(store)
        made = GRAPH.facts[(GRAPH.facts["relation"] == "made_by") & (GRAPH.facts["tail"] == "e0")]
        assert sorted(found["n"].items or ()) == sorted(made["head"])
        assert Rules.parse(found.to_toml()) == found
        nothing = Rules.of(never(cypher=cypher, parameters={"maker": "nobody"}))
        with pytest.raises(RequestError, match="rule 'n': its Cypher finds nothing"):
            nothing.read_from(store)
        whole = Rules.of(never(cypher="MATCH (i:Item) RETURN i LIMIT 2"))
        with pytest.raises(RequestError, match="no list of item ids"):
            whole.read_from(store)
        with pytest.raises(QueryError):
            Rules.of(never(cypher="MATCH (i:Item) DELETE i")).read_from(store)
