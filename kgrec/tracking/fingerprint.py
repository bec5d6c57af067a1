"""What data a model was trained on: counts, days and a digest, without the id of anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from kgrec.graph import GraphSnapshot
from kgrec.model_card.data_sheet import DataSheet

_NUMBERS = ("user", "item", "timestamp", "rating")
_WORDS = ("event", "scenario", "split")


@dataclass(frozen=True)
class DataFingerprint:
    """The data of a model.

    Attributes
    ----------
    users, items, entities, interactions, facts : int
    first, last : str or None
        Days (UTC) of the earliest and latest interaction; None without times.
    digest : str
        SHA-256, in hexadecimal digits, of all ids, interactions and facts: equal for equal data.
    """

    users: int
    items: int
    entities: int
    interactions: int
    facts: int
    first: str | None
    last: str | None
    digest: str

    @staticmethod
    def of(graph: GraphSnapshot) -> DataFingerprint:
        """That of a graph with its held-out rows."""
        sheet, hashed = DataSheet.of(graph), hashlib.sha256()
        for part in _content(graph):
            hashed.update(part)
        counts = {name: sheet.rows[name] for name in ("users", "items", "entities")}
        return DataFingerprint(
            **counts,
            interactions=len(graph.interactions),
            facts=sum(map(len, graph.facts)),
            first=sheet.first,
            last=sheet.last,
            digest=hashed.hexdigest(),
        )

    def to_dict(self) -> dict[str, Any]:
        """The fingerprint as plain values."""
        return asdict(self)


def _content(graph: GraphSnapshot) -> Iterator[bytes]:
    """All that models learn from but texts and attributes, in the snapshot's own order."""
    for table in (graph.users, graph.items, graph.entities):
        yield f"{table.label} {len(table.ids)}\n".encode()
        yield _hashes(table.ids)
    for name in _NUMBERS:
        values = np.asarray(getattr(graph.interactions, name))
        kind = np.float64 if name == "rating" else np.int64
        yield np.ascontiguousarray(values, dtype=kind).tobytes()
    for name in _WORDS:
        yield _hashes(getattr(graph.interactions, name))
    for fact in graph.facts:
        yield f"{fact.head_label} {fact.relation} {fact.tail_label} {len(fact)}\n".encode()
        yield np.ascontiguousarray(fact.head, dtype=np.int64).tobytes()
        yield np.ascontiguousarray(fact.tail, dtype=np.int64).tobytes()


def _hashes(texts: Any) -> bytes:
    """A hash of each text, of eight bytes."""
    values = np.asarray(texts, dtype=object).astype(str).astype(object)
    return pd.util.hash_array(values, categorize=True).tobytes()
