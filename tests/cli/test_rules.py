"""``kgrec rules``: check, set, explain, review, decide and log."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import kgrec, kgrec_json

TOML = """
[[rule]]
name = "new years"
effect = "hold"
what = { year = { min = 2000 } }
author = "Ada"

[[rule]]
name = "first"
effect = "pin"
rank = 1
items = ["i1"]
reason = "film of the week"
"""


@pytest.fixture
def trained(model: Path, tmp_path: Path) -> Path:
    """The model, for one test alone."""
    return Path(shutil.copytree(model, tmp_path / "own-model"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "rules.toml"
    place.write_text(TOML)
    return place


def test_from_a_file_to_a_decision_and_its_log(trained: Path, file: Path) -> None:
    ways = ("--model", trained, "--json")
    rows = kgrec_json("rules", "check", "--file", file, *ways)
    assert [(row["rule"], row["items"], row["users"]) for row in rows] == [
        ("new years", 20, 40),
        ("first", 1, 40),
    ]
    assert not (trained / "rules.toml").exists()
    kgrec("rules", "set", "--file", file, "--author", "Ada", "--model", trained)
    assert kgrec_json("recommend", "--user", "u0", *ways)[0]["item_id"] == "i1"
    effects = kgrec_json("rules", "explain", "--user", "u0", "-k", "60", *ways)
    assert {row["effect"] for row in effects if row["rank"] is None} == {"hold"}
    held = kgrec_json("rules", "review", "--all-users", *ways)
    assert held
    assert held == kgrec_json("rules", "review", *ways)
    item = held[0]["item_id"]
    done = ("--rule", "new years", "--item", item, "--author", "Bo", "--reason", "seen it")
    added = kgrec_json("rules", "decide", "--approve", *done, *ways)
    assert added["effect"] == "release"
    left = kgrec_json("rules", "review", *ways)
    assert item not in {row["item_id"] for row in left}
    log = kgrec_json("rules", "log", *ways)
    assert [(row["action"], row["author"]) for row in log] == [("set", "Ada"), ("approve", "Bo")]
    assert log[-1]["hash"] == added["hash"]
    assert kgrec("rules", "log", "--at", "1", "--model", trained).stdout.count("[[rule]]") == 2


def test_a_file_changed_by_hand_is_noted_and_a_changed_log_is_an_error(
    trained: Path, file: Path
) -> None:
    kgrec("rules", "set", "--file", file, "--author", "Ada", "--model", trained)
    (trained / "rules.toml").write_text(TOML.replace("rank = 1", "rank = 2"))
    assert "changed by hand" in kgrec("rules", "log", "--model", trained).stderr
    place = trained / "rules-log.jsonl"
    place.write_text(place.read_text().replace("Ada", "Eve"))
    assert "line 1 was changed" in kgrec("rules", "log", "--model", trained, expect=1).stderr


def test_wrong_rules_and_wrong_usage(trained: Path, file: Path, store: Path) -> None:
    way = ("--model", trained)
    file.write_text(TOML + "\n[[rule]]\nname = 'no'\neffect = 'never'\nitems = 'i1'\n")
    error = kgrec("rules", "set", "--file", file, "--author", "Ada", *way, expect=1).stderr
    assert "line 8: rule 'first' and" in error
    assert "rule 'no' are in conflict" in error
    assert not (trained / "rules.toml").exists()
    for line in (("explain",), ("decide", "--rule", "x"), ("set", "--author", "x"), ("do",)):
        kgrec("rules", *line, *way, expect=2)
    file.write_text(
        "[[rule]]\nname = 'space'\neffect = 'never'\n"
        "cypher = 'MATCH (i:Item)-[:HAS_GENRE]->(e:Entity {id: $id}) RETURN i.id'\n"
        "parameters = { id = 'g2' }\n"
    )
    assert "was not read" in kgrec("rules", "check", "--file", file, *way, expect=1).stderr
    kgrec("rules", "set", "--file", file, "--author", "Ada", "--store", store, *way)
    assert "i2" in (trained / "rules.toml").read_text()
