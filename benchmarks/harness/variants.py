"""kgrec with one part taken away at a time, by a setting or by leaving data out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

import numpy as np

from benchmarks.harness.beauty import BRAND_AND_CATEGORY
from benchmarks.harness.rows import Rows
from kgrec.features.texts import has_texts
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import NO_TIME, Facts
from kgrec.training import follows_in_time

Change = Callable[[GraphSnapshot], GraphSnapshot]


def unchanged(snapshot: GraphSnapshot) -> GraphSnapshot:
    return snapshot


@dataclass(frozen=True)
class Variant:
    """``settings`` are RecommenderConfig's, ``data`` changes what is fitted and asked; it says
    something only of data that it ``applies`` to."""

    name: str
    applies: Callable[[Rows], bool]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    data: Change = unchanged


def without_facts(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The data without its graph; entities stay, but nothing leads to them."""
    return replace(snapshot, facts=())


def only_relations(names: Sequence[str]) -> Change:
    """The data with the facts of these relations alone."""

    def keep(snapshot: GraphSnapshot) -> GraphSnapshot:
        return replace(snapshot, facts=tuple(f for f in snapshot.facts if f.relation in names))

    return keep


def one_relation(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The same edges, all called the same: nothing can be learned of a relation."""
    facts = sorted(snapshot.facts, key=_ends)
    merged = [_united(*ends, list(parts)) for ends, parts in groupby(facts, key=_ends)]
    return replace(snapshot, facts=tuple(merged))


def without_times(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The same events, none of which says when it was: no time cuts and no time scales."""
    events = snapshot.interactions
    times = np.full(len(events), NO_TIME, dtype=np.int64)
    order = np.lexsort((events.item, events.user))
    untimed = replace(events, timestamp=times)
    return replace(snapshot, interactions=untimed.select(order))


def _ends(facts: Facts) -> tuple[str, str]:
    return facts.head_label, facts.tail_label


def _united(head_label: str, tail_label: str, parts: Sequence[Facts]) -> Facts:
    pairs = np.stack([np.concatenate([getattr(p, end) for p in parts]) for end in ("head", "tail")])
    head, tail = np.unique(pairs, axis=1)
    return Facts(head_label, "RELATED", tail_label, head, tail)


def _relations(rows: Rows) -> set[str]:
    return {facts.relation for facts in rows.snapshot.facts}


def _has_attributes(rows: Rows) -> bool:
    tables = (rows.snapshot.users, rows.snapshot.items)
    return any(set(table.attributes.columns) - {"title"} for table in tables)


def _always(rows: Rows) -> bool:
    return True


def _is_timed(rows: Rows) -> bool:
    return follows_in_time(rows.fit, rows.valid)


VARIANTS: Final = (
    Variant("without graph", lambda rows: bool(_relations(rows)), data=without_facts),
    Variant(
        "brand and category alone",
        lambda rows: _relations(rows) > set(BRAND_AND_CATEGORY),
        data=only_relations(BRAND_AND_CATEGORY),
    ),
    Variant("one relation", lambda rows: len(_relations(rows)) > 1, data=one_relation),
    Variant("without text", lambda rows: has_texts(rows.snapshot), {"model": {"use_text": False}}),
    Variant("without attributes", _has_attributes, {"model": {"use_attributes": False}}),
    Variant("without item weights", _always, {"model": {"use_item_weights": False}}),
    Variant("without averaging", _always, {"training": {"averaging": 0}}),
    Variant("without time cuts", _is_timed, {"training": {"examples": "masks"}}),
    Variant(
        "without shrinkage and early cuts",
        _is_timed,
        {"model": {"shrinkage": 0}, "training": {"early_cuts": 0}},
    ),
    Variant("without visit scales", _is_timed, {"model": {"visit_scales": ()}}),
    Variant(
        "one time scale", _is_timed, {"model": {"time_scales": (math.inf,), "visit_scales": ()}}
    ),
    Variant("without times", _is_timed, data=without_times),
)
