"""Groups of items and of users: by popularity, history, taste, or any attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError

Groups: TypeAlias = Mapping[str, np.ndarray]  # a bool mask per label; masks may overlap

POPULARITY = ("head", "middle", "tail", "cold")
_HEAD_SHARE, _TAIL_SHARE = 0.2, 0.5  # of the trained items: the most popular, the least
_MOST_VALUES = 12  # a number with more different values is cut into quartiles
_MOST_GROUPS = 24
UNKNOWN = "unknown"


def popularity_groups(trained: np.ndarray) -> np.ndarray:
    """object ``[n]``: "head" for the most popular fifth of the items trained on, "tail" for the
    less popular half of them, "middle" between, "cold" for those never trained on.

    ``trained`` int ``[n]`` counts each item's training interactions; equal ones go by item row.
    """
    groups = np.full(len(trained), "middle", dtype=object)
    warm = np.flatnonzero(trained > 0)
    order = warm[np.argsort(-trained[warm], kind="stable")]
    groups[order[len(order) - int(_TAIL_SHARE * len(order)) :]] = "tail"
    groups[order[: max(1, int(_HEAD_SHARE * len(order)))]] = "head"
    groups[trained == 0] = "cold"
    return groups


def masks(labels: np.ndarray, order: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """A mask for each label that occurs, in ``order`` (alphabetically without)."""
    found = order or tuple(sorted(set(labels)))
    return {name: labels == name for name in found if (labels == name).any()}


def history_groups(lengths: np.ndarray) -> dict[str, np.ndarray]:
    """Users by how many events they have, in thirds; ``lengths`` int ``[m]``."""
    cuts = np.quantile(lengths, [1 / 3, 2 / 3]) if len(lengths) else np.zeros(2)
    part = np.searchsorted(cuts, lengths, side="left")
    return {
        f"{name} {_range(lengths[part == i])}": part == i
        for i, name in enumerate(("short", "medium", "long"))
        if (part == i).any()
    }


def taste_groups(popular: np.ndarray) -> dict[str, np.ndarray]:
    """Users by how much of their history is head items, float ``[m]``: the lowest fifth is "niche",
    the highest "blockbuster", the rest "diverse" (Abdollahpouri et al. 2019, "The Unfairness of
    Popularity Bias in Recommendation")."""
    low, high = np.quantile(popular, [0.2, 0.8]) if len(popular) else (0.0, 0.0)
    labels = np.full(len(popular), "diverse", dtype=object)
    labels[(popular <= low) & (popular < high)] = "niche"
    labels[(popular >= high) & (popular > low)] = "blockbuster"
    return masks(labels, ("niche", "diverse", "blockbuster"))


def attribute_groups(attributes: pd.DataFrame, by: str, what: str) -> dict[str, np.ndarray]:
    """One group for each value of an attribute.

    Parameters
    ----------
    attributes
        One row per user or item.
    by
        Name of the column.
    what
        Name of the rows in error messages: "users" or "items".

    Returns
    -------
    dict[str, numpy.ndarray]
        A bool mask by label. Numbers with many values are cut into quartiles; each ``|`` part of a
        text counts; beyond the largest groups the others form one.

    Raises
    ------
    RequestError
        The column does not exist.
    """
    if by not in attributes.columns:
        known = ", ".join(map(str, attributes.columns)) or "none"
        raise RequestError(f"{what} have no attribute {by!r}; they have: {known}.")
    values = attributes[by]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _number_groups(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return _text_groups(values)


def _number_groups(numbers: np.ndarray) -> dict[str, np.ndarray]:
    missing = np.isnan(numbers)
    distinct = np.unique(numbers[~missing])
    found: dict[str, np.ndarray]
    if len(distinct) <= _MOST_VALUES:
        found = {f"{value:g}": numbers == value for value in distinct}
    else:
        cuts = np.quantile(numbers[~missing], [0.25, 0.5, 0.75])
        part = np.where(missing, -1, np.searchsorted(cuts, numbers, side="left"))
        found = {_range(numbers[part == i]): part == i for i in range(4) if (part == i).any()}
    return {**found, UNKNOWN: missing} if missing.any() else found


def _text_groups(values: pd.Series[Any]) -> dict[str, np.ndarray]:
    texts = values.astype(object).where(values.notna(), "").astype(str)
    parts = texts.str.split("|").explode().str.strip().replace("", UNKNOWN)
    place, names = pd.factorize(parts, sort=True)
    counts = np.bincount(place, minlength=len(names))
    largest = np.sort(np.argsort(-counts, kind="stable")[:_MOST_GROUPS])
    rows = np.repeat(np.arange(len(texts)), texts.str.count(r"\|").to_numpy() + 1)
    found = {str(names[i]): _mask(rows[place == i], len(values)) for i in largest}
    rest = ~np.isin(place, largest)
    if not rest.any():
        return found
    others = f"{len(names) - len(largest):,} other values"
    return {**found, others: _mask(rows[rest], len(values))}


def _mask(rows: np.ndarray, size: int) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[rows] = True
    return mask


def _range(numbers: np.ndarray) -> str:
    low, high = f"{numbers.min():g}", f"{numbers.max():g}"
    return low if low == high else f"{low}–{high}"
