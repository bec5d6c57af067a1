"""``kgrec erase``: counts of what leaves, a receipt without names, and who may come back."""

import json
import shutil
from pathlib import Path

import pytest

from kgrec import Recommender
from tests.cli.conftest import EVENTS, N_USERS, kgrec, kgrec_json


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def graph(store: Path, tmp_path: Path) -> Path:
    """The store, for one test alone."""
    return Path(shutil.copy(store, tmp_path / "own.kgl"))


@pytest.fixture
def trained(model: Path, tmp_path: Path) -> Path:
    """The model, for one test alone."""
    return Path(shutil.copytree(model, tmp_path / "own-model"))


def test_people_leave_and_stay_out(
    graph: Path, trained: Path, folder: Path, tmp_path: Path
) -> None:
    ways, file = ("--store", graph, "--model", trained), tmp_path / "receipt.json"
    (tmp_path / "people.txt").write_text("u2\nu3\n")
    found = kgrec_json(
        *("erase", "u1", "--users-file", tmp_path / "people.txt", *ways),
        *("--check", "--receipt", file, "--json"),
    )
    assert found == json.loads(file.read_text())
    assert (found["people_count"], found["traces"]) == (3, {})
    removed = {one["kind"]: one["removed"] for one in found["places"]}
    assert removed["store"] == removed["model"] == {"users": 3, "interactions": 3 * EVENTS}
    assert not any(f'"{user}"' in file.read_text() for user in ("u1", "u2", "u3"))
    loaded = kgrec("load", folder, "--store", graph)
    assert "3 of the people were erased before" in loaded.stderr
    kgrec("update", folder, "--model", trained, "--store", graph)
    assert len(Recommender.load(trained).snapshot.users) == N_USERS - 3
    doctor = kgrec("erase", "u1", "u2", *ways)
    assert "trained with 3 people since erased" in doctor.stderr
    assert kgrec_json("erase", "u1", "--lift", *ways, "--json") == {"lifted": 1, "asked": 1}
    assert "2 of the people" in kgrec("load", folder, "--store", graph).stderr
    again = kgrec_json("erase", "--again", "--store", graph, "--json")
    assert again["people_count"] == 0


def test_wrong_use_is_said(graph: Path, tmp_path: Path) -> None:
    kgrec("erase", "u1", expect=2)
    kgrec("erase", "--store", graph, expect=2)
    kgrec("erase", "--lift", "--again", "--store", graph, expect=2)
    message = kgrec("erase", "u1", "nobody", "--store", graph, expect=1).stderr
    assert "no place has users 'nobody'" in message
    assert not graph.with_name("own.kgl.erased").exists()
    assert "not a saved model" in kgrec("erase", "u1", "-m", tmp_path, expect=1).stderr
