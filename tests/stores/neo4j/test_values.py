"""Property values as Arrow columns, without a server."""

from __future__ import annotations

from kgrec.stores.neo4j.values import time_column


def test_a_value_that_no_column_takes_is_no_time() -> None:
    whole, bad = time_column(["2020-01-01", b"2020", None, ["2020-01-01"], float("nan")], "s")
    assert bad.tolist() == [1, 3]
    assert whole.to_pylist() == [1_577_836_800, None, None, None, None]
