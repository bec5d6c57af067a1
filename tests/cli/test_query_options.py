"""Options that make a Query and Constraints mean the same for every command."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kgrec import Constraints, Query, Recommender
from kgrec.cli._options import read_constraints, read_query
from kgrec.errors import RequestError
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two scenarios and attributes of users."""
    folder = tmp_path_factory.mktemp("queries") / "model"
    settings = catalogs.config(epochs=4, learning_rate=0.02)
    Recommender(settings).fit(catalogs.catalog()).save(folder)
    return folder


def test_options_become_a_query_and_constraints() -> None:
    assert read_query(["u1", "u2"]) == Query(["u1", "u2"])
    assert read_query(None, "i1,i2", "auto", ["hour=21", "gender=F", "height=1.5"]) == Query(
        None, {"history": ["i1", "i2"]}, "auto", {"hour": 21, "gender": "F", "height": 1.5}
    )
    assert read_query(["u1"], "i1") == Query(None, {"u1": ["i1"]})
    assert read_constraints() == Constraints()
    assert read_constraints(
        "i1,i2", ["year=1990.."], relations="A,B", via="e1", avoid="e2,e3", since=5, max_hops=3
    ) == Constraints(
        relations=["A", "B"],
        via=["e1"],
        avoid=["e2", "e3"],
        since=5,
        max_hops=3,
        candidates=["i1", "i2"],
        where={"year": (1990.0, None)},
    )


def test_an_id_with_a_comma_is_one_user() -> None:
    assert read_query(["Smith, Ann"], "i1") == Query(None, {"Smith, Ann": ["i1"]})


def test_a_context_that_is_no_pair_is_refused() -> None:
    with pytest.raises(RequestError, match="--context 'hour' is not NAME=VALUE, such as hour=21"):
        read_query(["u1"], None, None, ["hour"])


CIRCUMSTANCES = {
    "none": (),
    "name": ("--scenario", "web"),
    "auto": ("--scenario", "auto", "--context", "hour=3"),
    "mixture": ("--scenario", "mixture", "--context", "gender=F", "--context", "age=30"),
    "context": ("--context", "gender=F"),
}
LIMITS = {
    "all items": (),
    "candidates": ("--candidates", ",".join(f"i{n}" for n in range(10, 30))),
    "where": ("--where", "year=1990..2010"),
    "exclude": ("--exclude", "i10,i11,i12"),
}


@pytest.mark.slow
@pytest.mark.parametrize("history", [(), ("--history", "i1,i2,i3")], ids=["stored", "typed"])
@pytest.mark.parametrize("circumstances", CIRCUMSTANCES.values(), ids=CIRCUMSTANCES)
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_what_recommend_lists_can_be_explained(
    scenarios: Path,
    history: tuple[str, ...],
    circumstances: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:
    who = history or ("--user", "u3")
    options = ("--model", scenarios, *circumstances, "--json")
    rows = kgrec_json("recommend", *who, *options, *limits, "-k", "40")
    first, last = rows[0]["item_id"], rows[-1]["item_id"]
    explain = ("explain", "--user", "guest" if history else "u3", *history, *options)
    answer = kgrec_json(*explain, "--item", first)
    assert answer["score"] == pytest.approx(rows[0]["score"], abs=1e-4)
    why_not = kgrec_json(*explain, *limits, "--item", last, "--why-not", "-k", "2")
    assert (why_not["rank"], why_not["candidates"]) == (len(rows), len(rows))
    without = kgrec_json(*explain, *limits, "--item", first, "--without", "-k", "2")
    assert without["rank"] == 1
    both = kgrec_json(*explain, "--item", first, "--compare", last)
    assert both["difference"] == pytest.approx(rows[0]["score"] - rows[-1]["score"], abs=2e-4)


@pytest.mark.slow
def test_explore_measures_importance_in_the_same_circumstances(scenarios: Path) -> None:
    command = ("explore", "-m", scenarios, "--importance", "part", "--users", "5", "--json")
    plain = kgrec_json(*command)
    mixed = kgrec_json(*command, "--scenario", "mixture", "--context", "hour=3")
    narrowed = kgrec_json(*command, "--where", "year=1990..2010")
    assert {row["scenario"] for row in mixed} == {"mixture"}
    assert [row["mean"] for row in plain] != [row["mean"] for row in mixed]
    assert [row["mean"] for row in plain] != [row["mean"] for row in narrowed]


@pytest.mark.slow
def test_search_is_personal_in_the_scenario(scenarios: Path) -> None:
    command = ("search", "tale", "-m", scenarios, "-u", "u3", "--json", "-k", "40")
    candidates = ("--candidates", ",".join(f"i{n}" for n in range(40)))
    plain = kgrec_json(*command, *candidates)
    mixed = kgrec_json(*command, *candidates, "--scenario", "mixture", "--context", "hour=3")
    assert {row["item_id"] for row in plain} == {row["item_id"] for row in mixed}
    assert plain != mixed


@pytest.mark.slow
def test_what_is_missing_is_left_out_where_asked(scenarios: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user_id\nnobody\nu3\n")
    given = ("recommend", "-m", scenarios, "--exclude", "i1,sold-out", "--users", users, "-k", "3")
    assert "nobody" in kgrec(*given, expect=1).stderr
    rows = kgrec_json(*given, "--ignore-missing", "--json")
    assert [row["user_id"] for row in rows] == ["u3"] * 3
    kgrec(*given, "--ignore-missing", "--out", tmp_path / "lists.csv")
    assert pd.read_csv(tmp_path / "lists.csv")["item_id"].tolist() == [r["item_id"] for r in rows]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("explain", "-u", "u0", "-i", "i0", "--where", "year=1990"), "--exclude go with"),
        (("explain", "-u", "u0", "-i", "i0", "--candidates", "i1"), "--exclude go with"),
        (("explain", "-u", "u0", "-i", "i0", "--exclude", "i1"), "--exclude go with"),
        (("explore", "--node", "Item:i0", "--exclude", "i1"), "--exclude go with"),
        (("search", "a", "--context", "hour=3"), "--context goes with --user"),
        (("explore", "--node", "Item:i0", "--context", "hour=3"), "go with --importance"),
        (("explore", "--node", "Item:i0", "--where", "year=1990"), "go with --importance"),
    ],
)
def test_options_that_change_nothing_are_wrong_usage(
    command: tuple[str, ...], message: str
) -> None:
    result = kgrec(*command, "--model", "never-opened", expect=2)
    assert message in " ".join(result.stderr.replace("│", " ").split())
