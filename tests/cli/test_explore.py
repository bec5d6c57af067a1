"""``kgrec explore``: what it prints, what it saves, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.explore import read_graph
from kgrec.graph.snapshot import GraphSnapshot
from tests.cli.conftest import EVENTS, N_ITEMS, kgrec, kgrec_json

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def snapshot(model: Path) -> GraphSnapshot:
    from kgrec import Recommender

    return Recommender.load(model).snapshot


def test_the_edges_of_a_node(model: Path, snapshot: GraphSnapshot) -> None:
    item = int(snapshot.items.rows(["i0"])[0])
    users = len(set(snapshot.interactions.user[snapshot.interactions.item == item]))
    rows = kgrec_json("explore", "--model", model, "--node", "Item:i0", "-k", "99", "--json")
    assert [(row["label"], row["name"]) for row in rows[1:]] == [("People", f"{users} people")]
    command = ("explore", "--model", model, "--node", "Item:i0", "--show-people")
    rows = kgrec_json(*command, "-k", "99", "--json")
    assert len(rows) == users + 1
    assert rows[0]["relation"] == "HAS_GENRE"
    assert rows[0]["id"] == "g0"
    assert rows[0]["timestamp"] is None
    assert {row["relation"] for row in rows[1:]} == {"INTERACTED"}
    shown = kgrec("explore", "--model", model, "--node", "comedy", "-k", "3")
    assert "← HAS_GENRE" in shown.stdout
    assert f"comedy: 3 of {N_ITEMS // 3} edges; -k shows more" in shown.stderr


def test_several_nodes_are_one_table(model: Path) -> None:
    nodes = ("--node", "User:u0", "--node", "Entity:g0")
    rows = kgrec_json("explore", "--model", model, *nodes, "-k", "2", "--json")
    assert [row["of"] for row in rows] == ["User:u0"] * 2 + ["Entity:g0"] * 2


def test_everything_can_be_saved_at_once(model: Path, tmp_path: Path) -> None:
    files = [tmp_path / "new" / name for name in ("a.html", "a.svg", "a.graphml")]
    options = zip(("--html", "--picture", "--export"), files, strict=True)
    saved = [word for option in options for word in option]
    result = kgrec(
        "explore", "--model", model, "--node", "User:u0", "--hops", "2", "--nodes", "25", *saved
    )
    assert [line for line in result.stderr.splitlines() if line.startswith("saved")] == [
        f"saved {file}" for file in files
    ]
    graph = read_graph(files[2])
    assert len(graph) == 25
    assert graph.nodes["User", "u0"]["focus"] is True
    assert {label for label, _ in graph} == {"User", "People", "Item", "Entity"}


def test_the_paths_to_another_node(model: Path, tmp_path: Path) -> None:
    command = ("explore", "--model", model, "--node", "Item:i0", "--to", "Item:i3")
    (path,) = kgrec_json(*command, "--relations", "HAS_GENRE", "--hops", "2", "--json")
    assert [node["id"] for node in path["nodes"]] == ["i0", "g0", "i3"]
    text = kgrec(*command, "--via", "comedy", "--hops", "2", "--html", tmp_path / "way.html").stdout
    assert "have the same genre: “comedy”." in text
    assert (tmp_path / "way.html").stat().st_size > 100_000
    besides = ("--avoid", "comedy", "--hops", "2", "--json")
    people = kgrec_json(*command, *besides, "--show-people")
    assert 0 < len(people) <= EVENTS * 3
    (counted,) = kgrec_json(*command, *besides, "--fewest-people", "1")
    assert counted["people"] == len(people)
    few = kgrec_json(*command, *besides, "--fewest-people", str(len(people) + 1))
    assert few == []
    assert all(path["nodes"][1]["label"] == "User" for path in people)


def test_nodes_without_a_path_are_reported(model: Path, tmp_path: Path) -> None:
    command = ("explore", "--model", model, "--node", "Item:i0", "--to", "Item:i1", "--hops", "1")
    assert kgrec(*command).stdout == "no path of at most 1 step joins Item:i0 and Item:i1\n"
    assert kgrec_json(*command, "--json") == []
    result = kgrec(*command, "--html", tmp_path / "none.html", expect=1)
    assert "nothing to save" in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_moves_the_scores(model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "bars.png"
    command = ("explore", "--model", model, "--importance", "part", "--users", "5")
    rows = kgrec_json(*command, "--picture", picture, "--json")
    assert {"text", "id"} <= {row["name"] for row in rows}
    assert sum(row["share"] for row in rows) == pytest.approx(1.0, rel=1e-6)
    assert picture.stat().st_size > 5_000


def test_explain_takes_a_page_for_a_picture(model: Path, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    kgrec("explain", "--model", model, "--user", "u0", "--item", "i3", "--picture", page)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["--node", "Item:none"], "unknown Item id 'none'"),
        (["--node", "Film:i0"], "unknown node 'Film:i0': give it as Label:id"),
        (["--node", "i0"], "did you mean Item:i0?"),
        (["--node", "Item:i0", "--hops", "100"], "hops is 100"),
        (["--node", "Item:i0", "--to", "Item:i1", "--hops", "0"], "max_hops is 0"),
        (["--node", "Item:i0", "--relations", "NOPE"], "unknown relation 'NOPE'"),
        (["--node", "Item:i0", "--to", "Item:i0"], "two different nodes"),
        (["--importance", "part", "--scenario", "moon"], "unknown scenario 'moon'"),
    ],
)
def test_errors_are_1(model: Path, command: list[str], message: str) -> None:
    result = kgrec("explore", "--model", model, *command, expect=1)
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["--node", "Item:i0", "--importance", "part"],
        ["--importance", "colour"],
        ["--importance", "part", "--html", "a.html"],
        ["--node", "Item:i0", "--html", "a.png"],
        ["--node", "Item:i0", "--export", "a.txt"],
        ["--node", "Item:i0", "--picture", "a.html"],
        ["--node", "Item:i0", "--node", "Item:i1", "--to", "Item:i2"],
        ["--node", "Item:i0", "--via", "Item:i1"],
        ["--node", "Item:i0", "-k", "0"],
    ],
)
def test_wrong_usage_is_2(command: list[str]) -> None:
    kgrec("explore", "--model", "never-opened", *command, expect=2)
