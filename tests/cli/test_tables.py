"""Ids from files, answers to files, and the commands that answer beside lists of items."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import SourceError
from kgrec import Recommender
from kgrec.cli import _tables
from kgrec.cli._tables import blocks_of, read_ids, write_table
from tests.cli.conftest import kgrec, kgrec_json

LISTS = ["user_id", "item_id", "title", "score", "rank"]


def test_ids_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbfu1\r\n\r\n u2 \nNA\n")
    assert read_ids(tmp_path / "ids.txt") == ["u1", "u2", "NA"]
    frame = pd.DataFrame({"age": [1, 2, 3], "user_id": ["u1", "007", "NA"]})
    frame.to_csv(tmp_path / "ids.csv", index=False)
    frame.to_parquet(tmp_path / "ids.parquet")
    for name in ("ids.csv", "ids.parquet"):
        assert read_ids(tmp_path / name) == ["u1", "007", "NA"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ids.txt", b"\n \n", "has no ids"),
        ("ids.txt", b"\xff\xfe\x00", "can't be read"),
        ("ids.csv", b"u1\nu2\n", "no column 'user_id', but 'u1'"),
        ("ids.csv", b"user_id,age\nu1,3\n,4\n", "1 of its 2 rows have no id"),
        ("ids.csv", b"", "can't be read"),
        ("ids.parquet", b"user_id\n", "can't be read"),
    ],
)
def test_wrong_files_of_ids_are_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read_ids(tmp_path / name)


def test_no_block_has_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "_BLOCK", 4)
    for count in range(2, 30):
        ids = [str(n) for n in range(count)]
        blocks = blocks_of(ids)
        assert [one for block in blocks for one in block] == ids
        assert 2 <= min(map(len, blocks)) <= max(map(len, blocks)) <= 5
    assert blocks_of(["a"]) == [["a"]]


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"user_id": str})
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_lists_of_all_users_in_blocks(
    saved: Path,
    fitted: Recommender,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    monkeypatch.setattr(_tables, "_BLOCK", 7)
    out = tmp_path / "new" / f"lists{suffix}"
    ask = ("recommend", "-m", saved, "--all-users", "-k", "3", "--out", out, "--json")
    done = kgrec_json(*ask)
    assert done == {"out": str(out), "users": 60, "rows": 180}
    lists = fitted.recommend(fitted.snapshot.users.ids.tolist(), k=3)
    found = _read(out)
    assert found.columns.tolist() == LISTS
    for name in ("user_id", "item_id", "rank"):
        assert found[name].tolist() == lists[name].tolist()
    assert found["score"].astype(np.float32).tolist() == lists["score"].tolist()
    before = out.read_bytes()
    assert kgrec_json(*ask) == done
    assert out.read_bytes() == before


def test_lists_of_the_users_in_a_file(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("u3\nu1\n")
    file = ("recommend", "-m", saved, "--users", tmp_path / "users.txt", "-k", "3")
    file += ("--where", "year=1990..2000")
    rows = kgrec_json(*file, "--json")
    assert [row["user_id"] for row in rows] == ["u3"] * 3 + ["u1"] * 3
    kgrec(*file, "--out", tmp_path / "lists.csv")
    assert _read(tmp_path / "lists.csv")["item_id"].tolist() == [row["item_id"] for row in rows]


def test_an_interrupted_file_is_not_there(tmp_path: Path) -> None:
    def frames() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame({"user_id": ["u1"]})
        raise KeyboardInterrupt

    (tmp_path / "lists.csv").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_table(frames(), tmp_path / "lists.csv")
    assert (tmp_path / "lists.csv").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_users_for_items_and_similar_users(saved: Path, fitted: Recommender) -> None:
    ask = ("recommend-users", "-m", saved, "--json")
    rows = kgrec_json(*ask, "-i", "i1,i2", "-k", "4")
    assert pd.DataFrame(rows)["user_id"].equals(fitted.recommend_users(["i1", "i2"], 4)["user_id"])
    some = kgrec_json(*ask, "-i", "i1", "-u", "u1,u2", "--include-seen")
    assert {row["user_id"] for row in some} == {"u1", "u2"}
    ask = ("similar-users", "-m", saved, "--json")
    rows = kgrec_json(*ask, "--user", "u1", "-k", "4")
    assert pd.DataFrame(rows)["similar_id"].equals(fitted.similar_users("u1", 4)["similar_id"])
    typed = kgrec_json(*ask, "--history", "i1,i2", "-k", "2")
    assert [row["user_id"] for row in typed] == ["history", "history"]
    assert "u1" in kgrec("similar-users", "-m", saved, "--user", "u1").stdout


def test_similar_items_with_conditions(saved: Path) -> None:
    rows = kgrec_json("similar", "-m", saved, "-i", "i0", "--where", "year=1990..1995", "--json")
    assert {row["similar_id"] for row in rows} == {f"i{n}" for n in range(10, 16)}
    rows = kgrec_json("similar", "-m", saved, "-i", "i0", "--candidates", "i3,i9", "--json")
    assert {row["similar_id"] for row in rows} == {"i3", "i9"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_scores_of_a_file(saved: Path, fitted: Recommender, tmp_path: Path, suffix: str) -> None:
    pairs = fitted.recommend(["u1", "u2", "u3"], k=4)[["user_id", "item_id"]]
    pairs["note"] = range(12)
    wanted = fitted.score(pairs)
    file = tmp_path / f"pairs{suffix}"
    pairs.to_csv(file, index=False) if suffix == ".csv" else pairs.to_parquet(file, index=False)
    rows = kgrec_json("score", file, "-m", saved, "--json")
    assert list(rows[0]) == ["user_id", "item_id", "note", "score"]
    assert np.float32([row["score"] for row in rows]).tolist() == wanted["score"].tolist()
    done = kgrec_json("score", file, "-m", saved, "--out", tmp_path / "scored.parquet", "--json")
    assert done["rows"] == 12
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scored.parquet"), wanted)


def test_vectors_in_files(saved: Path, fitted: Recommender, tmp_path: Path) -> None:
    done = kgrec_json("vectors", "-m", saved, "--out", tmp_path / "items.npy", "--json")
    assert (done["vectors"], done["size"], done["kind"]) == (40, 16, "item")
    assert np.array_equal(np.load(tmp_path / "items.npy"), fitted.vectors().vectors)
    (tmp_path / "some.txt").write_text("u2\nu1\n")
    kgrec(
        *("vectors", "-m", saved, "--kind", "user", "--ids", tmp_path / "some.txt"),
        *("--out", tmp_path / "users.parquet"),
    )
    assert pd.read_parquet(tmp_path / "users.parquet")["user_id"].tolist() == ["u2", "u1"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["recommend", "--all-users", "--user", "u1"], 2, "one of --user"),
        (["recommend"], 2, "one of --user"),
        (["recommend", "--all-users", "--out", "lists.xlsx"], 1, ".parquet, .csv, .jsonl"),
        (["recommend-users", "-i", "x"], 1, "'x'"),
        (["recommend-users", "-i", "i1", "-u", "nobody"], 1, "'nobody'"),
        (["similar-users"], 2, "--history"),
        (["similar-users", "-u", "nobody"], 1, "'nobody'"),
        (["vectors", "--out", "items.pickle"], 1, ".parquet, .npz, .npy"),
        (["vectors", "--out", "items.npy", "--kind", "entity"], 1, "'entity'"),
        (["similar", "-i", "i1", "--where", "colour=red"], 1, "'colour'"),
    ],
)
def test_wrong_use_is_reported(
    saved: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    command, *others = arguments
    # The frame of a usage error breaks lines where the terminal ends.
    shown: Any = kgrec(command, "-m", saved, *others, expect=code).stderr
    assert message in " ".join(shown.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []
