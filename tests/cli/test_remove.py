"""``kgrec remove``: counts of what leaves the store and the model, and nothing half done."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from kgrec import Recommender
from tests.cli.conftest import EVENTS, N_USERS, kgrec, kgrec_json


@pytest.fixture
def graph(store: Path, tmp_path: Path) -> Path:
    """The store, for one test alone."""
    return Path(shutil.copy(store, tmp_path / "own.kgl"))


@pytest.fixture
def trained(model: Path, tmp_path: Path) -> Path:
    """The model, for one test alone."""
    return Path(shutil.copytree(model, tmp_path / "own-model"))


def left(values: dict) -> dict:
    return {name: n for name, n in values["rows"].items() if n}


def test_ids_leave_the_store(graph: Path) -> None:
    found = kgrec_json("remove", "-u", "u1,u2", "--entities", "g0", "--store", graph, "--json")
    expected = {"users": 2, "entities": 1, "interactions": 2 * EVENTS, "facts": 20}
    assert left(found["store"]) == expected
    assert list(found) == ["store"]
    shown = kgrec("remove", "--users", "u3", "--store", graph).stdout
    assert "│ interactions │    14 │" in shown


def test_files_name_what_leaves(graph: Path, folder: Path, tmp_path: Path) -> None:
    lines, column = tmp_path / "gone.txt", tmp_path / "sold out.csv"
    lines.write_text("u5\n\nu6\n")
    column.write_text("item_id,why\ni1,sold\ni2,old\n")
    events = pd.read_csv(folder / "interactions.csv", dtype=str)
    events[events["user_id"] == "u7"].head(3).to_csv(tmp_path / "events.csv", index=False)
    facts = pd.read_csv(folder / "facts.csv", dtype=str)
    facts.tail(4).to_csv(tmp_path / "facts.csv", index=False)
    found = kgrec_json(
        *("remove", "--users", f"@{lines}", "--items", f"@{column}", "--store", graph, "--json"),
        *("--interactions", tmp_path / "events.csv", "--facts", tmp_path / "facts.csv"),
    )
    gone = events["user_id"].isin(["u5", "u6"]) | events["item_id"].isin(["i1", "i2"])
    gone |= events.index.isin(events[events["user_id"] == "u7"].head(3).index)
    assert left(found["store"]) == {
        "users": 2, "items": 2, "interactions": int(gone.sum()), "facts": 6
    }  # fmt: skip


def test_a_model_and_a_store_lose_the_same(graph: Path, trained: Path, tmp_path: Path) -> None:
    ways = ("--store", graph, "--model", trained)
    found = kgrec_json("remove", "-u", "u1", "--items", "i4", *ways, "--json")
    assert found["model"] == found["store"]
    loaded = Recommender.load(trained)
    assert len(loaded.snapshot.users) == N_USERS - 1
    message = kgrec("recommend", "--model", trained, "--user", "u1", expect=1).stderr
    assert "'u1' is not in the graph" in message
    before = trained / "manifest.json"
    content = before.read_bytes()
    kgrec("remove", "-u", "u2", "--model", trained, "--out", tmp_path / "other")
    assert before.read_bytes() == content
    assert "u2" not in Recommender.load(tmp_path / "other").snapshot.users.ids


def test_what_is_missing_stops_everything(graph: Path, trained: Path) -> None:
    ways = ("--store", graph, "--model", trained)
    kgrec("remove", "-u", "u1", "--store", graph)
    content = (trained / "manifest.json").read_bytes()
    message = kgrec("remove", "-u", "u1,u2", *ways, expect=1).stderr
    assert f"the store {graph}: not in the graph: users 'u1'. Nothing was removed" in message
    assert (trained / "manifest.json").read_bytes() == content
    message = kgrec("remove", "-u", "u2,nobody", "--items", "x", *ways, expect=1).stderr
    assert f"the model {trained}: not in the graph: users 'nobody'; items 'x'" in message
    assert left(kgrec_json("remove", "-u", "u2", "--store", graph, "--json")["store"])["users"] == 1
    done = kgrec("remove", "-u", "u1,u2,u3", *ways, "--ignore-missing", "--json")
    assert "not in the store: 2 users" in done.stderr
    assert '"model": {"rows": {"users": 3,' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-u", "@none.csv"], "none.csv can't be read"),
        (["--interactions", "FACTS"], "user_id"),
        (["-u", "a,,b"], "an id is empty"),
    ],
)
def test_files_that_can_not_be_read(
    graph: Path, folder: Path, arguments: list[str], message: str
) -> None:
    named = [str(folder / "facts.csv") if part == "FACTS" else part for part in arguments]
    assert message in kgrec("remove", *named, "--store", graph, expect=1).stderr


def test_a_removal_names_a_place_and_what_leaves(graph: Path) -> None:
    kgrec("remove", "--store", graph, expect=2)
    kgrec("remove", "--users", "u1", expect=2)
    assert "there is no store" in kgrec("remove", "-u", "1", "-s", "no.kgl", expect=1).stderr
