"""Answers: what a new user said about items and entities, read from a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM
from kgrec.arguments import as_id
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.stores.base import NodeRef

GivenAnswers: TypeAlias = "Mapping[Any, Any] | pd.Series[Any] | Iterable[tuple[Any, Any]]"
LABELS: Final = (ITEM, ENTITY)
_WORDS: Final = {"yes": True, "no": False, "unknown": None}
_EXAMPLE: Final = "{'588': 'yes', 'Entity:e12': 'no', '50': 'unknown'}"


class Answers(NamedTuple):
    """Answers about rows of a snapshot, each in ascending order: int64 ``items`` and ``entities``
    with float64 ``item_yes`` and ``entity_yes`` (1 for yes, 0 for no), and the rows of those that
    the new user does not know, which need not be asked again."""

    items: Ints
    item_yes: Floats
    entities: Ints
    entity_yes: Floats
    unknown_items: Ints
    unknown_entities: Ints

    @staticmethod
    def read(given: GivenAnswers | None, snapshot: GraphSnapshot) -> Answers:
        """The answers of a request; None is none.

        Raises RequestError for what is no answer, an unknown id, an id of both an item and an
        entity, and for two answers about one thing that contradict each other.
        """
        said: dict[tuple[str, int], bool | None] = {}
        for name, answer in _pairs(given):
            node, value = _node(snapshot, name), _value(name, answer)
            before = said.get(node)
            if before is not None and value is not None and before != value:
                raise RequestError(
                    f"the answers say both yes and no of {_shown(name)}; leave one out, or say "
                    "'unknown'."
                )
            said[node] = value if before is None else before
        parts = []
        for label in LABELS:
            known = sorted((r, v) for (of, r), v in said.items() if of == label and v is not None)
            parts.append(np.array([row for row, _ in known], dtype=np.int64))
            parts.append(np.array([value for _, value in known], dtype=np.float64))
        unknown = [
            np.array(
                sorted(r for (of, r), v in said.items() if of == label and v is None), np.int64
            )
            for label in LABELS
        ]
        return Answers(*parts, *unknown)

    @property
    def answered_items(self) -> Ints:
        """int64: rows of the items that were asked about, in ascending order."""
        return np.union1d(self.items, self.unknown_items)

    @property
    def answered_entities(self) -> Ints:
        """int64: rows of the entities that were asked about, in ascending order."""
        return np.union1d(self.entities, self.unknown_entities)


def _pairs(given: GivenAnswers | None) -> Iterator[tuple[Any, Any]]:
    if given is None:
        return
    whole = given.items() if isinstance(given, Mapping | pd.Series) else given
    listed = isinstance(whole, Iterable) and getattr(whole, "ndim", 1) > 0
    if isinstance(given, str | bytes) or not listed:
        raise RequestError(f"answers is a {type(given).__name__}; pass a mapping: {_EXAMPLE}.")
    for pair in whole:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise RequestError(
                f"answers holds {_shown(pair)}; pass a mapping such as {_EXAMPLE}, or (id, answer) "
                "pairs."
            )
        yield pair[0], pair[1]


def _value(name: Any, answer: Any) -> bool | None:
    if answer is None or isinstance(answer, bool | np.bool_):
        return None if answer is None else bool(answer)
    if isinstance(answer, str) and answer.strip().lower() in _WORDS:
        return _WORDS[answer.strip().lower()]
    raise RequestError(
        f"the answer about {_shown(name)} is {_shown(answer)}; give 'yes' (True), 'no' (False) or "
        "'unknown' (None)."
    )


def _node(snapshot: GraphSnapshot, name: Any) -> tuple[str, int]:
    """The label and row of an item or entity: by a NodeRef, a (label, id) pair, "Label:id" or an
    id. Raises RequestError."""
    if isinstance(name, NodeRef):
        return _labelled(snapshot, name.label, name.id)
    if isinstance(name, tuple) and len(name) == 2:
        return _labelled(snapshot, *name)
    node_id = as_id(name, "answers")
    found = [
        (label, int(row))
        for label in LABELS
        for row in snapshot.table(label).rows([node_id])
        if row >= 0
    ]
    if len(found) > 1:
        raise RequestError(
            f"{_shown(name)} is the id of an item and of an entity; write 'Item:{node_id}' or "
            f"'Entity:{node_id}'."
        )
    label, colon, rest = node_id.partition(":")
    if not found and colon and label in LABELS:
        return _labelled(snapshot, label, rest)
    if not found:
        raise RequestError(
            f"answers: {_shown(name)} is no item and no entity of the graph; add it with update(), "
            "or leave it out."
        )
    return found[0]


def _labelled(snapshot: GraphSnapshot, label: Any, node_id: Any) -> tuple[str, int]:
    if not isinstance(label, str) or label not in LABELS:
        raise RequestError(f"answers: {_shown(label)} is no label; choose one of Item, Entity.")
    row = int(snapshot.table(label).rows([as_id(node_id, f"{label} id")])[0])
    if row < 0:
        raise RequestError(f"answers: the graph has no {label} {_shown(node_id)}.")
    return label, row


def _shown(value: Any) -> str:
    """A value for an error message, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}…"
