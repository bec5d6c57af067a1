"""Files of any names and columns, by a mapping: load, update and evaluate take it."""

from pathlib import Path

import pytest

from tests.cli.conftest import kgrec, kgrec_json, write_folder

MAPPING = """
[interactions]
file = "clicks.csv"
columns = { user_id = "user_id", item_id = "item_id", timestamp = "timestamp", split = "split" }
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The path of a mapping of clicks.csv, which is in the folder data beside it."""
    folder = write_folder(tmp_path / "data")
    for other in ("items.csv", "entities.csv", "facts.csv"):
        (folder / other).unlink()
    (folder / "interactions.csv").rename(folder / "clicks.csv")
    path = tmp_path / "shop.toml"
    path.write_text(MAPPING)
    return path


def test_load_takes_a_mapping(mapping: Path, tmp_path: Path) -> None:
    folder, store = tmp_path / "data", tmp_path / "catalog.kgl"
    found = kgrec_json("load", folder, "--mapping", mapping, "--store", store, "--json")
    assert found["rows"]["interactions"] == 560
    mapping.rename(folder / "kgrec.toml")
    assert kgrec_json("load", folder, "--store", store, "--json")["rows"] == found["rows"]


def test_a_mapping_that_does_not_fit_is_an_error(mapping: Path, tmp_path: Path) -> None:
    mapping.write_text(MAPPING.replace('"split"', '"part"'))
    store = tmp_path / "catalog.kgl"
    result = kgrec("load", tmp_path / "data", "--mapping", mapping, "--store", store, expect=1)
    assert "interactions.columns.split: clicks.csv has no column 'part'" in result.stderr
    assert not store.exists()


def test_another_format_takes_no_mapping(mapping: Path, tmp_path: Path) -> None:
    arguments = ("--mapping", mapping, "--format", "csv", "--store", tmp_path / "catalog.kgl")
    result = kgrec("load", tmp_path / "data", *arguments, expect=2)
    assert "--mapping is an option of the format mapping" in result.stderr


def test_evaluate_and_update_take_a_mapping(mapping: Path, tmp_path: Path) -> None:
    mapping.write_text(MAPPING.replace('"split"', '"part"'))
    folder = tmp_path / "data"
    words = "clicks.csv has no column 'part'"
    assert words in kgrec("evaluate", folder, "--mapping", mapping, expect=1).stderr
    arguments = ("--mapping", mapping, "--model", tmp_path / "none")
    assert words in kgrec("update", folder, *arguments, expect=1).stderr


def test_a_mapping_of_the_environment_is_for_graphs_alone(
    mapping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_MAPPING", str(mapping))
    result = kgrec("evaluate", tmp_path / "data", expect=1)
    assert "no format is recognised" in result.stderr


def test_map_writes_a_mapping_that_loads(mapping: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "data", tmp_path / "new.toml"
    text = kgrec("map", folder).stdout
    assert 'columns.item_id = "item_id"  # by its name' in text
    kgrec("map", folder, "--out", out)
    assert out.read_text() == text
    arguments = ("--mapping", out, "--store", tmp_path / "catalog.kgl", "--json")
    assert kgrec_json("load", folder, *arguments)["rows"]["interactions"] == 560


def test_map_replaces_no_file(mapping: Path, tmp_path: Path) -> None:
    before = mapping.read_text()
    result = kgrec("map", tmp_path / "data", "--out", mapping, expect=1)
    assert "the file exists, and may have been corrected by hand. Cure: " in result.stderr
    assert mapping.read_text() == before
    other = kgrec("map", tmp_path / "data", "--out", tmp_path / "a.csv", expect=1)
    assert "a mapping is a .toml file" in other.stderr
    absent = kgrec("map", tmp_path / "data", "--out", tmp_path / "no" / "a.toml", expect=1)
    assert "can't be written" in absent.stderr


def test_map_takes_a_folder_or_a_graph(mapping: Path, tmp_path: Path) -> None:
    folder, store = tmp_path / "data", tmp_path / "catalog.kgl"
    assert "one of them" in kgrec("map", expect=2).stderr
    assert "one of them" in kgrec("map", folder, "--store", store, expect=2).stderr
    kgrec("load", folder, "--mapping", mapping, "--store", store)
    result = kgrec("map", "--store", store, expect=1)
    assert "kgrec wrote this graph, and reads it as it is. Cure: " in result.stderr


def test_map_says_that_a_known_format_needs_no_mapping(tmp_path: Path) -> None:
    text = {"train.txt": "0 1 2\n1 0 2\n", "kg_final.txt": "0 0 3\n1 0 3\n"}
    for name, lines in text.items():
        (tmp_path / name).write_text(lines, encoding="utf-8")
    result = kgrec("map", tmp_path, expect=1)
    assert "reads this folder without a mapping, as the format kgat" in result.stderr
