"""Decisions about held items: the rules they add, their log, and what was changed in it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graph_schema.disk.signature import KEY_FILE
from graph_schema.errors import ModelError, RequestError
from kgrec import Recommender, Rule, Rules
from kgrec.cli import app
from kgrec.rules import RuleFolder, RuleLog
from kgrec.rules.folder import HELD_COLUMNS
from tests.recommender import catalogs

HOLD = Rule("wait", "hold", what={"genres": "War"}, who={"age": {"max": 40}})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder") / "model"
    model = Recommender(catalogs.config(epochs=2)).fit(catalogs.catalog())
    model.rules = Rules.of(HOLD)
    model.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> RuleFolder:
    import shutil

    return RuleFolder(shutil.copytree(saved, tmp_path / "model"))


def test_decisions_are_rules_that_lists_obey_and_the_log_replays_to_the_same(
    folder: RuleFolder,
) -> None:
    model = Recommender.load(folder.folder)
    held = folder.add_held(model.held(["u1", "u5"], k=5))
    assert list(held.columns) == list(HELD_COLUMNS)
    assert folder.add_held(model.held(["u1"], k=5)).shape == held.shape
    one, other = held["item_id"].unique()[:2]
    added, _ = folder.decide("wait", one, approve=True, author="Ada", why="checked")
    assert (added.effect, added.author, added.reason) == ("release", "Ada", "checked")
    refused, log = folder.decide("wait", other, approve=False, author="Bo")
    assert (refused.effect, refused.who) == ("never", HOLD.who)
    assert {one, other}.isdisjoint(folder.held()["item_id"])
    assert [entry.action for entry in log.entries] == ["set", "approve", "reject"]
    after = Recommender.load(folder.folder)
    listed = after.rank(["u1", "u5"], k=30).ids
    assert one in listed
    assert other not in listed
    replayed = Recommender.of(after.state)
    replayed.rules = folder.log.rules()
    assert replayed.rules == after.rules
    assert (replayed.rank(["u1", "u5"], k=30).ids == listed).all()
    assert folder.log.rules(1) == Rules.of(HOLD)
    why = after.why_not("u1", other)
    assert "reject wait" in str(why)
    assert "Bo" in str(why)
    after.save(folder.folder)
    assert folder.log == log


def test_a_decision_needs_a_hold_an_author_and_to_be_new(folder: RuleFolder) -> None:
    before = folder.rules
    with pytest.raises(RequestError, match="no rule is called 'x'; there are: 'wait'"):
        folder.decide("x", "i1", approve=True, author="Ada")
    with pytest.raises(RequestError, match="a decision needs its author"):
        folder.decide("wait", "i1", approve=True, author=" ")
    assert folder.rules == before
    assert folder.log == RuleLog()
    folder.decide("wait", "i1", approve=True, author="Ada")
    with pytest.raises(RequestError, match="'approve wait: i1' has the name of another rule"):
        folder.decide("wait", "i1", approve=True, author="Ada")
    with pytest.raises(RequestError, match="has the effect 'release'; decide about a hold"):
        folder.decide("approve wait: i1", "i1", approve=True, author="Ada")
    with pytest.raises(RequestError, match="is no folder"):
        RuleFolder(folder.folder / "none")


def changed(folder: RuleFolder, change: str) -> str:
    """The text of a log of four entries with a change."""
    for item in ("i1", "i5", "i9"):
        folder.decide("wait", item, approve=True, author="Ada")
    lines = folder.log.text.splitlines()
    assert len(lines) == 4
    if change == "word":
        lines[1] = lines[1].replace("Ada", "Eve")
    elif change == "hash too":
        entry = json.loads(lines[1])
        entry["author"] = "Eve"
        made = RuleLog.parse("\n".join(lines[:1])).with_entry(
            entry["action"], [Rule.of_mapping(one) for one in entry["rules"]], "Eve", "", 0.0
        )
        lines[1] = made.entries[-1].line
    elif change == "removed":
        del lines[1]
    elif change == "twice":
        lines.insert(1, lines[1])
    elif change == "order":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "no JSON":
        lines[3] = lines[3][:-5]
    else:
        lines[2] = "{}"
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("word", r"rules-log.jsonl, line 2 was changed"),
        ("hash too", r"line 3 does not follow the line before"),
        ("removed", r"line 2 does not follow"),
        ("twice", r"line 3 does not follow"),
        ("order", r"line 2 does not follow"),
        ("no JSON", r"line 4 is no JSON"),
        ("another object", r"line 3 is no entry of a log"),
    ],
)
def test_a_change_of_the_log_is_found_by_its_line(
    folder: RuleFolder, change: str, message: str
) -> None:
    (folder.folder / "rules-log.jsonl").write_text(changed(folder, change))
    with pytest.raises(RequestError, match=message):
        _ = folder.log
    with pytest.raises(RequestError, match=message):
        folder.decide("wait", "i13", approve=True, author="Ada")


def test_decisions_of_several_threads_are_all_there(folder: RuleFolder) -> None:
    items = [f"i{n}" for n in range(1, 40, 4)]

    def decide(item: str) -> None:
        RuleFolder(folder.folder).decide("wait", item, approve=True, author="Ada")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide, items))
    assert {rule.items for rule in folder.rules if rule.items} == {(item,) for item in items}
    assert folder.log.rules() == folder.rules


def test_comments_of_the_file_stay(folder: RuleFolder) -> None:
    place = folder.folder / "rules.toml"
    place.write_text("# ours\n" + place.read_text())
    folder.decide("wait", "i1", approve=True, author="Ada")
    assert place.read_text().startswith("# ours\n")
    folder.set(Rules.parse("# theirs\n[[rule]]\nname='n'\neffect='never'\nitems='i1'\n"), "Bo")
    assert place.read_text().startswith("# theirs\n")
    assert [entry.author for entry in folder.log.entries] == ["Ada", "Ada", "Bo"]


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("{}", "is no held item")])
def test_a_wrong_line_of_held_items_is_named(folder: RuleFolder, text: str, message: str) -> None:
    (folder.folder / "held.jsonl").write_text(text)
    with pytest.raises(RequestError, match=f"held.jsonl, line 1 {message}"):
        folder.held()


OTHER = Rule("never again", "never", items=("i2",))


def test_rules_that_were_changed_in_between_are_not_lost(folder: RuleFolder) -> None:
    read = folder.rules
    folder.set(read.with_rules([OTHER]), "Bo")
    before = folder.rules, folder.log
    with pytest.raises(RequestError, match="somebody changed the rules in between"):
        folder.set(Rules(), "Ada", was=read)
    assert (folder.rules, folder.log) == before
    folder.set(Rules.of(HOLD), "Ada", was=folder.rules)
    assert folder.rules == Rules.of(HOLD)


def test_changes_of_several_writers_all_take_effect(folder: RuleFolder) -> None:
    def add(number: int) -> None:
        rule = Rule(f"never {number}", "never", items=(f"i{number}",))
        RuleFolder(folder.folder).change(lambda rules: rules.with_rules([rule]), "Ada")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(8)))
    assert {rule.name for rule in folder.rules} == {"wait", *(f"never {n}" for n in range(8))}
    assert folder.log.rules() == folder.rules
    assert folder.change(lambda _: None, "Ada") is None
    assert len(folder.log.entries) == 8


def test_the_command_sets_rules_only_where_they_are_those_that_were_read(
    folder: RuleFolder, tmp_path: Path
) -> None:
    was, new = tmp_path / "was.toml", tmp_path / "new.toml"
    was.write_text(folder.rules.text or folder.rules.to_toml())
    new.write_text(Rules.of(HOLD, OTHER).to_toml())
    asked = ["rules", "set", "--model", str(folder.folder), "--file", str(new), "--author", "Ada"]
    assert CliRunner().invoke(app, [*asked, "--was", str(was)]).exit_code == 0
    assert folder.rules == Rules.of(HOLD, OTHER)
    refused = CliRunner().invoke(app, [*asked, "--was", str(was)])
    assert refused.exit_code == 1
    assert "somebody changed the rules in between" in refused.output


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key of models; the folder's manifest is not signed, so only its rules are read."""
    path = tmp_path / "model.key"
    path.write_text("0123456789abcdef" * 4)
    path.chmod(0o600)
    monkeypatch.setenv(KEY_FILE, str(path))
    return path


def test_with_a_key_rules_are_signed(folder: RuleFolder, key: Path, tmp_path: Path) -> None:
    model = Recommender.of(_unsigned(folder).state)
    model.save(tmp_path / "signed")
    signed = RuleFolder(tmp_path / "signed")
    assert signed.rules == Rules.of(HOLD)
    signed.decide("wait", "i1", approve=True, author="Ada")
    signed.set(signed.rules.with_rules([OTHER]), "Ada")
    signed.change(lambda rules: rules.with_rules([Rule("no", "never", items=("i3",))]), "Bo")
    expected = signed.rules
    loaded = Recommender.load(signed.folder)
    assert loaded.rules == expected
    loaded.save(signed.folder)
    assert Recommender.load(signed.folder).rules == expected
    assert key.read_text() not in "".join(
        path.read_text() for path in signed.folder.iterdir() if path.name.startswith("rules")
    )


def _unsigned(folder: RuleFolder) -> Recommender:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY_FILE)
        return Recommender.load(folder.folder)


@pytest.mark.parametrize("wrong", ["changed", "removed", "other key", "unsigned", "of another"])
def test_with_a_key_rules_that_it_did_not_sign_are_refused(
    folder: RuleFolder, key: Path, tmp_path: Path, wrong: str
) -> None:
    _unsigned(folder).save(tmp_path / "signed")
    signed = RuleFolder(tmp_path / "signed")
    rules, signature = signed.folder / "rules.toml", signed.folder / "rules.signature"
    if wrong == "changed":
        rules.write_text(rules.read_text().replace("War", "Comedy"))
    elif wrong == "removed":
        rules.unlink()
    elif wrong == "other key":
        key.write_text("fedcba9876543210" * 4)
    elif wrong == "unsigned":
        signature.unlink()
    else:
        signature.write_text("0" * 64)
    with pytest.raises(ModelError, match=r"rules.toml is not signed with the key .* Cure: move it"):
        _ = signed.rules
    if wrong != "other key":
        with pytest.raises(ModelError, match="is not signed with the key"):
            Recommender.load(signed.folder)
    with pytest.raises(ModelError, match="is not signed with the key"):
        signed.decide("wait", "i1", approve=True, author="Ada")
    # The cure: both out of the folder, and set again.
    kept = Rules.of(HOLD)
    rules.unlink(missing_ok=True)
    signature.unlink(missing_ok=True)
    signed.set(kept, "Ada")
    assert signed.rules == kept


def test_what_another_put_there_is_not_signed_by_a_save(
    folder: RuleFolder, key: Path, tmp_path: Path
) -> None:
    model = _unsigned(folder)
    (folder.folder / "rules.toml").write_text(Rules.of(OTHER).to_toml())
    model.save(folder.folder)
    with pytest.raises(ModelError, match="is not signed with the key"):
        Recommender.load(folder.folder)


def test_rules_copied_to_another_model_are_signed_there(
    folder: RuleFolder, key: Path, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        _unsigned(folder).save(tmp_path / name)
    RuleFolder(tmp_path / "one").set(Rules.of(OTHER), "Ada")
    RuleFolder(tmp_path / "one").copy_to(tmp_path / "other")
    assert RuleFolder(tmp_path / "other").rules == Rules.of(OTHER)
