"""A catalog's snapshot is, to the bit, the one of a store that holds the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.names import KEY_COLUMNS
from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.graph.source import read_source
from kgrec.stores import EmbeddedStore
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames

USERS, ITEMS, ENTITIES = ("u1", "u10", "U2", "é"), ("1", "2", "10", "b b"), ("e", "f", "1")
NODES = {"user": USERS, "item": ITEMS, "entity": ENTITIES}
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
WORDS = st.sampled_from(["x", "a|b", "007", "1.0", "true", "", "two\nlines", 'a "b", c', "né"])
VALUES = {
    "text": WORDS,
    "int": st.integers(-(2**53), 2**53),
    "float": NUMBERS,
    "whole float": st.integers(-5, 5).map(float),
    "bool": st.booleans(),
}
ATTRIBUTES = ("type", "year", "title", "label", "node_type", "name", "a.b", "Size of it")
BESIDE = {"users": "name", "items": "name", "entities": "title"}


def through_store(catalog: Catalog, path: Path) -> GraphSnapshot:
    path.unlink(missing_ok=True)
    with EmbeddedStore(path) as store:
        store.write(catalog)
        return read_snapshot(store)


def assert_same(catalog: Catalog, folder: Path) -> None:
    direct, stored = read_source(catalog), through_store(catalog, folder / "graph.kgl")
    assert_same_snapshot(direct, stored)
    for name in ("rating", "timestamp", "user", "item"):  # also the sign of zero and NaN's bits
        one, other = (getattr(s.interactions, name) for s in (direct, stored))
        assert one.tobytes() == other.tobytes(), name


def column(draw: st.DrawFn, kind: str, n: int) -> pd.Series:
    """``n`` values of a kind, some of them absent."""
    values = draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=n, max_size=n))
    dtypes: dict[str, Any] = {"int": "Int64", "bool": "boolean"}
    return pd.Series(values, dtype=dtypes.get(kind, float if "float" in kind else object))


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Small catalogs with every frame, attributes of every type, and gaps."""
    given: dict[str, pd.DataFrame] = {}
    keys = {"users": USERS, "items": ITEMS, "entities": ENTITIES}
    for frame, ids in keys.items():
        # kglite answers a node's title where it has no name, so no node may have both here.
        names = [name for name in ATTRIBUTES if name != BESIDE[frame]]
        chosen = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        table = pd.DataFrame({KEY_COLUMNS[frame]: ids})
        for name in chosen:
            text = (frame, name) in (("items", "title"), ("entities", "name"))
            kind = "text" if text else draw(st.sampled_from(sorted(VALUES)))
            table[name] = column(draw, kind, len(ids))
        given[frame] = table
    n = draw(st.integers(0, 8))
    event = {
        "user_id": draw(st.lists(st.sampled_from(USERS), min_size=n, max_size=n)),
        "item_id": draw(st.lists(st.sampled_from(ITEMS), min_size=n, max_size=n)),
    }
    optional = {
        "timestamp": st.integers(-5, 2**33),
        "rating": st.sampled_from([1.0, -0.0, 2.5, 0.1]),
        "event": st.sampled_from(["view", "buy", 'odd"\n']),
        "scenario": st.sampled_from(["web", "app"]),
        "split": st.sampled_from(["train", "valid", "test"]),
        "device": WORDS,
    }
    for name, values in optional.items():
        if draw(st.booleans()):
            event[name] = draw(st.lists(st.one_of(st.none(), values), min_size=n, max_size=n))
    if n:
        given["interactions"] = pd.DataFrame(event)
    types = st.sampled_from(sorted(NODES))
    facts = set()
    for head_type, tail_type in draw(st.lists(st.tuples(types, types), max_size=6)):
        ends = draw(st.tuples(st.sampled_from(NODES[head_type]), st.sampled_from(NODES[tail_type])))
        relation = draw(st.sampled_from(["by", "like that", "FOLLOWS"]))
        facts.add((ends[0], head_type, relation, ends[1], tail_type))
    if facts:
        names = ["head", "head_type", "relation", "tail", "tail_type"]
        given["facts"] = pd.DataFrame(sorted(facts), columns=names)
    texts = draw(st.lists(st.tuples(WORDS.filter(bool), st.sampled_from(USERS)), max_size=3))
    if texts:
        given["reviews"] = pd.DataFrame(texts, columns=["text", "user_id"]).assign(item_id="10")
        given["queries"] = pd.DataFrame({"text": ["q", "r"], "user_id": ["é", None]})
    return Catalog.from_frames(**given)


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(catalogs())
def test_any_catalog_is_read_as_its_store_is(tmp_path: Path, catalog: Catalog) -> None:
    assert_same(catalog, tmp_path)


def test_every_frame_is_read_as_its_store_is(tmp_path: Path) -> None:
    assert_same(Catalog.from_frames(**frames()), tmp_path)


def test_odd_names_are_read_as_their_store_is(tmp_path: Path) -> None:
    ids = list(ODD_IDS)
    facts = pd.DataFrame({"head": ids[0], "head_type": "item", "relation": list(ODD_RELATIONS)})
    facts = facts.assign(tail="e", tail_type="entity")
    events = pd.DataFrame({"user_id": ids, "item_id": ids[::-1], "scenario": ids})
    assert_same(Catalog.from_frames(interactions=events, facts=facts), tmp_path)


@pytest.mark.parametrize("part", ["users", "items", "entities", "facts", "queries", "scenarios"])
def test_catalogs_without_interactions_are_read_as_their_store_is(
    tmp_path: Path, part: str
) -> None:
    given = frames()[part]
    if part == "facts":
        given = given.assign(head=given["head"] + "x", tail=given["tail"] + "x")
    assert_same(Catalog.from_frames(**{part: given}), tmp_path)


def test_a_title_is_text_whatever_the_catalog_says(tmp_path: Path) -> None:
    users = pd.DataFrame({"user_id": ["a", "b", "c"], "title": [1.0, 2.5, None]})
    catalog = Catalog.from_frames(users=users)
    assert_same(catalog, tmp_path)
    assert read_source(catalog).users.attributes["title"].tolist()[:2] == ["1", "2.5"]


def test_a_wrong_catalog_is_refused() -> None:
    events = pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})
    catalog = Catalog.from_frames(interactions=events, users=pd.DataFrame({"user_id": ["v"]}))
    with pytest.raises(CatalogError, match="'u'"):
        read_source(catalog)
    with pytest.raises(RequestError, match="the folder of a snapshot, not DataFrame"):
        read_source(events)  # type: ignore[arg-type]


def test_progress_names_what_was_read() -> None:
    steps: list[tuple[str, int, int]] = []
    read_source(Catalog.from_frames(**frames()), lambda *step: steps.append(step))
    assert ("User", 3, 3) in steps
    assert ("INTERACTED", 4, 4) in steps


@pytest.mark.data
@pytest.mark.slow
def test_movielens_is_read_as_its_store_is(data_dir: Path, tmp_path: Path) -> None:
    import loaders

    catalog = loaders.csv_folder(data_dir / "ml-1m-kg").catalog
    assert_same(catalog, tmp_path)
    assert np.isfinite(read_source(catalog).interactions.rating).any()
