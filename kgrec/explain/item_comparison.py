"""Two items side by side, and why one item is not in a list."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from kgrec.explain.attribution.score_breakdown import MATCH, ScoreBreakdown
from kgrec.explain.comparison import Comparison, Difference, WhyNot
from kgrec.explain.counterfactuals.rank_position import RankPosition
from kgrec.explain.counterfactuals.search import find_additions
from kgrec.explain.explanation import Explanation
from kgrec.features.blocks import name_in
from kgrec.features.names import IDS
from kgrec.paths.index import PathIndex
from kgrec.scoring.engine import Engine

BASELINE = "no history"
Told = tuple[ScoreBreakdown, Explanation]  # of one item
Tell = Callable[[int], Told]  # by the item's row


def compare_items(engine: Engine, index: PathIndex, a: Told, b: Told) -> Comparison:
    """Where the scores of two items, for the same history, part ways."""
    (left, left_told), (right, right_told) = a, b
    names = [*dict.fromkeys((*left.parts, *right.parts))]
    parts = [Difference(BASELINE, left.baseline, right.baseline)]
    parts += [
        Difference(name, left_told.parts.get(name, 0.0), right_told.parts.get(name, 0.0))
        for name in names
    ]
    first, *others = parts
    ordered = [first, *sorted(others, key=lambda d: -abs(d.difference))]
    return Comparison(left_told, right_told, tuple(ordered), _by_event(engine, index, left, right))


def _by_event(
    engine: Engine, index: PathIndex, a: ScoreBreakdown, b: ScoreBreakdown
) -> tuple[Difference, ...]:
    rows, place = np.unique(a.history, return_inverse=True)
    gave = [
        np.bincount(place, weights=one.per_event(), minlength=len(rows)).tolist() for one in (a, b)
    ]
    nodes = engine.messages.item_nodes(rows).tolist()
    found = [
        Difference(index.space.display_name(node), left, right, str(item))
        for node, item, left, right in zip(nodes, engine.item_ids[rows], *gave, strict=True)
    ]
    return tuple(sorted(found, key=lambda d: -abs(d.difference)))


def find_why_not(position: RankPosition, user_id: str | None, tell: Tell) -> WhyNot:
    """Why the item is not among the k best: what lies between it and the last of them."""
    engine, item = position.engine, position.item
    breakdown, told = tell(item)
    rank, last = position.rank, _last(position)
    out = last is not None and rank > position.k and not position.seen
    comparison = None
    if out and last is not None:
        comparison = compare_items(engine, position.index, tell(last), (breakdown, told))
    return WhyNot(
        user_id=user_id,
        item_id=told.item_id,
        item_name=told.item_name,
        k=position.k,
        rank=rank,
        candidates=int(position.allowed.sum()),
        score=position.score,
        gap=0.0 if comparison is None else comparison.difference,
        comparison=comparison,
        against=tuple(path for path in told.paths if path.contribution < 0),
        missing=tuple(_missing(engine, position, breakdown)),
        entry=find_additions(position, user_id),
    )


def _last(position: RankPosition) -> int | None:
    """The row of the k-th best item, None where there are fewer."""
    best = position.best(position.scores)
    return int(best[-1]) if len(best) == position.k else None


def _missing(engine: Engine, position: RankPosition, breakdown: ScoreBreakdown) -> list[str]:
    """What the model does not have to go by."""
    item, found = position.item, []
    if not len(position.history):
        found.append("There is no history, so the score is the item's own for anybody.")
    if not (engine.snapshot.interactions.item == item).any():
        found.append("Nobody has chosen it yet.")
    for part, present in engine.inputs.items.present.items():
        if part != IDS and part in engine.model.shape.parts and _absent(present, item):
            found.append(f"The model has nothing of it for “{name_in(part)}”.")
    if len(position.history) and MATCH in breakdown.parts and not len(breakdown.matches):
        found.append("No node of the graph lies between it and what was chosen.")
    return found


def _absent(present: Tensor | None, item: int) -> bool:
    return present is not None and not bool(present[item].any())
