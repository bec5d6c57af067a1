"""Pseudonyms through the commands: made at load, kept by update, read by every question."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from graph_schema.privacy.key import read_key
from tests.cli.conftest import kgrec, kgrec_json, write_folder

pytestmark = pytest.mark.slow
SETTINGS = "[model]\nuse_text = false\n[training]\neffort = 'quick'\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store whose users are pseudonyms, and a model of it; its key is elsewhere."""
    home = tmp_path_factory.mktemp("shop")
    data, keys = write_folder(home / "data"), home / "keys"
    ids = [f"u{n}" for n in range(40)]
    age = [str(20 + n) for n in range(40)]
    pd.DataFrame({"user_id": ids, "age": age, "about": "mail me@example.org"}).to_csv(
        data / "users.csv", index=False
    )
    reviews = pd.DataFrame({"user_id": ["u0"], "item_id": ["i0"], "text": ["call 030 / 123456"]})
    reviews.to_csv(data / "reviews.csv", index=False)
    keys.mkdir()
    (home / "settings.toml").write_text(SETTINGS)
    key, store, model = keys / "shop.key", home / "graph" / "catalog.kgl", home / "model"
    kgrec("pseudonyms", key, "--new")
    kgrec("load", data, "--store", store, "--pseudonymise", key)
    kgrec("train", "--store", store, "--model", model, "--config", home / "settings.toml")
    return {"data": data, "key": key, "store": store, "model": model, "home": home}


@pytest.fixture
def first(made: dict[str, Path]) -> str:
    """The pseudonym of the user u0."""
    return read_key(made["key"]).pseudonym("u0")


def test_loading_again_changes_nothing(made: dict[str, Path]) -> None:
    again = kgrec_json(
        "load", made["data"], "--store", made["store"], "--pseudonymise", made["key"], "--json"
    )
    assert all(one["added"] == one["changed"] == 0 for one in again["difference"].values())
    assert again["people"]["pseudonyms"]["users"] == 40
    assert again["people"]["texts"]["found"] == {"mail": 40, "phone": 1}


def test_loads_and_updates_that_name_people_otherwise_are_refused(
    made: dict[str, Path], tmp_path: Path
) -> None:
    data, store, key = made["data"], made["store"], made["key"]
    mark = read_key(key).fingerprint
    plain = kgrec("load", data, "--store", store, expect=1)
    assert f"pseudonyms of the key {mark}" in plain.stderr
    assert "--pseudonymise" in plain.stderr
    kgrec("pseudonyms", tmp_path / "other.key", "--new")
    other = kgrec(
        "load", data, "--store", store, "--pseudonymise", tmp_path / "other.key", expect=1
    )
    assert f"--pseudonymise with the file of the key {mark}" in other.stderr
    update = kgrec("update", data, "--model", made["model"], "--out", tmp_path / "new", expect=1)
    assert "the model's graph: its users are pseudonyms" in update.stderr
    assert not (tmp_path / "new").exists()
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps({"user_id": "u0", "item_id": "i1"}) + "\n")
    follow = kgrec(
        "load", events, "--store", store, "--follow", "--position", tmp_path / "p", expect=1
    )
    assert "pseudonyms of the key" in follow.stderr


def test_a_key_beside_the_store_or_in_the_model_is_refused(
    made: dict[str, Path], tmp_path: Path
) -> None:
    key = tmp_path / "shop.key"
    kgrec("pseudonyms", key, "--new")
    beside = kgrec(
        "load", made["data"], "--store", tmp_path / "a.kgl", "--pseudonymise", key, expect=1
    )
    assert "folder of its own" in beside.stderr
    assert not (tmp_path / "a.kgl").exists()
    missing = kgrec(
        *("load", made["data"], "--store", tmp_path / "a.kgl"),
        *("--pseudonymise", made["home"] / "none" / "key"),
        expect=1,
    )
    assert "--new" in missing.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "--user", "u0", "--json"),
        ("recommend", "--users", "{list}", "--json"),
        ("explain", "--user", "u0", "--item", "i1", "--json"),
        ("explain", "--user", "u0", "--item", "i1", "--why-not", "--json"),
        ("page", "--user", "u0", "--html", "{page}", "--json"),
        ("recommend-users", "--item", "i1", "--user", "u0,u1", "--json"),
        ("similar-users", "--user", "u0", "--json"),
        ("search", "comedy", "--user", "u0", "--json"),
        ("score", "{pairs}", "--json"),
        ("explore", "--node", "User:u0", "--json"),
        ("vectors", "--kind", "user", "--ids", "{list}", "--out", "{vectors}", "--json"),
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_questions_read_ids_by_the_key(
    made: dict[str, Path], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The id with the key and the pseudonym without it are the same user."""
    places = {name: tmp_path / f"{name}.csv" for name in ("list", "pairs")}
    places |= {"page": tmp_path / "page.html", "vectors": tmp_path / "vectors.npz"}
    answers = []
    pseudonyms = dict(
        zip(("u0", "u1"), read_key(made["key"]).pseudonyms(["u0", "u1"]), strict=True)
    )
    for with_key in (True, False):
        names = {one: one if with_key else hidden for one, hidden in pseudonyms.items()}
        places["list"].write_text(f"user_id\n{names['u0']}\n")
        places["pairs"].write_text(f"user_id,item_id\n{names['u0']},i1\n")
        line = [part.format(**places) for part in command]
        line = [part.replace("u0", names["u0"]).replace("u1", names["u1"]) for part in line]
        key = ["--pseudonymise", str(made["key"])] if with_key else []
        answers.append(kgrec(*line, "--model", made["model"], *key).stdout)
    assert answers[0] == answers[1]


def test_the_key_may_be_named_by_the_environment(
    made: dict[str, Path], first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = kgrec("recommend", "--user", first, "--model", made["model"], "--json").stdout
    assert kgrec("recommend", "--user", "u0", "--model", made["model"], expect=1)
    monkeypatch.setenv("KGREC_PSEUDONYM_KEY", str(made["key"]))
    assert kgrec("recommend", "--user", "u0", "--model", made["model"], "--json").stdout == plain


def test_updates_add_to_the_same_people(made: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "interactions.csv").write_text("user_id,item_id\nu0,i59\nnew,i1\n")
    added = kgrec_json(
        *("update", tmp_path / "new", "--model", made["model"], "--out", tmp_path / "model"),
        *("--pseudonymise", made["key"], "--json"),
    )["added"]
    assert (added["users"], added["interactions"]) == (1, 2)


def test_removal_finds_users_by_their_ids(made: dict[str, Path], tmp_path: Path) -> None:
    report = kgrec_json(
        *("remove", "--users", "u3,u4", "--model", made["model"], "--out", tmp_path / "less"),
        *("--pseudonymise", made["key"], "--json"),
    )
    assert report["model"]["rows"]["users"] == 2


def test_the_way_back_needs_the_key_and_the_ids(
    made: dict[str, Path], first: str, tmp_path: Path
) -> None:
    asked = ("pseudonyms", made["key"], "--users", "u2,u1,u0", "--find", first)
    assert kgrec_json(*asked, "--json") == [{"user_id": "u0", "pseudonym": first}]
    unknown = kgrec("pseudonyms", made["key"], "--users", "u7", "--find", first, expect=1)
    assert "of none of the 1 users given" in unknown.stderr
    table = tmp_path / "map.csv"
    kgrec("pseudonyms", made["key"], "--users", "u0", "--out", table)
    assert table.stat().st_mode & 0o777 == 0o600
    assert pd.read_csv(table).to_numpy().tolist() == [["u0", first]]


def test_attributes_become_coarser_and_texts_are_masked(made: dict[str, Path]) -> None:
    store = made["home"] / "second" / "catalog.kgl"
    options = ("--pseudonymise", made["key"], "--anonymise", "5", "--quasi", "age", "--mask-texts")
    said = kgrec_json("load", made["data"], "--store", store, *options, "--json")["people"]
    assert said["anonymity"]["smallest_group"] >= 5
    assert said["texts"]["masked"]
    out = made["home"] / "out"
    kgrec("export", out, "--store", store)
    users = pd.read_csv(out / "users.csv")
    assert users["age"].value_counts().min() >= 5
    assert set(users["about"]) == {"mail [mail]"}
    assert pd.read_csv(out / "reviews.csv")["text"].tolist() == ["call [phone]"]
    again = kgrec("load", made["data"], "--store", store, *options, expect=1)
    assert "--replace" in again.stderr
    kgrec("load", made["data"], "--store", store, *options, "--replace")


@pytest.mark.parametrize(
    "options",
    [("--anonymise", "5"), ("--quasi", "age"), ("--names", "none"), ("--follow", "--mask-texts")],
)
def test_options_that_lack_others_are_refused(
    made: dict[str, Path], options: tuple[str, ...]
) -> None:
    kgrec("load", made["data"], "--store", made["home"] / "none" / "c.kgl", *options, expect=2)


def test_a_model_of_an_evaluation_has_pseudonyms(made: dict[str, Path], first: str) -> None:
    model = made["home"] / "evaluated"
    settings = made["home"] / "settings.toml"
    kgrec(
        *("evaluate", made["data"], "--model", model, "--config", settings),
        *("--pseudonymise", made["key"]),
    )
    assert kgrec_json("recommend", "--user", first, "--model", model, "--json")
    card = kgrec("card", "--model", model).stdout
    assert f"pseudonyms of the key {read_key(made['key']).fingerprint}" in card
    assert "| ndcg@10 |" in card
