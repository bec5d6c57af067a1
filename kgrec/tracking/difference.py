"""What differs between two models: settings, data, figures, parameters, and their lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgrec.arguments import check_count, check_seed
from kgrec.metrics.agreement import overlap, rank_correlation
from kgrec.recommender import Recommender
from kgrec.tracking.run import TrainingRun

Pair = tuple[Any, Any]
_LEVELS = 2  # of the names of parameters that make a part


@dataclass(frozen=True)
class ListAgreement:
    """How alike the lists of two models are, for users whom both know.

    Attributes
    ----------
    users, k : int
        How many users were drawn, and the length of their lists.
    overlap : float
        Mean share of items that both lists have.
    equal : float
        Share of the users with the same items in the same order.
    rank_correlation : float or None
        Mean of Spearman's rho over the items that both lists have; None where no two lists have
        two items in common.
    """

    users: int
    k: int
    overlap: float
    equal: float
    rank_correlation: float | None


@dataclass(frozen=True)
class ModelDifference:
    """What differs between two models, each as a pair (first, second).

    Attributes
    ----------
    names : tuple of str
    settings : dict of str to (str or None, str or None)
        Settings that differ; None where a model has none of this name.
    data : dict of str to (value, value)
        Counts, days and digest of the data that differ; empty for equal data.
    figures : dict of str to (float or None, float or None)
        Validation metrics of both.
    parts : dict of str to (float or None, float or None)
        Root mean square of the weights of each part of the network, and of the item–item weights,
        that differ.
    notes : (list of str, list of str)
        Notes that the other has not.
    lists : ListAgreement or None
        None where no user is known to both.
    """

    names: tuple[str, str]
    settings: dict[str, Pair]
    data: dict[str, Pair]
    figures: dict[str, Pair]
    parts: dict[str, Pair]
    notes: tuple[list[str], list[str]]
    lists: ListAgreement | None

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.names[0]} -> {self.names[1]}"]
        for title, pairs in (
            ("data", self.data),
            ("settings", self.settings),
            ("validation", self.figures),
            ("weights (root mean square)", self.parts),
        ):
            rows = [f"  {name}: {_shown(a)} -> {_shown(b)}" for name, (a, b) in pairs.items()]
            lines += [f"{title}:", *(rows or ["  no difference"])]
        for name, notes in zip(self.names, self.notes, strict=True):
            lines += [f"only of {name}: {note}" for note in notes]
        if self.lists is None:
            return "\n".join([*lines, "lists: no user is known to both"])
        found = self.lists
        lines.append(
            f"lists of {found.users:,} users, {found.k} items each: {found.overlap:.1%} of the "
            f"items are in both, {found.equal:.1%} of the lists are equal, rank correlation "
            f"{_shown(found.rank_correlation)}"
        )
        return "\n".join(lines)


def compare_models(
    first: Recommender,
    second: Recommender,
    names: tuple[str, str] = ("first", "second"),
    *,
    users: int = 200,
    k: int = 10,
    seed: int = 0,
) -> ModelDifference:
    """What differs between two fitted models.

    Parameters
    ----------
    first, second : Recommender
    names : tuple of str
        How the report calls them.
    users : int
        How many users, of those whom both know, have their lists compared.
    k : int
        Length of these lists.
    seed : int
        Draws the users.

    Raises
    ------
    RequestError
        For a number out of range.
    NotFittedError
        Where a model is not fitted.
    """
    check_count(users, "users")
    check_count(k, "k")
    runs = TrainingRun.of(first, names[0]), TrainingRun.of(second, names[1])
    figures = runs[0].figures, runs[1].figures
    return ModelDifference(
        names=names,
        settings=_differing(runs[0].settings, runs[1].settings),
        data=_differing(runs[0].data.to_dict(), runs[1].data.to_dict()),
        figures={
            name: (figures[0].get(name), figures[1].get(name))
            for name in dict.fromkeys([*figures[0], *figures[1]])
        },
        parts=_differing(_parts(first), _parts(second)),
        notes=(
            [note for note in runs[0].notes if note not in runs[1].notes],
            [note for note in runs[1].notes if note not in runs[0].notes],
        ),
        lists=_lists(first, second, users, k, check_seed(seed)),
    )


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Pair]:
    return {
        name: (first.get(name), second.get(name))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    }


def _parts(model: Recommender) -> dict[str, float]:
    """The root mean square of the weights of each part."""
    squares: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    weights = model.state.engine.weights
    for name, value in model.state.engine.model.state_dict().items():
        values = value.detach().cpu().numpy()
        if not np.issubdtype(values.dtype, np.floating):
            continue
        part = ".".join(name.split(".")[:_LEVELS])
        squares[part] += float((values.astype(np.float64) ** 2).sum())
        counts[part] += values.size
    if weights is not None:
        values = weights.arrays()["values"].astype(np.float64)
        squares["item–item weights"] = float((values**2).sum())
        counts["item–item weights"] = values.size
    return {part: float(np.sqrt(total / max(counts[part], 1))) for part, total in squares.items()}


def _lists(
    first: Recommender, second: Recommender, users: int, k: int, seed: int
) -> ListAgreement | None:
    known = sorted({*map(str, first.snapshot.users.ids)} & {*map(str, second.snapshot.users.ids)})
    if not known:
        return None
    rng = np.random.default_rng(seed)
    drawn = sorted(rng.choice(np.array(known, dtype=object), min(users, len(known)), replace=False))
    pairs = list(zip(_of(first, drawn, k), _of(second, drawn, k), strict=True))
    found = [rank_correlation(a, b) for a, b in pairs]
    alike = [value for value in found if value is not None]
    return ListAgreement(
        users=len(drawn),
        k=k,
        overlap=float(np.mean([overlap(a, b) for a, b in pairs])),
        equal=float(np.mean([a == b for a, b in pairs])),
        rank_correlation=float(np.mean(alike)) if alike else None,
    )


def _of(model: Recommender, users: list[str], k: int) -> list[list[str]]:
    ids = model.rank(users, k=min(k, len(model.snapshot.items))).ids
    return [[str(item) for item in row if item is not None] for row in ids.tolist()]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
