"""RecBole files in the forms that people have: separators, parts, histories, labels, tokens."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError
from graph_schema.errors import RequestError
from tests.loaders.writing import put, recbole_folder

HEADER = "user_id:token\titem_id:token\n"


def events(folder: Path, **options: object) -> list[tuple[object, ...]]:
    frame = loaders.load(folder, **options).catalog.interactions
    return list(frame.itertuples(index=False, name=None))


def inter(folder: Path, header: str, *rows: str, name: str = "tiny.inter") -> Path:
    lines = "".join(f"{row}\n" for row in (header, *rows))
    put(folder / name, lines.replace(" | ", "\t"))
    return folder


def test_tokens_are_text_but_age_and_year(tmp_path: Path) -> None:
    folder = recbole_folder(tmp_path)
    head = "user_id:token\tage:token\tsegment:token\tcodes:token_seq\tflag:token\n"
    rows = ("u1\t24\t3\t7\tTrue", "u2\t53\t12\t8\tFalse", "u3\t\tNA\t9\t")
    put(folder / "tiny.user", head + "\n".join(rows) + "\n")
    result = loaders.recbole(folder)
    users = result.catalog.tables["users"]
    assert users["age"].to_pylist() == [24, 53, None]
    assert users["segment"].to_pylist() == ["3", "12", None]
    assert users["codes"].to_pylist() == ["7", "8", "9"]
    assert users["flag"].to_pylist() == ["True", "False", None]
    notes = str(result.report)
    assert "column segment: values such as 'NA' count as absent (1 in all, the first in row 4)" in (
        notes
    )
    assert "column age is declared token and read as numbers" in notes


def test_years_with_words_stay_text(tmp_path: Path) -> None:
    folder = recbole_folder(tmp_path)
    put(folder / "tiny.item", "item_id:token\tyear:token\ni1\t1995\ni2\tunknown\ni3\t2001\n")
    years = loaders.recbole(folder).catalog.tables["items"]["year"].to_pylist()
    assert years == ["1995", "unknown", "2001"]


def test_other_separators_are_options(tmp_path: Path) -> None:
    put(tmp_path / "tiny.inter", "user_id:token,item_id:token\nu1,i1\n")
    put(tmp_path / "tiny.item", 'item_id:token,title:token_seq,tags:token_seq\ni1,"A, b",x|y z\n')
    with pytest.raises(SourceError, match=r"pass field_separator=',' \(--field-separator ','\)"):
        loaders.load(tmp_path)
    options = {"field_separator": ",", "sequence_separator": "|"}
    item = loaders.load(tmp_path, **options).catalog.items.iloc[0]
    assert (item["title"], item["tags"]) == ("A, b", "x|y z")


@pytest.mark.parametrize(
    ("option", "value"),
    [("sequence_separator", "\t"), ("field_separator", ""), ("encoding", "no"), ("zero_labels", 1)],
)
def test_wrong_options_are_refused(tmp_path: Path, option: str, value: object) -> None:
    with pytest.raises(RequestError, match=r"is .*; give|does not know"):
        loaders.load(recbole_folder(tmp_path), **{option: value})


def test_other_encodings(tmp_path: Path) -> None:
    folder = recbole_folder(tmp_path)
    put(folder / "tiny.item", "item_id:token\ttitle:token_seq\ni1\t红灯\n", "gbk")
    with pytest.raises(SourceError, match=r"--encoding latin-1; for Chinese text gbk"):
        loaders.load(folder)
    assert loaders.load(folder, encoding="gbk").catalog.items["title"].iloc[0] == "红灯"


def test_a_tab_in_a_value_is_to_be_replaced(tmp_path: Path) -> None:
    folder = recbole_folder(tmp_path)
    put(folder / "tiny.item", "item_id:token\ttitle:token_seq\ni1\tRed\tlamp\n")
    with pytest.raises(SourceError, match=r"row 2: 3 fields .* Cure: replace the tab inside of a"):
        loaders.load(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("tiny.part1.inter", "tiny.part2.inter", "tiny.part3.inter"),
        ("tiny.train.inter", "tiny.valid.inter", "tiny.test.inter"),
        ("train.inter", "val.inter", "test.inter.gz"),
    ],
)
def test_parts_are_splits(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path / "tiny.item", "item_id:token\ttitle:token_seq\n1\tOne\n2\tTwo\n")
    for name, row in zip(names, ("a | 1", "a | 2", "b | 1"), strict=True):
        inter(tmp_path, "user_id:token | item_id:token", row, name=name)
    expected = [("a", "1", "train"), ("a", "2", "valid"), ("b", "1", "test")]
    assert events(tmp_path) == expected
    assert events(tmp_path / names[1]) == expected
    inter(tmp_path, "user_id:token | item_id:token", " | 1", name=names[2])
    with pytest.raises(CatalogError, match=rf"{names[2]}, row 2, column user_id"):
        events(tmp_path)


def test_parts_that_are_not_clear_are_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        inter(tmp_path, "user_id:token | item_id:token", "a | 1", name=f"t.part{number}.inter")
    with pytest.raises(SourceError, match=r"Cure: add what is missing, or write the split"):
        events(tmp_path)
    (tmp_path / "t.part2.inter").unlink()
    (tmp_path / "t.part1.inter").rename(tmp_path / "t.train.inter")
    assert events(tmp_path) == [("a", "1")]
    inter(tmp_path, "user_id:token | item_id:token", "a | 1", name="t.inter")
    with pytest.raises(SourceError, match=r"t\.inter and its parts are here \(t\.train\.inter\)"):
        events(tmp_path)


def test_each_event_of_repeated_histories_counts_once(tmp_path: Path) -> None:
    rows = (
        "a | 1 | 2",
        "a | 1 2 | 3",
        "a | 1 2 3 | 1",
        "b | 2 3 | 4",
        "b | 1 2 | 3",
        "b | 2 3 | 5",
    )
    inter(tmp_path, "user_id:token | item_id_list:token_seq | item_id:token", *rows)
    result = loaders.load(tmp_path)
    found = list(result.catalog.interactions.itertuples(index=False, name=None))
    assert found == [
        ("a", "1", 1), ("a", "2", 2), ("a", "3", 3), ("a", "1", 4),
        ("b", "1", 1), ("b", "2", 2), ("b", "3", 3), ("b", "4", 4), ("b", "5", 5),
    ]  # fmt: skip
    notes = str(result.report)
    assert (
        "6 rows hold 18, of which 9 are distinct and 9 are the same event in another row" in notes
    )
    assert "the place of an event among those of its user (1, 2, ...) stands for its time" in notes


@pytest.mark.parametrize(
    ("rows", "items"),
    [
        (("1 2 3 | 4", "1 | 2", "1 2 | 3"), "1234"),  # the longest first
        (("2 | 3", "1 2 3 | 4"), "1234"),  # the known ones in the middle
        (("3 4 | 5", "1 2 | 3"), "12345"),  # windows, the later one first
        (("1 2 | 3", "2 3 | 4", "3 4 | 5"), "12345"),  # windows of one length
        (("1 2 | 3", "1 2 | 4", "1 2 | 3"), "1234"),  # one history for several events
        (("1 | ", " | 2", " | 2"), "122"),  # a history alone, and events without one
        (("1 2 | 1", "1 2 1 | 2"), "1212"),  # items come again
    ],
)
def test_histories_in_any_order(tmp_path: Path, rows: tuple[str, ...], items: str) -> None:
    inter(
        tmp_path,
        "user_id:token | item_id_list:token_seq | item_id:token",
        *(f"a | {row}" for row in rows),
    )
    assert "".join(str(event[1]) for event in events(tmp_path)) == items


def test_times_of_histories_and_splits(tmp_path: Path) -> None:
    head = "user_id:token | item_id_list:token_seq | timestamp_list:float_seq | item_id:token"
    head += " | timestamp:float"
    inter(tmp_path, head, "a | 1 2 | 1100000000 1100000005 | 3 | 1100000009", name="t.train.inter")
    inter(tmp_path, head, "a | 1 2 3 | 1 | 4 | ", "b | 1 | 1100000001 | 2 | ", name="t.test.inter")
    result = loaders.load(tmp_path)
    found = result.catalog.tables["interactions"].to_pylist()
    assert [(row["user_id"], row["item_id"], row["timestamp"], row["split"]) for row in found] == [
        ("a", "1", 1100000000, "train"),
        ("a", "2", 1100000005, "train"),
        ("a", "3", 1100000009, "train"),
        ("a", "4", None, "test"),
        ("b", "1", 1100000001, "train"),
        ("b", "2", None, "test"),
    ]
    assert "1 rows have lists of another length" in str(result.report)


def test_rows_with_label_zero_are_no_events(tmp_path: Path) -> None:
    head = "user_id:token | item_id:token | label:float"
    inter(tmp_path, head, "a | 1 | 1", "a | 2 | 0.0", "b | 3 | -1", "b | 1 | 1.0")
    result = loaders.load(tmp_path)
    assert [row[:2] for row in result.catalog.interactions.to_numpy().tolist()] == [
        ["a", "1"],
        ["b", "1"],
    ]
    [reason] = result.report.files[0].dropped.items()
    assert reason[1] == 2
    assert "label is 0" in reason[0]
    assert len(events(tmp_path, zero_labels="keep")) == 4
    assert "2 rows have the label 0 and are kept" in str(
        loaders.load(tmp_path, zero_labels="keep").report
    )
    inter(tmp_path, head, "a | 1 | 3", "a | 2 | 0")
    assert len(events(tmp_path)) == 2
    inter(tmp_path, head, "a | 1 | 0", "a | 2 | 0")
    with pytest.raises(SourceError, match=r"no interaction is in it \(rows dropped: 2: its label"):
        events(tmp_path)


def test_the_history_of_a_row_with_label_zero_stays(tmp_path: Path) -> None:
    head = "user_id:token | item_id_list:token_seq | item_id:token | label:float"
    inter(tmp_path, head, "a | 1 2 | 3 | 0", "a | 1 2 | 4 | 1")
    assert [event[1] for event in events(tmp_path)] == ["1", "2", "4"]


def test_other_names_and_files_are_noted(tmp_path: Path) -> None:
    inter(tmp_path, "user_id:token | item_id:token | time:float", "a | 1 | 1100000000")
    put(tmp_path / "tiny.net", "source_id:token\ttarget_id:token\na\tb\n")
    put(tmp_path / "tiny.useremb", "uid:token\temb:float_seq\na\t1 2\n")
    report = str(loaders.load(tmp_path).report)
    assert "column time is read as an attribute; call it timestamp if that is what it holds" in (
        report
    )
    assert "tiny.net was not read" in report
    assert "tiny.useremb was not read" in report


@pytest.mark.parametrize(("end", "pack"), [(".xz", lzma.compress), (".bz2", bz2.compress)])
def test_packed_files(tmp_path: Path, end: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / f"tiny.train.inter{end}").write_bytes(pack((HEADER + "a\t1\n").encode()))
    (tmp_path / f"tiny.test.inter{end}").write_bytes(pack((HEADER + "b\t1\n").encode()))
    (tmp_path / "tiny.item").write_text("item_id:token\ttitle:token_seq\n1\tOne\n")
    assert events(tmp_path) == [("a", "1", "train"), ("b", "1", "test")]


def test_a_header_again_is_dropped_and_counted(tmp_path: Path) -> None:
    put(tmp_path / "tiny.inter", HEADER + "a\t1\n" + HEADER + "b\t2\n")
    result = loaders.load(tmp_path)
    assert len(result.catalog.interactions) == 2
    assert result.report.files[0].dropped == {"the header again, first in row 3": 1}
