"""A slice of the mutated files of every format; and that each kind of fault would be found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import loaders
from benchmarks import fuzz
from benchmarks.fuzz_files.checks import Counts, outcome, store_problems
from benchmarks.fuzz_files.mutations import MUTATIONS
from graph_schema import Catalog, SourceError
from loaders import LoadResult
from tests.loaders.writing import FILE_SAMPLES, Sample

FILES = 60
CSV = FILE_SAMPLES[0]


@pytest.mark.parametrize("sample", FILE_SAMPLES, ids=lambda sample: sample.name)
def test_mutated_files_load_or_are_refused(sample: Sample, tmp_path: Path) -> None:
    row, problems = fuzz.measure(sample, FILES, tmp_path, seed=7, every=FILES)
    assert problems == []
    assert row["loaded"] + row["refused"] == FILES
    assert row["refused"] > 0


def test_every_mutation_changes_the_content_and_repeats_with_its_seed() -> None:
    content = b"user_id,item_id\nu1,i1\nu2,i2\n"
    for mutate in MUTATIONS.values():
        found = [mutate(content, np.random.default_rng(seed)) for seed in (*range(9), *range(9))]
        assert found[:9] == found[9:]
        assert any(one != content for one in found)


def checked(load: object, folder: Path) -> tuple[str, list[str]]:
    written = CSV.write(folder)
    sample = replace(CSV, load=load)  # type: ignore[arg-type]
    return outcome(sample, written, Counts.of(CSV, written))[:2]


def test_each_fault_is_found(tmp_path: Path) -> None:
    def crash(folder: Path) -> LoadResult:
        raise KeyError("item_id")

    def no_cure(folder: Path) -> LoadResult:
        raise SourceError("something is wrong.")

    def one_row_less(folder: Path) -> LoadResult:
        result = loaders.load(folder)
        result.report.file("items.csv").read -= 2
        return result

    def lost_interaction(folder: Path) -> LoadResult:
        result = loaders.load(folder)
        tables = dict(result.catalog.tables)
        tables["interactions"] = tables["interactions"].slice(1)
        return replace(result, catalog=replace(result.catalog, tables=tables))

    assert checked(loaders.load, tmp_path / "a") == ("loaded", [])
    assert checked(crash, tmp_path / "b")[0] == "crashed"
    assert checked(no_cure, tmp_path / "c")[1] == ["an error without a cure: something is wrong."]
    found = checked(lost_interaction, tmp_path)[1]
    assert found[0].startswith("interactions.csv: 4 rows kept, but not as many")
    (tmp_path / "d").mkdir()
    without_quotes = replace(CSV, write=_without_quotes, load=one_row_less)
    folder = without_quotes.write(tmp_path / "d")
    counts = Counts.of(replace(without_quotes, load=loaders.load), folder)
    assert "items.csv: 1 rows read" in outcome(without_quotes, folder, counts)[1][0]


def _without_quotes(folder: Path) -> Path:
    CSV.write(folder)
    (folder / "items.csv").write_text("item_id,title\ni1,One\ni2,Two\ni3,\n")
    return folder


@pytest.mark.slow
def test_what_a_store_does_not_give_back_is_found(tmp_path: Path) -> None:
    folder = CSV.write(tmp_path / "data")
    catalog = loaders.load(folder).catalog
    assert store_problems(CSV, folder, catalog, fuzz._store(tmp_path)) == []
    other = Catalog.from_frames(interactions=catalog.interactions.head(3))
    (folder / "items.csv").write_text("item_id\n")
    found = store_problems(CSV, folder, other, fuzz._store(tmp_path))
    assert found[0].startswith("exit code 1")
