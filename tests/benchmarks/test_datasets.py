"""The benchmark data as catalogs: counts as published, and ids that lead to the same node."""

import gzip
from pathlib import Path

import pytest

from benchmarks.harness.beauty import beauty_catalog
from benchmarks.harness.datasets import load_dataset, with_relations
from graph_schema import Catalog
from graph_schema.errors import SourceError

pytestmark = pytest.mark.slow


FILES = {
    "PGPR/users": ["U0", "U1"],
    "PGPR/product": ["P0", "P1", "P2"],
    "PGPR/related_product": ["X0", "P2", "X1"],
    "PGPR/brand": ["Crabtree &amp; Evelyn", ""],
    "PGPR/category": ["Beauty"],
    "PGPR/also_bought_p_p": ["0 1", "", "0"],
    "PGPR/also_viewed_p_p": ["", "1", ""],
    "PGPR/bought_together_p_p": ["", "", ""],
    "PGPR/brand_p_b": ["0", "1", ""],
    "PGPR/category_p_c": ["0", "0", "0"],
    "CAFE/train_labels": ["0\t0\t1", "1\t2"],
    "CAFE/test_labels": ["0\t2", "1\t0"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lines in FILES.items():
        path = tmp_path / f"{name}.txt.gz"
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as handle:
            handle.writelines(f"{line}\n" for line in lines)
    return tmp_path


def facts_of(catalog: Catalog) -> set[tuple[str, str, str, str]]:
    columns = ["head", "relation", "tail", "tail_type"]
    return set(catalog.facts[columns].itertuples(index=False, name=None))


def test_related_products_that_are_items_stay_items(folder: Path) -> None:
    catalog = beauty_catalog(folder)
    assert facts_of(catalog) == {
        ("P0", "also_bought", "X0", "entity"),
        ("P0", "also_bought", "P2", "item"),
        ("P2", "also_bought", "X0", "entity"),
        ("P1", "also_viewed", "P2", "item"),
        ("P0", "produced_by", "brand_0", "entity"),
        *((item, "belongs_to", "category_0", "entity") for item in ("P0", "P1", "P2")),
    }
    names = dict(catalog.entities[["entity_id", "name"]].itertuples(index=False, name=None))
    assert names["brand_0"] == "Crabtree & Evelyn"
    assert "X1" not in names  # nothing mentions it
    purchases = catalog.interactions[["user_id", "item_id", "split"]]
    assert set(purchases.itertuples(index=False, name=None)) == {
        ("U0", "P0", "train"),
        ("U0", "P1", "train"),
        ("U1", "P2", "train"),
        ("U0", "P2", "test"),
        ("U1", "P0", "test"),
    }


def test_relations_can_be_chosen(folder: Path) -> None:
    catalog = with_relations(beauty_catalog(folder), ("also_bought",))
    assert set(catalog.facts["relation"]) == {"also_bought"}
    assert list(catalog.entities["entity_id"]) == ["X0"]
    assert len(with_relations(catalog, ()).facts) == 0
    with pytest.raises(SourceError, match="use some of also_bought"):
        with_relations(catalog, ("bought",))


def test_a_line_too_many_is_named(folder: Path) -> None:
    with gzip.open(folder / "CAFE" / "test_labels.txt.gz", "wt") as handle:
        handle.write("0\t7\n")
    with pytest.raises(SourceError, match=r"test_labels.*row 7 of a file with 3 lines"):
        beauty_catalog(folder)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(SourceError, match="use one of ml-100k-split"):
        load_dataset("ml-100k-splt")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "users", "items", "splits"),
    [
        ("ml-100k-split", 938, 1447, {"train": 44265, "valid": 5548, "test": 5548}),
        pytest.param(
            *("amazon-beauty-kg", 22363, 12101, {"train": 149844, "test": 48658}),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_counts_are_the_published_ones(
    data_dir: Path, name: str, users: int, items: int, splits: dict[str, int]
) -> None:
    catalog = load_dataset(name).catalog
    assert (len(catalog.users), len(catalog.items)) == (users, items)
    assert catalog.interactions["split"].value_counts().to_dict() == splits
