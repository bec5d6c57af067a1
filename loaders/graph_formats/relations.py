"""Names of relations: those that are IRIs get their last part, where that distinguishes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from graph_schema.names import RESERVED_TYPES

_IRI: Final = re.compile(r"<?([A-Za-z][A-Za-z0-9+.-]*:(?://|[^\s/]).*?)>?")
IRI_COLUMN: Final = "relation_iri"


def is_iri(text: str) -> bool:
    """Whether a text is an IRI such as http://example.org/name or urn:name."""
    found = _IRI.fullmatch(text)
    return found is not None and ("://" in text or text.strip("<").startswith("urn:"))


def last_part(iri: str) -> str:
    """What follows the last sign that separates the parts of an IRI; "" where nothing does."""
    return re.split(r"[/#]", iri.strip("<>").rstrip("/#"))[-1].rpartition(":")[2]


def short_names(iris: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """The last part of each IRI; the whole of those whose last part is empty, another one's too,
    or among ``taken``. A text that is no IRI stays as it is."""
    names = {iri: last_part(iri) if is_iri(iri) else iri for iri in dict.fromkeys(iris)}
    counts = Counter(names.values())
    kept = {"", *taken}
    return {
        iri: iri.strip("<>") if is_iri(iri) and (counts[name] > 1 or name in kept) else name
        for iri, name in names.items()
    }


def relation_columns(relations: Any) -> dict[str, Any]:
    """The column relation, and relation_iri with the IRIs of those that were shortened."""
    coded = relations.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    texts = coded.dictionary.to_pylist()
    short = short_names(texts, RESERVED_TYPES)
    columns = {"relation": pa.array([short[t] for t in texts], pa.string()).take(coded.indices)}
    iris = pa.array([t.strip("<>") if is_iri(t) else None for t in texts], pa.string())
    if iris.null_count < len(iris):
        columns[IRI_COLUMN] = iris.take(coded.indices)
    return columns
