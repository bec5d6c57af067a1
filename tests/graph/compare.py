"""Equality of snapshots, array by array."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd

from kgrec.graph import GraphSnapshot
from kgrec.graph.columns import Column


def assert_same_snapshot(first: GraphSnapshot, second: GraphSnapshot) -> None:
    """Both snapshots hold the same values of the same types; their addresses may differ."""
    for name in ("users", "items", "entities", "scenarios"):
        one, other = getattr(first, name), getattr(second, name)
        _same_array(one.ids, other.ids, f"{name}.ids")
        pd.testing.assert_frame_equal(one.attributes, other.attributes, obj=name)
        assert one.vectors.keys() == other.vectors.keys(), name
        for kind, vectors in one.vectors.items():
            _same_array(vectors, other.vectors[kind], f"{name}.vectors {kind}")
    for name in ("interactions", "reviews", "queries"):
        _same_arrays(getattr(first, name), getattr(second, name), name)
    assert len(first.facts) == len(second.facts)
    for one, other in zip(first.facts, second.facts, strict=True):
        _same_arrays(one, other, f"facts {one.relation}")
    assert first.splits == second.splits


def _same_arrays(one: object, other: object, what: str) -> None:
    for part in fields(one):  # type: ignore[arg-type]
        left, right = getattr(one, part.name), getattr(other, part.name)
        if isinstance(left, np.ndarray | Column | pd.Categorical):
            _same_array(np.asarray(left), np.asarray(right), f"{what}.{part.name}")
        else:
            assert left == right, f"{what}.{part.name}"


def _same_array(left: np.ndarray, right: np.ndarray, what: str) -> None:
    assert left.dtype == right.dtype, what
    np.testing.assert_array_equal(left, right, err_msg=what)
