"""MIND: histories, clicks, times and the entities of news."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema.errors import RequestError, SourceError
from loaders.graph_formats.mind import seconds_of

from ..writing import mind_folder, put


def test_histories_come_before_clicks(tmp_path: Path) -> None:
    rows = [
        "1\tu1\t11/11/2019 9:05:58 AM\ti1 i2\ti3-1 i1-0 i2-0",
        "2\tu1\t11/12/2019 12:00:00 AM\ti1 i2\ti1-1",
        "3\tu1\t11/13/2019 6:11:30 PM\ti1 i2 i3\ti2",
    ]
    put(mind_folder(tmp_path) / "behaviors.tsv", "\n".join(rows) + "\n")
    result = loaders.load(tmp_path)
    events = result.catalog.interactions
    assert events["item_id"].tolist() == ["i1", "i2", "i3", "i1"]
    assert events["timestamp"].isna().tolist() == [True, True, False, False]
    assert set(events["event"]) == {"click"}
    assert result.report.file("behaviors.tsv").dropped == {
        "shown and not clicked": 2,
        "in an earlier history or click of the user": 5,
        "shown, without a label": 1,
    }


def test_news_that_were_shown_and_not_clicked_can_be_events(tmp_path: Path) -> None:
    rows = "1\tu1\t11/11/2019 9:05:58 AM\ti1\ti3-1 i2-0 i1-0\n"
    put(mind_folder(tmp_path) / "behaviors.tsv", rows)
    result = loaders.load(tmp_path, shown="skip")
    events = result.catalog.interactions
    kinds = dict(zip(events["item_id"] + events["event"], events["timestamp"].notna(), strict=True))
    assert kinds == {"i1click": False, "i3click": True, "i2skip": True, "i1skip": True}
    assert "shown and not clicked" not in result.report.file("behaviors.tsv").dropped
    with pytest.raises(RequestError, match="name of a kind of event"):
        loaders.load(tmp_path, shown=" ")


def test_entities_of_news_become_facts(tmp_path: Path) -> None:
    folder = mind_folder(tmp_path)
    news = (folder / "news.tsv").read_text().splitlines()
    news[1] = news[1].replace('[{"Label"', 'nothing [{"Label"')
    put(folder / "news.tsv", "\n".join(news) + "\n")
    put(folder / "entity_embedding.vec", "Q90\t0.1\n")
    result = loaders.load(folder)
    facts = result.catalog.facts
    assert facts["head"].tolist() == ["i1", "i3"]
    assert set(facts["relation"]) == {"MENTIONS"}
    assert result.catalog.entities.iloc[0].tolist() == ["Q90", "Paris", "G"]
    assert result.catalog.items["title"][0] == 'A "title of i1'
    assert "can't be read: 1, the first in row 2" in str(result.report)
    assert "entity_embedding.vec was not read" in str(result.report)


def test_headers_of_copies_are_left_out(tmp_path: Path) -> None:
    folder = mind_folder(tmp_path)
    header = "news_id\tcategory\tsubcategory\ttitle\tabstract\turl\ttitle_entities\tb\n"
    put(folder / "news.tsv", header + (folder / "news.tsv").read_text())
    header = "impression_id\tuser_id\ttime\thistory\timpressions\n"
    put(folder / "behaviors.tsv", header + (folder / "behaviors.tsv").read_text())
    catalog = loaders.load(folder).catalog
    assert (len(catalog.items), len(catalog.interactions)) == (3, 4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("11/11/2019 9:05:58 AM", 1_573_463_158),
        ("11/11/2019 12:05:58 AM", 1_573_430_758),
        ("11/11/2019 12:05:58 PM", 1_573_473_958),
    ],
)
def test_times(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["11/11/2019 13:05:58 AM", "31/11/2019 1:05:58 AM", "today"])
def test_wrong_times_are_named(tmp_path: Path, text: str) -> None:
    put(mind_folder(tmp_path) / "behaviors.tsv", f"1\tu1\t{text}\t\ti1-1\n")
    with pytest.raises(SourceError, match=r"behaviors\.tsv, row 1: .* is no time"):
        loaders.load(tmp_path)


def test_a_part_without_labels_is_refused(tmp_path: Path) -> None:
    put(mind_folder(tmp_path) / "behaviors.tsv", "1\tu1\t11/11/2019 9:05:58 AM\t\ti1 i2\n")
    with pytest.raises(SourceError, match="the test part has no labels"):
        loaders.load(tmp_path)
