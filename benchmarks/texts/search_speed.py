"""How long a query takes on a made-up catalog with real words: searching alone, one thread."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from benchmarks.harness.datasets import load_dataset
from benchmarks.texts.search_queries import make_queries
from graph_schema import Catalog
from kgrec.config import RecommenderConfig
from kgrec.features.names import TEXT
from kgrec.features.texts import TextFeatures, TextReader
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.search.ranker import Searcher

SIZE: Final = 384  # numbers in a vector: what they are does not matter to the clock
FACTS: Final = 20  # of an item
QUERIES: Final = 60  # of a kind


def generated(n_items: int, seed: int = 0) -> GraphSnapshot:
    """``n_items`` films that take the words of their titles, the sentences of their plots and their
    entities from those of ml-1m-kg; half of the entities get a name of others' words."""
    rng = np.random.default_rng(seed)
    real = load_dataset("ml-1m-kg").catalog
    words = [word for title in real.items["title"] for word in str(title).split()]
    sentences = [part for plot in real.items["plot"].dropna() for part in str(plot).split(". ")]
    names = real.entities["name"].astype(str).tolist()
    parts = [word for name in names for word in name.split()]
    names += [" ".join(rng.choice(parts, 2)) for _ in names]
    entities = pd.DataFrame({"entity_id": [f"e{n}" for n in range(len(names))], "name": names})
    items = pd.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(n_items)],
            "title": [" ".join(rng.choice(words, rng.integers(1, 6))) for _ in range(n_items)],
            "plot": [". ".join(rng.choice(sentences, 5)) for _ in range(n_items)],
        }
    )
    facts = pd.DataFrame(
        {
            "head": np.repeat(items["item_id"].to_numpy(), FACTS),
            "head_type": "item",
            "relation": rng.choice(["directed_by", "starred_by", "about"], FACTS * n_items),
            "tail": rng.choice(entities["entity_id"], FACTS * n_items),
            "tail_type": "entity",
        }
    ).drop_duplicates()
    return read_source(Catalog.from_frames(items=items, entities=entities, facts=facts), None)


def measure_speed(n_items: int) -> dict[str, Any]:
    """Milliseconds a query after encoding and for encoding it, seconds and MiB of the indexes."""
    snapshot = generated(n_items)
    vectors = np.random.default_rng(1).standard_normal((n_items, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        texts = TextFeatures({TEXT: vectors}, np.empty((0, SIZE), dtype=np.float32))
        searcher = Searcher(snapshot, texts)
        asked = [query.text for query in make_queries(snapshot, "test", QUERIES)]
        (built,) = _seconds(["first"], lambda text: searcher.rank(text, vectors[0], 10))
        spent = _seconds(asked, lambda text: searcher.rank(text, vectors[0], 10))
        personal = np.random.default_rng(2).standard_normal(n_items).astype(np.float32)
        own = _seconds(asked, lambda text: searcher.rank(text, vectors[0], 10, personal=personal))
        reader = TextReader(RecommenderConfig())
        reader.encode_query("first")
        encoding = _seconds(asked, reader.encode_query)
    finally:
        torch.set_num_threads(threads)
    return {
        "items": n_items,
        "entities": len(snapshot.entities),
        "queries": len(asked),
        "search_ms": _told(spent),
        "personal_search_ms": _told(own),
        "encoding_ms": _told(encoding),
        "first_query_seconds": round(built, 2),
        "index_mib": round(_memory(snapshot, texts) / 2**20, 1),
        "threads": 1,
    }


def _memory(snapshot: GraphSnapshot, texts: TextFeatures) -> int:
    """Bytes that the indexes of another searcher take."""
    tracemalloc.start()
    kept = Searcher(snapshot, texts)
    kept.rank("first", None, 10)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken


def _seconds(texts: Sequence[str], what: Callable[[str], object]) -> list[float]:
    """How long each text takes."""
    spent = []
    for text in texts:
        started = time.perf_counter()
        what(text)
        spent.append(time.perf_counter() - started)
    return spent


def _told(seconds: list[float]) -> dict[str, float]:
    milliseconds = np.array(seconds) * 1000
    return {
        "median": round(float(np.median(milliseconds)), 2),
        "95 %": round(float(np.quantile(milliseconds, 0.95)), 2),
        "most": round(float(milliseconds.max()), 2),
    }
