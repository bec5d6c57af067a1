"""From files to an explained recommendation, command by command."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import EVENTS, N_ITEMS, N_USERS, kgrec, kgrec_json, write_folder

pytestmark = pytest.mark.slow


def test_load_says_what_is_in_the_store_and_twice_changes_nothing(
    folder: Path, store: Path
) -> None:
    again = kgrec_json("load", folder, "--store", store, "--json")
    assert again["rows"]["interactions"] == N_USERS * EVENTS
    assert again["rows"]["items"] == N_ITEMS
    first = kgrec_json("doctor", "--store", store, "--json")[-1]
    assert first["name"] == "store"
    assert f"{N_USERS * EVENTS + N_ITEMS:,} edges" in first["detail"]


def test_doctor_reads_a_mapping_without_a_store(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("[model]\nembedding_size = 8\n")
    result = kgrec("doctor", "--mapping", mapping, "--json", expect=1)
    last = json.loads(result.stdout)[-1]
    assert (last["name"], last["ok"]) == ("mapping", False)
    assert "the mapping is wrong" in last["detail"]


def test_load_reports_rows_on_stderr(folder: Path, tmp_path: Path) -> None:
    result = kgrec("load", folder, "--store", tmp_path / "deep" / "new.kgl")
    assert f"interactions.csv: {N_USERS * EVENTS:,} rows read" in result.stderr
    assert "interactions" in result.stdout


def test_load_reads_one_file_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("1,10,pv,1511544070\n2,10,buy,1511561733\n")
    options = ("--no-header", "--columns", "user_id,item_id,event,timestamp")
    result = kgrec("load", tmp_path / "log.csv", "--store", tmp_path / "new.kgl", *options)
    assert "the columns are read as user_id, item_id, event, timestamp" in result.stderr
    wrong = kgrec("load", tmp_path / "log.csv", "--store", tmp_path / "no.kgl", expect=1)
    assert "pass header=False (--no-header)" in wrong.stderr
    assert not (tmp_path / "no.kgl").exists()


def test_load_prints_scenarios_and_how_many_interactions_each_has(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    events = pd.read_csv(folder / "interactions.csv")
    events["scenario"] = ["home"] * 5 + ["search"] * 7 + [None] * (len(events) - 12)
    events.to_csv(folder / "interactions.csv", index=False)
    answer = kgrec_json("load", folder, "--store", tmp_path / "one.kgl", "--json")
    assert answer["scenarios"] == {"search": 7, "home": 5}
    names = "scenario_id,description\nhome,The first page.\nsearch,\ngift,Presents.\n"
    (folder / "scenarios.csv").write_text(names)
    answer = kgrec_json("load", folder, "--store", tmp_path / "two.kgl", "--json")
    assert list(answer["scenarios"].items()) == [("search", 7), ("home", 5), ("gift", 0)]
    assert answer["rows"]["scenarios"] == 3
    table = kgrec("load", folder, "--store", tmp_path / "two.kgl").stdout
    assert "gift" in table
    out = kgrec_json("export", tmp_path / "out", "--store", tmp_path / "two.kgl", "--json")
    assert out["scenarios"] == 3
    assert "The first page." in (tmp_path / "out" / "scenarios.csv").read_text()


def test_bad_files_leave_no_store(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    with (folder / "facts.csv").open("a") as facts:
        facts.write("i0,item,HAS_GENRE,nowhere,entity\n")
    result = kgrec("load", folder, "--store", tmp_path / "new.kgl", expect=1)
    assert "facts.csv" in result.stderr
    assert "nowhere" in result.stderr
    assert not (tmp_path / "new.kgl").exists()


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_an_export_loads_again_into_the_same_graph(
    store: Path, tmp_path: Path, suffix: str
) -> None:
    rows = kgrec_json("export", tmp_path / "out", "--store", store, "-f", suffix, "--json")
    assert rows["facts"] == N_ITEMS
    again = kgrec_json("load", tmp_path / "out", "--store", tmp_path / "again.kgl", "--json")
    assert again["rows"] == rows


def test_recommend_knows_taste_and_leaves_out_what_was_seen(folder: Path, model: Path) -> None:
    rows = kgrec_json("recommend", "--model", model, "--user", "u0,u1", "-k", "4", "--json")
    assert [(row["user_id"], row["rank"]) for row in rows] == [
        (user, rank) for user in ("u0", "u1") for rank in (1, 2, 3, 4)
    ]
    interactions = pd.read_csv(folder / "interactions.csv")
    trained = interactions[interactions["split"] != "test"]
    seen = set(zip(trained["user_id"], trained["item_id"], strict=True))
    assert not seen & {(row["user_id"], row["item_id"]) for row in rows}
    assert sum("comedy" in row["title"] for row in rows[:4]) >= 3


def test_recommend_by_a_given_history(model: Path) -> None:
    rows = kgrec_json("recommend", "--model", model, "--history", "i2,i5,i8", "-k", "5", "--json")
    assert len(rows) == 5
    assert sum("space opera" in row["title"] for row in rows) >= 3
    assert not {"i2", "i5", "i8"} & {row["item_id"] for row in rows}


def test_recommend_keeps_to_conditions_and_candidates(model: Path) -> None:
    rows = kgrec_json(
        "recommend", "-m", model, "-u", "u0", "-k", "30", "--where", "year=1980..1984", "--json"
    )
    assert rows
    assert all(int(row["item_id"][1:]) % 30 <= 4 for row in rows)
    narrowed = kgrec_json("recommend", "-m", model, "-u", "u0", "--candidates", "i1,i4", "--json")
    assert {row["item_id"] for row in narrowed} == {"i1", "i4"}


def test_similar_search_and_explain(model: Path, tmp_path: Path) -> None:
    alike = kgrec_json("similar", "-m", model, "--item", "i0", "-k", "3", "--json")
    assert [row["rank"] for row in alike] == [1, 2, 3]
    assert "i0" not in {row["similar_id"] for row in alike}
    found = kgrec_json("search", "space opera", "-m", model, "-k", "3", "--json")
    assert all("space opera" in row["title"] for row in found)
    picture = tmp_path / "why" / "picture.png"
    why = kgrec_json("explain", "-m", model, "-u", "u0", "-i", "i0", "--picture", picture, "--json")
    assert (why["user_id"], why["item_id"]) == ("u0", "i0")
    assert why["paths"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_tables_are_for_people(model: Path) -> None:
    result = kgrec("recommend", "-m", model, "-u", "u0", "-k", "2")
    assert "title" in result.stdout
    explained = kgrec("explain", "-m", model, "-u", "u0", "-i", "i0")
    assert "u0" in explained.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recommend", "--user", "nobody"], "nobody"),
        (["recommend", "--user", "u0", "--where", "colour=red"], "colour"),
        (["similar", "--item", "none"], "none"),
        (["explain", "--user", "u0", "--item", "none"], "none"),
    ],
)
def test_wrong_requests_name_what_is_wrong(model: Path, arguments: list[str], message: str) -> None:
    result = kgrec(*arguments, "--model", model, "--json", expect=1)
    assert message in result.stderr
    assert result.stdout == ""


def test_a_missing_model_is_an_error_with_the_folder(tmp_path: Path) -> None:
    result = kgrec("recommend", "-m", tmp_path / "none", "-u", "u0", expect=1)
    assert str(tmp_path / "none") in result.stderr


@pytest.mark.parametrize("history", ["now", "train"])
def test_evaluate_ends_with_one_line_of_json(
    folder: Path, without_texts: Path, history: str
) -> None:
    result = kgrec(
        "evaluate", folder, "--history", history, "--seed", "2", "--config", without_texts
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 1
    report = json.loads(lines[0])
    assert 0.0 < report["metrics"]["ndcg@10"] <= 1.0
    assert 0.0 < report["metrics"]["recall@20"] <= 1.0
    assert {"fit_seconds", "evaluate_seconds"} <= set(report)
    assert report["peak_memory_gb"] > 0
    assert (report["seed"], report["history"], report["split"]) == (2, history, "given")
    assert report["targets"] == 2 * N_USERS


def test_evaluate_takes_a_store_and_other_list_lengths(store: Path, settings: Path) -> None:
    report = kgrec_json("evaluate", store, "--ks", "5", "--config", settings)
    assert set(report["metrics"]) >= {"ndcg@5", "recall@5"}


@pytest.mark.parametrize(
    ("drop", "used"), [(["split"], "time"), (["split", "timestamp"], "random")]
)
def test_evaluate_splits_a_catalog_without_a_split(
    tmp_path: Path, without_texts: Path, drop: list[str], used: str
) -> None:
    folder = write_folder(tmp_path / "data", drop)
    result = kgrec("evaluate", folder, "--config", without_texts)
    assert json.loads(result.stdout)["split"] == used
    assert "notice" in result.stderr


def test_evaluate_refuses_wrong_list_lengths(folder: Path) -> None:
    assert "--ks" in kgrec("evaluate", folder, "--ks", "ten", expect=1).stderr
