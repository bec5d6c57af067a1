"""Search: queries whose answers are known, beside full-text search alone and meaning alone.

MRR within the first 100 answers. Queries come from titles (two letters swapped, one dropped, one
doubled, a word left out), from sentences of the text, from entity names, and from an entity's name
before a title. Right are the source and what is as right: items of the same title, or with the same
sentence; all items of the entities of that name. "source only" counts the source alone. Weights
were chosen on the half of items and entities that --part valid asks about; --part test asks about
the other half.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.stores import embedded, neo4j
from benchmarks.texts.review_rows import review_catalog
from benchmarks.texts.search_queries import KINDS, TYPOS, Part, Query, make_queries
from benchmarks.texts.search_speed import measure_speed
from graph_schema import Catalog
from kgrec.config import RecommenderConfig
from kgrec.evaluation import paired_bootstrap
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.search.ranker import Searcher
from kgrec.stores import GraphStore

NAME: Final = "text-search"
DATA: Final = ("ml-1m-kg", "gift-cards")
DEPTH: Final = 100
NEO4J: Final = "full text of Neo4j"
Ranker = Callable[[int, Query], Sequence[int]]


def load(name: str) -> Catalog:
    """Items, entities and facts; nobody's interactions or reviews are needed."""
    whole = load_dataset(name).catalog if name == "ml-1m-kg" else review_catalog("Gift_Cards")
    parts = ("items", "entities", "facts")
    return Catalog.from_frames(**{part: whole.tables[part] for part in parts})


def measure(name: str, part: Part, most: int) -> dict[str, Any]:
    """``kgrec`` and each control on one data set; Neo4j's index where KGREC_BENCH_NEO4J is set."""
    catalog = load(name)
    with embedded(catalog) as store, neo4j(catalog) as server:
        indexes = {"full text": store} if server is None else {"full text": store, NEO4J: server}
        return compare(read_snapshot(store), part, most, indexes)


def compare(
    snapshot: GraphSnapshot, part: Part, most: int, indexes: Mapping[str, GraphStore]
) -> dict[str, Any]:
    """``kgrec`` beside meaning alone and each store's full-text index."""
    reader = TextReader(RecommenderConfig())
    searcher = Searcher(snapshot, reader.read(snapshot))
    queries = make_queries(snapshot, part, most)
    vectors = reader.encoder.encode([query.text for query in queries])
    items = searcher.texts.items[TEXT]
    rankers: dict[str, Ranker] = {
        "kgrec": lambda i, q: searcher.rank(q.text, vectors[i], DEPTH).rows.tolist(),
        "dense": lambda i, _: np.argsort(-(items @ vectors[i]), kind="stable")[:DEPTH].tolist(),
    }
    for index, store in indexes.items():
        rankers[index] = lambda _, q, store=store: full_text(store, snapshot, q.text)  # type: ignore[misc]
    values = {ranker: reciprocals(rank, queries) for ranker, rank in rankers.items()}
    kinds = np.array([query.kind for query in queries], dtype=object)
    return {
        "items": len(snapshot.items),
        "queries": {kind: int((kinds == kind).sum()) for kind in KINDS},
        "mrr": {ranker: by_kind(kinds, found) for ranker, (found, _) in values.items()},
        "mrr_source_only": {
            ranker: by_kind(kinds, strict) for ranker, (_, strict) in values.items()
        },
        "ahead": {
            control: ahead(kinds, values[control][0], values["kgrec"][0])
            for control in ("dense", *indexes)
        },
    }


def full_text(store: GraphStore, snapshot: GraphSnapshot, text: str) -> list[int]:
    """Item rows by the store's full-text index alone."""
    hits = store.search_text(text, k=DEPTH)
    return snapshot.items.rows([hit.node.id for hit in hits]).tolist() if hits else []


def reciprocals(rank: Ranker, queries: Sequence[Query]) -> tuple[np.ndarray, np.ndarray]:
    """float64 ``[queries]``, twice: 1 / the place of the first right answer, and of the source."""
    found, strict = np.zeros(len(queries)), np.zeros(len(queries))
    for row, query in enumerate(queries):
        for place, item in enumerate(rank(row, query), start=1):
            if item in query.right and not found[row]:
                found[row] = 1 / place
            if item == query.source:
                strict[row] = 1 / place
    return found, strict


def by_kind(kinds: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """The mean of each kind, and "one typo": of the three kinds of typing error."""
    means = {kind: values[kinds == kind] for kind in KINDS}
    means["one typo"] = values[np.isin(kinds, TYPOS)]
    return {kind: round(float(found.mean()), 4) for kind, found in means.items() if len(found)}


def ahead(kinds: np.ndarray, control: np.ndarray, ours: np.ndarray) -> dict[str, list[float]]:
    """By kind: how much ``ours`` is ahead, and the ends of the 95 % interval."""
    found = {}
    for kind in KINDS:
        here = kinds == kind
        if here.any():
            gain = paired_bootstrap(control[here], ours[here])
            found[kind] = [round(x, 4) for x in (gain.mean, gain.low, gain.high)]
    return found


def rows_of(name: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """For the table: a line for each kind of query."""
    return [
        {
            "data": name,
            "query": kind,
            "queries": found["queries"].get(kind),
            **{ranker: means[kind] for ranker, means in found["mrr"].items()},
            "source only": found["mrr_source_only"]["kgrec"][kind],
        }
        for kind in (*KINDS, "one typo")
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", choices=DATA, help="one of both")
    parser.add_argument("--part", choices=("valid", "test"), default="test")
    parser.add_argument("--most", type=int, default=500, help="queries of a kind")
    parser.add_argument("--items", type=int, default=10_000, help="of the catalog for timing")
    parser.add_argument("--save", action="store_true", help=f"keep results/{NAME}.json")
    asked = parser.parse_args(arguments)
    names = DATA if asked.data is None else (asked.data,)
    started = time.perf_counter()
    found = {name: measure(name, asked.part, asked.most) for name in names}
    speed = measure_speed(asked.items)
    result = {
        "part": asked.part,
        "kgrec": {
            **{name: outcome["mrr"]["kgrec"] for name, outcome in found.items()},
            "latency_ms": speed["search_ms"]["median"],
        },
        "data": found,
        "speed": speed,
        "seconds": round(time.perf_counter() - started, 1),
        "protocol": " ".join((__doc__ or "").split()),
    }
    print(
        report.table(
            [{"what": what, **times} for what, times in speed.items() if what.endswith("_ms")]
        )
    )
    rows = [row for name, outcome in found.items() for row in rows_of(name, outcome)]
    report.finish(NAME, result, rows, asked.save)
