"""Values that look like a mistake are noted with their first row, or refused with the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError
from tests.loaders.writing import put

EVENTS = "user_id,item_id\nu1,i1\nu2,i2\n"


def report(folder: Path, interactions: str = EVENTS, **others: str) -> str:
    put(folder / "interactions.csv", interactions)
    for name, content in others.items():
        put(folder / f"{name}.csv", content)
    return str(loaders.load(folder).report)


@pytest.mark.parametrize(
    ("ids", "note"),
    [
        ("1.0", "became decimals"),
        ("1.5E+10", "long numbers that a spreadsheet shortened"),
        ('"=""007"""', "signs of another program around them"),
        ("a|b", "look like several ids"),
        ("NULL", "leave these rows out if they stand for an absent value"),
        ("nan", "leave these rows out if they stand for an absent value"),
    ],
)
def test_odd_ids_are_noted_and_kept(tmp_path: Path, ids: str, note: str) -> None:
    text = report(tmp_path, f"user_id,item_id\nu1,i1\nu2,{ids}\n")
    assert "column item_id: values such as" in text
    assert note in text
    assert "1 in all, the first in row 3" in text


def test_words_for_absent_values_in_texts_are_noted(tmp_path: Path) -> None:
    items = "item_id,title,mood\ni1,nan,NULL\ni2,x,glad\n"
    events = "user_id,item_id,event,scenario\nu1,i1,NA,None\nu2,i2,buy,home\n"
    text = report(tmp_path, events, items=items)
    for column, word in (("title", "nan"), ("event", "NA"), ("scenario", "None")):
        assert f"column {column}: values such as '{word}' are read as text" in text
    assert "column mood: values such as 'NULL' are kept as text" in text


def test_a_sum_in_the_last_row_is_noted(tmp_path: Path) -> None:
    assert "'Grand total' in the last row (4)" in report(tmp_path, EVENTS + "Grand total,2\n")
    assert "last row" not in report(tmp_path, EVENTS + "totally,i2\n")


def test_words_in_two_spellings_are_noted(tmp_path: Path) -> None:
    text = report(tmp_path, "user_id,item_id,event\nu1,i1,click\nu2,i2,Click\n")
    assert "column event: 'click' and 'Click' are two values" in text


def test_quotes_after_a_blank_are_noted(tmp_path: Path) -> None:
    text = report(tmp_path, items='item_id,title\ni1, "A"\ni2,B\n')
    assert "column title: values such as ' \"A\"' keep their quotes" in text


@pytest.mark.parametrize(
    ("times", "note"),
    [
        ((1999, 2003), "look like years"),
        ((45294, 45295), "look like days"),
        ((473_414, 473_415), "look like hours"),
        ((28_404_889, 28_404_890), "look like minutes"),
        ((0, 1_704_293_367), "times of 0 or -1 are read as 1970-01-01 (1 in all"),
        ((1_704_293_367, 9_999_999_999), "times after the year 2100 are kept (1 in all"),
    ],
)
def test_odd_times_are_noted(tmp_path: Path, times: tuple[int, int], note: str) -> None:
    first, second = times
    text = report(tmp_path, f"user_id,item_id,timestamp\nu1,i1,{first}\nu2,i2,{second}\n")
    assert note in text


@pytest.mark.parametrize("end", [" UTC", "UTC", " GMT"])
def test_times_may_end_with_utc(tmp_path: Path, end: str) -> None:
    events = f"user_id,item_id,timestamp\nu1,i1,2024-01-03 14:49:27{end}\n"
    put(tmp_path / "interactions.csv", events)
    found = loaders.load(tmp_path).catalog.interactions["timestamp"].tolist()
    assert found == [1_704_293_367]


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("1 250", "is text"),
        ("1,5", "is text"),
        ("$12.50", "is text"),
        ("0x1F", "is text"),
        ("1.50", "would not come back as they are written"),
        ("1e5", "would not come back as they are written"),
        ("Drama; Crime", "are one value each"),
    ],
)
def test_texts_that_may_be_numbers_or_lists_are_noted(
    tmp_path: Path, value: str, note: str
) -> None:
    text = report(tmp_path, items=f'item_id,genres\ni1,"{value}"\ni2,7.5\n')
    assert note in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["{a,b}", "{c}", "{}"], ["a|b", "c", None]),
        (['{"a b",NULL,c}', "{d}"], ["a b|c", "d"]),
        (["('a', 'b')", "('c',)"], ["a|b", "c"]),
        (["{'b', 'a'}", "{'c'}"], ["a|b", "c"]),
        (["['a']", "nan"], ["a", None]),
    ],
)
def test_lists_of_other_programs_are_several_values(
    tmp_path: Path, values: list[str], expected: list[str | None]
) -> None:
    quoted = ['"' + value.replace('"', '""') + '"' for value in values]
    rows = "".join(f"i{place},{value}\n" for place, value in enumerate(quoted, start=1))
    put(tmp_path / "interactions.csv", EVENTS)
    put(tmp_path / "items.csv", "item_id,kinds\n" + rows)
    assert loaders.load(tmp_path).catalog.tables["items"]["kinds"].to_pylist() == expected


def test_objects_as_text_are_noted(tmp_path: Path) -> None:
    items = "item_id,cast\ni1,\"[{'id': 1}]\"\ni2,\"[{'id': 2}]\"\n"
    assert "column cast: values such as \"[{'id': 1}]\" are kept as text" in report(
        tmp_path, items=items
    )


def test_truth_values_in_any_case(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", EVENTS)
    put(tmp_path / "items.csv", "item_id,new\ni1,TRUE\ni2,false\n")
    assert loaders.load(tmp_path).catalog.items["new"].tolist() == [True, False]


@pytest.mark.parametrize("here", ["1.0", "'1'", " 1", "001"])
def test_an_unknown_id_names_the_one_that_is_like_it(tmp_path: Path, here: str) -> None:
    with pytest.raises(CatalogError, match=r"where '1' is \(write both in the same way\)"):
        report(tmp_path, f"user_id,item_id\nu1,{here}\n", items="item_id\n1\n")


@pytest.mark.parametrize(
    ("table", "header", "near", "column"),
    [
        ("interactions", "userId,item_id", "userId", "user_id"),
        ("interactions", "user_id, item_id ", " item_id ", "item_id"),
        ("items", "movieId", "movieId", "item_id"),
        ("facts", "source,head_type,relation,tail,tail_type", "source", "head"),
        ("reviews", "user_id,item_id,Review", "Review", "text"),
        ("scenarios", "id", "id", "scenario_id"),
    ],
)
def test_a_missing_column_is_found_under_another_name(
    tmp_path: Path, table: str, header: str, near: str, column: str
) -> None:
    row = ",".join(["1"] * (header.count(",") + 1))
    put(tmp_path / "interactions.csv", EVENTS)
    put(tmp_path / f"{table}.csv", f"{header}\n{row}\n")
    with pytest.raises(CatalogError, match=f"rename '{near}' to {column} if") as caught:
        loaders.load(tmp_path)
    assert f"column {column}: the column is missing" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "refused"),
    [("source,relation,target", False), ("from,to,type", True)],
)
def test_headers_of_triples(tmp_path: Path, header: str, refused: bool) -> None:
    facts = f"{header}\ni1,i2,near\n" if refused else f"{header}\ni1,near,i2\n"
    if refused:
        with pytest.raises(SourceError, match="in the order head, relation, tail"):
            report(tmp_path, facts=facts)
    else:
        assert "facts.csv: 1 rows read, 1 kept" in report(tmp_path, facts=facts)


@pytest.mark.parametrize("title", ["AmÃ©lie", "Itâ€™s", "It\x92s", "b\ufffd"])
def test_signs_of_a_wrong_encoding_are_noted(tmp_path: Path, title: str) -> None:
    text = report(tmp_path, items=f"item_id,title\ni1,Amélie\ni2,{title}\n")
    assert "hold signs of a wrong encoding" in text
    assert "1 in all, the first in row 3" in text
