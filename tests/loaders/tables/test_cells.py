"""What tables of text have and nobody wants is removed, refused or noted, never passed over."""

from __future__ import annotations

import weakref
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema import Catalog, CatalogError, SourceError
from graph_schema.errors import RequestError
from loaders.tables import tabular
from loaders.tables.streams import CountingStream, LentStream
from tests.loaders.writing import put

EVENTS = "user_id,item_id\nu1,i1\nu2,i2\n"


def load(folder: Path, interactions: str = EVENTS, **others: str) -> loaders.LoadResult:
    put(folder / "interactions.csv", interactions)
    for name, content in others.items():
        put(folder / f"{name}.csv", content)
    return loaders.load(folder)


def refused(folder: Path, interactions: str = EVENTS, **others: str) -> str:
    with pytest.raises((SourceError, CatalogError)) as caught:
        load(folder, interactions, **others)
    assert "Cure: " in str(caught.value)
    return str(caught.value)


def test_a_header_again_is_dropped_and_counted(tmp_path: Path) -> None:
    result = load(tmp_path, EVENTS + EVENTS)
    assert result.catalog.interactions["user_id"].tolist() == ["u1", "u2", "u1", "u2"]
    file = result.report.file("interactions.csv")
    assert (file.read, file.dropped) == (5, {"the header again, first in row 4": 1})


def test_marks_where_files_were_joined_are_removed(tmp_path: Path) -> None:
    result = load(tmp_path, EVENTS + "\ufeff" + EVENTS + "\ufeffu3,i3\n")
    assert result.catalog.interactions["user_id"].tolist() == ["u1", "u2", "u1", "u2", "u3"]
    assert "2 in all, the first in row 4" in str(result.report)


def test_a_value_that_begins_with_a_mark_is_not_exported(tmp_path: Path) -> None:
    events = pa.table({"user_id": ["\ufeffu1"], "item_id": ["i1"]})
    with pytest.raises(CatalogError, match="begins with a byte order mark"):
        loaders.to_csv_folder(Catalog.from_frames(interactions=events), tmp_path / "out")


def test_blanks_around_ids_are_noted(tmp_path: Path) -> None:
    result = load(tmp_path, "user_id,item_id\nu1,i1\nu2, i1\n")
    assert sorted(result.catalog.items["item_id"]) == [" i1", "i1"]
    note = "column item_id: ids begin or end with a blank (1 in all, the first is ' i1' in row 3)"
    assert note in str(result.report)


def test_absent_values_of_other_programs(tmp_path: Path) -> None:
    events = "user_id,item_id,rating,scenario\nu1,i1,\\N,web\nu2,i2,4,\\N\n"
    result = load(tmp_path, events, items="item_id,year,price\ni1,1990,\\N\ni2,NA,7.50\n")
    events_, items = result.catalog.tables["interactions"], result.catalog.tables["items"]
    assert events_["rating"].to_pylist() == [None, 4]
    assert events_["scenario"].to_pylist() == ["web", None]
    assert items["year"].to_pylist() == [1990, None]
    assert items["price"].to_pylist() == [None, 7.5]
    for note in ("column rating: values such as '\\\\N'", "column year: values such as 'NA'"):
        assert note in str(result.report)
    assert "is read as an id (1 in all, the first in row 2)" in str(
        load(tmp_path / "ids", "user_id,item_id\n\\N,i1\n").report
    )


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ("Rating", "call it rating"),
        ("time", "call it timestamp"),
        ("Event Type", "call it event"),
        ("weight", "every interaction counts once"),
    ],
)
def test_columns_that_look_like_those_of_the_layout_are_noted(
    column: str, note: str, tmp_path: Path
) -> None:
    result = load(tmp_path, f"user_id,item_id,{column}\nu1,i1,4\n")
    assert f"column {column} is read as an attribute" in str(result.report)
    assert note in str(result.report)


def test_days_written_as_numbers_are_no_times(tmp_path: Path) -> None:
    days = "user_id,item_id,timestamp\nu1,i1,20200705\nu2,i2,20191231\n"
    assert "row 2, column timestamp: 20200705 looks like a day" in refused(tmp_path, days)
    seconds = days.replace("20191231", "1577750400")
    assert load(tmp_path, seconds).catalog.interactions["timestamp"].tolist() == [
        20200705,
        1577750400,
    ]


@pytest.mark.parametrize("time", ["202007051430", "20200705143000"])
@pytest.mark.parametrize("table", ["interactions", "reviews", "queries"])
def test_days_with_their_time_as_numbers_are_no_times(
    table: str, time: str, tmp_path: Path
) -> None:
    rows = f"user_id,item_id,text,timestamp\nu1,i1,fine,{time}\n"
    message = refused(tmp_path, **{"interactions": EVENTS, table: rows})
    assert f"{table}.csv, row 2, column timestamp: {time} looks like a day" in message


def test_times_before_1900_are_noted(tmp_path: Path) -> None:
    events = "user_id,item_id,timestamp\nu1,i1,-1\nu1,i2,-62135596800\nu2,i1,\n"
    (note,) = load(tmp_path, events).report.notes
    assert (
        "times before the year 1900 are kept (1 in all, the first is -62135596800 in row 3)" in note
    )


def test_ids_in_two_unicode_forms_are_noted(tmp_path: Path) -> None:
    events = "user_id,item_id\nu1,caf\u00e9\nu2,cafe\u0301\nu2,tea\n"
    (note,) = load(tmp_path / "a", events).report.notes
    assert note.startswith("items: ids look the same")
    message = refused(tmp_path / "b", events, items="item_id,title\ncaf\u00e9,Caf\u00e9\ntea,Tea\n")
    assert "row 3, column item_id" in message
    assert (
        "looks the same in another Unicode form ('cafe\\u0301' here, 'caf\\xe9' there)" in message
    )


@pytest.mark.parametrize(
    ("title", "row"),
    [
        ('i1,"one\ni2,two\ni3,"three\n', 2),  # two quotes that are opened swallow rows
        ('i1,"The \\"best\\" of"\n', 2),
        ('i1,one\ni2,"Best of" vinyl\n', 3),
    ],
)
def test_text_after_a_closing_quote_is_refused(title: str, row: int, tmp_path: Path) -> None:
    message = refused(tmp_path, items=f"item_id,title\n{title}")
    assert f"items.csv, row {row}: text follows a closing quote" in message


def test_quotes_that_are_right_stay(tmp_path: Path) -> None:
    items = 'item_id,title\ni1,"He said ""no"""\ni2,"two\nlines"\ni3,5" disk\n'
    catalog = load(tmp_path, "user_id,item_id\nu1,i1\n", items=items).catalog
    assert catalog.items["title"].tolist() == ['He said "no"', "two\nlines", '5" disk']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "pointer of Git LFS"),
        ("sep=,\nuser_id,item_id\nu1,i1\n", "this line is for Excel alone"),
        ("1,2268318,pv\n1,2333346,pv\n", "looks like data and not like a header"),
        ("user_id;item_id;rating\na;1;4,5\n", "separated by semicolons"),
    ],
)
def test_files_that_are_something_else_are_named(
    content: str, message: str, tmp_path: Path
) -> None:
    assert message in refused(tmp_path, content)


@pytest.mark.parametrize("name", ["items.csv.7z", "items.rar", "items.xlsx", "items.tar.gz"])
def test_a_file_of_the_layout_that_is_not_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"can't be read. Cure: write its table as items.csv or"):
        load(tmp_path)


def test_tables_separated_by_tabs(tmp_path: Path) -> None:
    put(tmp_path / "interactions.tsv", EVENTS.replace(",", "\t"))
    assert len(loaders.load(tmp_path).catalog.interactions) == 2


def test_a_table_that_spark_wrote_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "interactions.parquet"
    folder.mkdir()
    put(folder / "_SUCCESS", "")
    for part in range(2):
        table = pa.table({"user_id": [f"u{part}"], "item_id": pa.array([b"i1"], pa.binary())})
        pq.write_table(table, folder / f"part-{part}.snappy.parquet")
    events = loaders.load(tmp_path).catalog.interactions
    assert events["user_id"].tolist() == ["u0", "u1"]
    assert events["item_id"].tolist() == ["i1", "i1"]


@pytest.mark.parametrize("wrong", [{"delimiter": ""}, {"delimiter": "ab"}, {"encoding": "klingon"}])
def test_wrong_forms_are_refused(wrong: dict[str, str], tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", EVENTS)
    with pytest.raises(RequestError, match="give one"):
        loaders.load(tmp_path, **wrong)


@pytest.mark.parametrize("content", [EVENTS, "user_id,item_id\nu1\n"])
def test_no_thread_holds_the_file_after_a_read(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that let go of it while the interpreter ends would abort the process."""
    lent: list[weakref.ref[LentStream]] = []

    class Watched(LentStream):
        def __init__(self, stream: CountingStream, failures: list[Exception]) -> None:
            super().__init__(stream, failures)
            lent.append(weakref.ref(self))

    monkeypatch.setattr(tabular, "LentStream", Watched)
    path = put(tmp_path / "interactions.csv", content)
    with suppress(SourceError):
        tabular.read_csv(path, tabular.CsvForm())
    assert [one() for one in lent] == [None]
