"""Merging interactions, against a plain count of what must be there."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.stores.merge import merge_interactions

rows = st.lists(
    st.tuples(
        st.sampled_from(["u", "v"]),
        st.sampled_from(["a", "b"]),
        st.one_of(st.none(), st.integers(0, 2)),
        st.one_of(st.none(), st.sampled_from(["view", ""])),
    ),
    max_size=12,
)


def table(found: list[tuple], *, rated: float | None = None) -> pa.Table:
    columns = list(zip(*found, strict=True)) if found else [(), (), (), ()]
    kinds = (pa.string(), pa.string(), pa.int64(), pa.string())
    names = ("source", "target", "timestamp", "event")
    arrays = [pa.array(c, k) for c, k in zip(columns, kinds, strict=True)]
    made = pa.table(dict(zip(names, arrays, strict=True)))
    if rated is None:
        return made
    return made.append_column("rating", pa.array([rated] * made.num_rows, pa.float64()))


def identities(merged: pa.Table) -> Counter:
    names = ["source", "target", "timestamp", "event"]
    return Counter(tuple(row[name] for name in names) for row in merged.to_pylist())


@settings(max_examples=50)
@given(rows, rows)
def test_as_many_of_each_as_the_fuller_side_has(stored: list, incoming: list) -> None:
    merged = merge_interactions(table(stored), table(incoming))
    assert identities(merged.rows) == Counter(stored) | Counter(incoming)
    assert merged.stored == len(stored)
    assert not merged.changed.any()
    assert merged.work == merged.added.num_rows


@settings(max_examples=50)
@given(rows, rows)
def test_values_that_are_given_replace_and_others_stay(stored: list, incoming: list) -> None:
    merged = merge_interactions(table(stored, rated=1.0), table(incoming, rated=2.0))
    rated = Counter(row["rating"] for row in merged.rows.to_pylist())
    both = sum((Counter(stored) & Counter(incoming)).values())
    assert int(merged.changed.sum()) == both
    assert rated[2.0] == len(incoming)
    assert rated[1.0] == len(stored) - both
    unrated = merge_interactions(merged.rows, table(incoming))
    assert unrated.work == 0


@settings(max_examples=50)
@given(rows, st.randoms())
def test_merging_the_same_rows_is_no_work(stored: list, random) -> None:
    shuffled = list(stored)
    random.shuffle(shuffled)
    assert merge_interactions(table(stored, rated=3.0), table(shuffled, rated=3.0)).work == 0
