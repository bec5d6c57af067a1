from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec.entity_linking import link_nodes, read_dump
from kgrec.entity_linking.nodes.assignment import assigned, second_best
from kgrec.errors import RequestError, SourceError
from tests.entity_linking.dumps import dump_frame, film_names, films, write, years


def linked(catalog: Catalog, frame: pd.DataFrame, folder: Path, **options: object) -> pd.DataFrame:
    """The proposals, with the node's id as index."""
    dump = read_dump(write(frame, folder / "dump.csv"))
    found = link_nodes(catalog, dump, **options)  # type: ignore[arg-type]
    return found.set_index(found.columns[0])


def more(frame: pd.DataFrame, *rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.concat([frame, pd.DataFrame(rows, columns=frame.columns)], ignore_index=True)


def test_names_and_years_join_films(tmp_path: Path) -> None:
    found = linked(films(), dump_frame(), tmp_path)
    assert found["target_id"].to_dict() == {f"m{n}": f"q{n}" for n in range(60)}
    assert set(found["by"]) == {"name and year"}
    assert (found["confidence"] > 0.95).all()
    assert (found["accept"] == 1).all()


def test_remakes_are_told_by_their_years(tmp_path: Path) -> None:
    other = str(years()[0] + 20)
    frame = more(dump_frame(), ("q-remake", film_names()[0], other))
    found = linked(films(), frame, tmp_path)
    assert found.loc["m0", "target_id"] == "q0"
    assert found.loc["m0", "second_id"] == "q-remake"
    assert found.loc["m0", "second_confidence"] < 0.1 < 0.9 < found.loc["m0", "confidence"]


def test_without_years_a_name_of_two_things_is_not_accepted(tmp_path: Path) -> None:
    frame = more(dump_frame(), ("q-remake", film_names()[0], "")).assign(year="")
    found = linked(films(), frame, tmp_path)
    assert found.loc["m0", "confidence"] <= 0.5
    assert found.loc["m0", "accept"] == 0
    assert found.loc["m0", "by"] == "name"
    assert (found.drop("m0")["accept"] == 1).all()
    assert "years of the dump were read only where a name has one" in found.attrs["notes"]


def test_another_year_lowers_and_the_next_one_hardly_does(tmp_path: Path) -> None:
    frame = dump_frame()
    frame.loc[1, "year"], frame.loc[2, "year"] = str(years()[1] + 1), str(years()[2] + 30)
    found = linked(films(), frame, tmp_path)
    assert found.loc["m1", "accept"] == 1
    assert found.loc["m1", "confidence"] <= found.loc["m3", "confidence"]
    assert found.loc["m2", "accept"] == 0
    assert found.loc["m2", "confidence"] < 0.7


def test_disagreeing_years_make_all_names_doubtful(tmp_path: Path) -> None:
    shifted = [str(year + 3 + 40 * (n % 2)) for n, year in enumerate(years())]
    found = linked(films(), dump_frame().assign(year=shifted), tmp_path)
    assert (found["accept"] == 0).all()


def test_three_films_of_one_year_are_enough(tmp_path: Path) -> None:
    items = pd.DataFrame({"item_id": ["1", "2", "3"], "title": ["Heat (1995)", "Seven", "Babe"]})
    frame = pd.DataFrame({"id": ["a", "b"], "name": ["Heat", "Babe"], "year": ["1995", "1995"]})
    found = linked(Catalog.from_frames(items=items), frame, tmp_path)
    assert found["target_id"].to_dict() == {"1": "a", "3": "b"}
    assert (found["accept"] == 1).all()
    assert found.loc["1", "confidence"] > found.loc["3", "confidence"]


def test_years_in_names_count(tmp_path: Path) -> None:
    frame = dump_frame()
    named = [
        f"{name} ({year} film)" for name, year in zip(frame["name"], frame["year"], strict=True)
    ]
    found = linked(films(), frame.assign(name=named).drop(columns="year"), tmp_path)
    assert found["target_id"].to_dict() == {f"m{n}": f"q{n}" for n in range(60)}
    assert set(found["by"]) == {"name and year"}


def test_typing_errors_need_the_same_year(tmp_path: Path) -> None:
    frame = dump_frame()
    frame.loc[4, "name"] = frame.loc[4, "name"].replace("o", "i", 1)
    frame.loc[5, "name"] = frame.loc[5, "name"].replace("o", "i", 1)
    frame.loc[5, "year"] = str(years()[5] + 9)
    assert frame.loc[4, "name"] != film_names()[4]
    found = linked(films(), frame, tmp_path)
    assert found.loc["m4", "target_id"] == "q4"
    assert "typing error" in found.loc["m4", "reason"]
    assert found.loc["m4", "confidence"] < found.loc["m3", "confidence"]
    assert "m5" not in found.index
    assert "m4" not in linked(films(), frame, tmp_path, fuzzy=False).index


def test_parts_of_a_series_are_no_typing_errors(tmp_path: Path) -> None:
    items = pd.DataFrame({"item_id": ["a"], "title": ["Silent Harbour Part III"], "year": ["1990"]})
    frame = more(dump_frame(), ("q", "Silent Harbour Part 2", "1990"))
    assert linked(Catalog.from_frames(items=items), frame, tmp_path).empty


def test_two_items_of_one_film_get_one_thing(tmp_path: Path) -> None:
    items = films().items
    items.loc[0, ["title", "year"]] = items.loc[1, ["title", "year"]].to_numpy()
    catalog = Catalog.from_frames(items=items)
    found = linked(catalog, dump_frame(), tmp_path)
    assert found["target_id"].is_unique
    assert found.loc[found["target_id"] == "q1", "confidence"].item() <= 0.55
    assert found.loc[found["target_id"] == "q1", "second_id"].item().startswith("node m")


def test_kinds_that_right_pairs_have_count(tmp_path: Path) -> None:
    frame = dump_frame().assign(kind="film").drop(columns="year")
    songs = frame.iloc[:20].assign(qid=[f"s{n}" for n in range(20)], kind="song")
    others = frame.assign(qid=[f"x{n}" for n in range(60)], kind="song", name=frame["name"] + " II")
    found = linked(films(), pd.concat([frame, songs, others]), tmp_path)
    assert found["target_id"].to_dict() == {f"m{n}": f"q{n}" for n in range(60)}
    assert found.loc["m0", "confidence"] > 0.5 > found.loc["m0", "second_confidence"]


def test_shared_ids_join_first_and_say_so(tmp_path: Path) -> None:
    catalog = films(imdb=[f"{n:07d}" for n in range(60)])
    frame = dump_frame().assign(imdb_id=[f"tt{n:07d}" for n in range(60)])
    frame["qid"] = [f"q{59 - n}" for n in range(60)]
    frame.loc[0, "name"] = "Le Port du silence"
    found = linked(catalog, frame, tmp_path)
    assert set(found["by"]) == {"id"}
    assert found.loc["m0", "reason"] == "imdb = imdb_id"
    assert found.loc["m0", "target_id"] == "q59"
    assert found.loc["m1", "confidence"] > found.loc["m0", "confidence"] > 0.9
    assert any(n.startswith("60 values of imdb are also imdb_id") for n in found.attrs["notes"])


def test_iris_and_their_last_parts_are_one_id(tmp_path: Path) -> None:
    catalog = films(wikidata=[f"Q{n + 100}" for n in range(60)])
    frame = dump_frame().assign(qid=[f"http://example.org/entity/Q{n + 100}" for n in range(60)])
    assert set(linked(catalog, frame, tmp_path)["by"]) == {"id"}


def test_ids_of_another_numbering_are_not_used(tmp_path: Path) -> None:
    items = films().items.assign(item_id=[str(n) for n in range(60)])
    frame = dump_frame().assign(qid=[str(59 - n) for n in range(60)])
    found = linked(Catalog.from_frames(items=items), frame, tmp_path)
    assert found["target_id"].to_dict() == {str(n): str(59 - n) for n in range(60)}
    assert any("another numbering: not used" in note for note in found.attrs["notes"])
    more_ids = {f"id{k}": [str((n + k) % 60) for n in range(60)] for k in range(1, 5)}
    again = linked(Catalog.from_frames(items=items), frame.assign(**more_ids), tmp_path)
    notes = again.attrs["notes"]
    assert sum("another numbering: not used" in note for note in notes) == 3
    assert "2 more pairs of columns have equal values and were not used" in notes


def test_plain_numbers_without_names_need_the_word_of_the_user(tmp_path: Path) -> None:
    catalog = Catalog.from_frames(items=pd.DataFrame({"item_id": ["7", "8"]}))
    frame = pd.DataFrame({"id": ["7", "9"], "name": ["Heat", "Alien"]})
    found = linked(catalog, frame, tmp_path)
    assert found.empty
    assert any("--key" in note for note in found.attrs["notes"])
    given = linked(catalog, frame, tmp_path, keys={"item_id": "id"})
    assert given["target_id"].to_dict() == {"7": "7"}
    with pytest.raises(RequestError, match="no column imdb holds ids"):
        linked(catalog, frame, tmp_path, keys={"imdb": "id"})


def test_entities_are_linked_too(tmp_path: Path) -> None:
    people = [f"{a} {b}" for a in ("Ann", "Bob", "Cid", "Dan") for b in ("Ek", "Fox", "Gray", "Hu")]
    entities = pd.DataFrame({"entity_id": [f"e{n}" for n in range(16)], "name": people})
    frame = pd.DataFrame({"id": [f"p{n}" for n in range(16)], "label": people[::-1]})
    found = linked(Catalog.from_frames(entities=entities), frame, tmp_path, nodes="entities")
    assert found["target_id"].to_dict() == {f"e{n}": f"p{15 - n}" for n in range(16)}
    assert found.index.name == "entity_id"


def test_rows_and_names_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    frame = more(dump_frame(), ("", "Nameless", ""), ("q0", "Le Port du silence", ""))
    dump = read_dump(write(frame, tmp_path / "dump.csv"))
    assert dump.report.files[0].dropped == {
        "rows without an id": 1,
        "further rows of an id, of which only the name was kept": 1,
    }
    french = Catalog.from_frames(
        items=pd.DataFrame({"item_id": ["a"], "title": ["Port du silence, Le"]})
    )
    assert link_nodes(french, dump)["target_id"].tolist() == ["q0"]


def test_a_name_of_many_things_is_decided_by_the_year(tmp_path: Path) -> None:
    frame = dump_frame()
    others = [str(1700 + n) for n in range(60)]
    crowd = frame.iloc[[0] * 60].assign(qid=[f"c{n}" for n in range(60)], year=others)
    found = linked(films(), pd.concat([frame, crowd]), tmp_path)
    assert found.loc["m0", "target_id"] == "q0"
    assert found.loc["m0", "confidence"] < found.loc["m1", "confidence"]
    assert any("only where the years are equal" in note for note in found.attrs["notes"])
    undated = pd.concat([frame, crowd.assign(year="")])[1:]
    assert "m0" not in linked(films(), undated, tmp_path).index
    dated = pd.concat([frame, crowd.assign(year=str(years()[0]))])
    assert "m0" not in linked(films(), dated, tmp_path).index


def test_items_without_titles_are_read_by_another_column_of_names(tmp_path: Path) -> None:
    items = films().items
    named = items.drop(columns="title").assign(name=items["title"])
    found = linked(Catalog.from_frames(items=named), dump_frame(), tmp_path)
    assert found["target_id"].to_dict() == {f"m{n}": f"q{n}" for n in range(60)}


def test_what_cannot_be_linked_is_an_error(tmp_path: Path) -> None:
    dump = read_dump(write(dump_frame(), tmp_path / "dump.csv"))
    with pytest.raises(RequestError, match="nodes is 'users'"):
        link_nodes(films(), dump, nodes="users")
    with pytest.raises(RequestError, match="no entities"):
        link_nodes(films(), dump, nodes="entities")
    with pytest.raises(RequestError, match="min_confidence"):
        link_nodes(films(), dump, min_confidence=2)
    with pytest.raises(RequestError, match="no column born of years"):
        link_nodes(films(), dump, year_column="born")
    with pytest.raises(SourceError, match="no column born"):
        read_dump(tmp_path / "dump.csv", year_column="born")
    with pytest.raises(SourceError, match="no column has an id"):
        read_dump(write(pd.DataFrame({"name": ["a", "a", "b"]}), tmp_path / "x.csv"))
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_text("id;name\n1;Heat\n")
    with pytest.raises(SourceError, match="--delimiter ';'"):
        read_dump(semicolons)
    nameless = read_dump(write(pd.DataFrame({"id": ["a"], "x": ["Heat"]}), tmp_path / "y.csv"))
    assert "--name-column" in nameless.report.files[0].notes[0]
    with pytest.raises(SourceError, match="none"):
        read_dump(tmp_path / "none.csv")


def test_an_assignment_has_the_greatest_sum() -> None:
    node, thing = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2])
    confidence = np.array([0.9, 0.8, 0.7, 0.0])
    assert assigned(node, thing, confidence).tolist() == [False, True, True, False]
    assert second_best(node, thing, confidence).tolist() == [1, 0, 0, -1]
    empty = np.empty(0, dtype=np.int64)
    assert assigned(empty, empty, np.empty(0)).tolist() == []
    assert second_best(empty, empty, np.empty(0)).tolist() == []
