"""Each leak is found where it was made, and none on data without it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import kgrec
from kgrec import Recommender
from kgrec.cli import app
from kgrec.cli._options import Protocol
from kgrec.cli._splits import with_split
from kgrec.fitting.plan import plan_training, settings_to_try
from kgrec.fitting.validation import training_split
from kgrec.graph.source import catalog_snapshot
from kgrec.leaks import Finding, LeakReport, find_leaks
from tests.leaks import made
from tests.recommender import catalogs


def kinds(report: LeakReport) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in report.findings}


def only(report: LeakReport, kind: str) -> Finding:
    (found,) = [one for one in report.findings if one.kind == kind]
    return found


def test_clean_data_has_no_finding() -> None:
    assert str(find_leaks(made.catalog())) == "no leak was found"


@pytest.mark.parametrize("what", ["count", "mean", "latest"])
def test_an_attribute_that_counts_test_rows(what: str) -> None:
    rows = made.interactions()
    by = rows.groupby("item_id")
    value = {"count": by.size(), "mean": by["rating"].mean(), "latest": by["timestamp"].max()}
    things = made.items(rows)
    things["purchases"] = things["item_id"].map(value[what])
    found = only(find_leaks(made.catalog(rows, things)), "attribute computed from test rows")
    assert (found.severity, found.where) == ("leak", "items, purchases")
    assert found.figures["with_test_rows"] > 0.98 > found.figures["without_test_rows"]


def test_the_same_attribute_of_training_rows_is_none() -> None:
    rows = made.interactions()
    things = made.items(rows)
    count = rows[rows["split"] == "train"].groupby("item_id").size()
    things["counted"] = things["item_id"].map(count).fillna(0)
    assert not len(find_leaks(made.catalog(rows, things)))


@pytest.mark.parametrize("ascending", [True, False])
def test_rows_of_one_time_that_are_split_by_item(ascending: bool) -> None:
    rows = made.interactions().sort_values(["user_id", "item_id"], ascending=ascending)
    place = rows.groupby("user_id").cumcount()
    rows["timestamp"] = made.START + made.DAY * (place // 5)  # visits of five events
    rows["split"] = np.where(place == 14, "test", "train")
    found = only(find_leaks(made.catalog(rows)), "equal times ordered by item")
    assert (found.severity, found.figures["share"]) == ("warning", 1.0)
    assert ("the last" if ascending else "the first") in found.message


@pytest.mark.parametrize("protocol", [Protocol.leave_last_out, Protocol.time])
def test_rows_of_one_time_are_split_at_random(protocol: Protocol) -> None:
    rows = made.interactions().drop(columns="split")
    rows["timestamp"] = made.START + made.DAY * (rows.groupby("user_id").cumcount() // 5)
    split, _ = with_split(made.catalog(rows), protocol, "split", 0)
    assert "equal times ordered by item" not in {kind for kind, _ in kinds(find_leaks(split))}


def test_a_relation_made_from_test_rows() -> None:
    rows = made.interactions()
    parts = {name: part.groupby("user_id")["item_id"] for name, part in rows.groupby("split")}
    train, test = (parts[name].agg(list) for name in ("train", "test"))
    together = {(a, b) for own in train for a in own for b in own}
    lines = [
        (a, "also_bought", b)
        for own, held in zip(train, test, strict=True)
        for a in own
        for b in held
        if (a, b) not in together
    ]
    pairs = pd.DataFrame(lines, columns=["head", "relation", "tail"]).drop_duplicates()
    links = pairs.assign(head_type="item", tail_type="item")
    found = only(find_leaks(made.catalog(rows, links=links)), "relation knows test rows")
    assert found.severity == "leak"
    assert found.where.lower() == "also_bought"
    assert found.figures["test"] > found.figures["train"]


def test_a_relation_named_after_behaviour_is_a_note() -> None:
    links = made.facts().assign(relation="also_viewed")
    found = only(find_leaks(made.catalog(links=links)), "relation from behaviour")
    assert found.severity == "note"


def test_facts_that_name_test_rows() -> None:
    rows = made.interactions()
    test = rows[rows["split"] == "test"]
    wishes = pd.DataFrame({"head": test["user_id"], "relation": "WISHED", "tail": test["item_id"]})
    links = wishes.assign(head_type="user", tail_type="item")
    assert only(find_leaks(made.catalog(rows, links=links)), "facts name test rows").figures == {
        "test": 1.0,
        "train": 0.0,
    }


def test_rows_in_two_splits() -> None:
    rows = made.interactions()
    again = rows[rows["split"] == "train"].iloc[:50].assign(split="test")
    report = find_leaks(made.catalog(pd.concat([rows, again], ignore_index=True)))
    assert "50 of" in only(report, "rows in two splits").message
    later = again.assign(timestamp=again["timestamp"] + 1000 * made.DAY)
    report = find_leaks(made.catalog(pd.concat([rows, later], ignore_index=True)))
    assert only(report, "pairs in two splits").severity == "leak"


def test_repeats_as_in_training_are_none() -> None:
    rows = made.interactions()
    later = [rows.assign(timestamp=rows["timestamp"] + n) for n in (0, 3600)]
    test = rows[rows["split"] == "train"].assign(split="test")
    later.append(test.assign(timestamp=test["timestamp"] + 500 * made.DAY))
    report = find_leaks(made.catalog(pd.concat(later, ignore_index=True)))
    assert not report.leaks


def test_the_same_text_in_two_splits() -> None:
    rows = made.interactions()
    texts = [f"A long opinion, number {n}, of a thing that somebody bought." for n in range(60)]
    parts = [rows[rows["split"] == name].iloc[:60] for name in ("train", "test")]
    reviews = pd.concat([part.assign(text=texts) for part in parts], ignore_index=True)
    reviews = reviews.assign(review_id=[f"r{n}" for n in range(len(reviews))])
    reviews = reviews[["review_id", "user_id", "item_id", "text", "timestamp"]]
    assert only(find_leaks(made.catalog(rows, reviews=reviews)), "texts in two splits").figures == {
        "share": 1.0
    }


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        (lambda seconds: seconds * 0, "times without order"),
        (lambda seconds: 1990 + (seconds - made.START) // made.DAY % 30, "unit of times"),
    ],
)
def test_times(times: object, kind: str) -> None:
    rows = made.interactions()
    rows["timestamp"] = times(rows["timestamp"])  # type: ignore[operator]
    assert only(find_leaks(made.catalog(rows)), kind).severity == "warning"


def test_milliseconds_in_a_graph_that_no_catalog_has_checked() -> None:
    graph = catalog_snapshot(made.catalog())
    events = replace(graph.interactions, timestamp=np.asarray(graph.interactions.timestamp) * 1000)
    found = only(find_leaks(replace(graph, interactions=events)), "unit of times")
    assert "milliseconds" in found.message


def test_times_missing_for_some() -> None:
    rows = made.interactions().astype({"timestamp": "Int64"})
    rows.loc[rows.index[::5], "timestamp"] = None
    assert only(find_leaks(made.catalog(rows)), "times missing").figures["share"] == pytest.approx(
        0.2
    )


def test_a_random_split_of_rows_with_times() -> None:
    rows = made.interactions()
    rows["split"] = ["test" if n % 5 == 0 else "train" for n in range(len(rows))]
    assert only(find_leaks(made.catalog(rows)), "splits overlap in time").severity == "note"


def test_users_and_items_without_training_rows() -> None:
    rows = made.interactions()
    new = rows["user_id"].isin([f"u{n}" for n in range(30)])
    rows.loc[new, "split"] = "test"
    report = find_leaks(made.catalog(rows))
    assert "30 users" in only(report, "users without training rows").message


def test_ids_that_are_alike() -> None:
    rows = made.interactions()
    rows.loc[:200:10, "user_id"] += " "
    rows.loc[5, "user_id"] = "U0"
    report = find_leaks(made.catalog(rows))
    assert "white space" in only(report, "ids alike").message
    rows = made.interactions()
    rows.loc[:100:3, "user_id"] = rows["user_id"].str.upper()
    assert "case" in only(find_leaks(made.catalog(rows)), "ids alike").message


def test_a_column_that_is_an_attribute() -> None:
    rows = made.interactions()
    rows["cost"] = ["free" if int(item[1:]) % 2 else "paid" for item in rows["item_id"]]
    rows["weather"] = ["sunny", "rainy", "cold"] * (len(rows) // 3)
    report = find_leaks(made.catalog(rows))
    assert kinds(report) == {("column is an attribute", "interactions, cost")}


def test_a_fit_warns_and_keeps_what_was_found_without_rows(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = made.interactions()
    things = made.items(rows)
    things["purchases"] = things["item_id"].map(rows.groupby("item_id").size())
    with pytest.warns(UserWarning, match="items, purchases"):
        model = Recommender(catalogs.config(effort="quick")).fit(made.catalog(rows, things))
    model.save(tmp_path / "model")
    kept = Recommender.load(tmp_path / "model").state.leaks
    assert kept == model.state.leaks
    assert kept is not None
    assert [one.where for one in kept.leaks] == ["items, purchases"]
    assert not any(one.example for one in kept.findings)
    manifest = tmp_path / "model" / "manifest.json"
    values = json.loads(manifest.read_text())
    del values["leaks"]
    manifest.write_text(json.dumps(values))
    assert Recommender.load(tmp_path / "model").state.leaks is None


@pytest.mark.parametrize(("factor", "fits"), [(0, 1), (1, 2)])
def test_times_that_are_all_zero_are_read_as_no_times(factor: int, fits: int) -> None:
    rows = made.interactions()
    rows["timestamp"] *= factor
    graph = catalog_snapshot(made.catalog(rows.iloc[::2])).without_splits(("test",))
    config = kgrec.RecommenderConfig()
    held = training_split(graph, config, 0)
    train, valid = graph.without(held), graph.interactions.select(held)
    assert plan_training(train, valid, config).temporal == bool(factor)
    assert len(settings_to_try(train, valid, config)) == fits


def test_a_split_of_times_that_are_all_zero_is_random() -> None:
    rows = made.interactions().drop(columns="split")
    _, timed = with_split(made.catalog(rows), Protocol.given, "split", 0)
    catalog, zeros = with_split(made.catalog(rows.assign(timestamp=0)), Protocol.given, "split", 0)
    assert (timed, zeros) == ("time", "random")
    assert "test" in set(catalog.interactions["split"])


def test_the_command(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = made.interactions()
    clean, leaky = tmp_path / "clean.kgl", tmp_path / "leaky.kgl"
    things = made.items(rows)
    things["purchases"] = things["item_id"].map(rows.groupby("item_id").size())
    for path, catalog in ((clean, made.catalog(rows)), (leaky, made.catalog(rows, things))):
        with kgrec.connect(str(path)) as store:
            store.write(catalog)
    run = CliRunner().invoke
    found = run(app, ["leaks", "--store", str(leaky), "--strict", "--json"])
    assert found.exit_code == 1
    assert [one["where"] for one in json.loads(found.stdout)] == ["items, purchases"]
    assert run(app, ["leaks", "--store", str(leaky)]).exit_code == 0
    nothing = run(app, ["leaks", "--store", str(clean), "--strict"])
    assert (nothing.exit_code, nothing.stdout.strip()) == (0, "no leak was found")


def test_the_report_is_read_back() -> None:
    report = LeakReport.of(
        [Finding("a", "note", "b", "c.", "d."), Finding("e", "leak", "f", "g.", "h.")]
    )
    assert [one.kind for one in report.findings] == ["e", "a"]
    assert LeakReport.of_json(json.loads(json.dumps(report.to_json()))) == report
    assert list(report.frame()["severity"]) == ["leak", "note"]
    assert "**leak** — f: g. h." in report.to_markdown()
