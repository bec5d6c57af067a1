"""The smallest change of a history that moves an item out of the k best, or into them.

Every change is scored by a whole forward pass over the changed history, many in a batch, so that
what is reported has happened, not been estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kgrec.explain.counterfactuals.counterfactual import Change, Counterfactual
from kgrec.explain.counterfactuals.rank_position import Standing
from kgrec.explain.counterfactuals.removals import RemovalSearch
from kgrec.graph.snapshot import Ints
from kgrec.scoring.ranked_lists import similar_items

_LIKE, _EXACT, _SHOWN = 512, 64, 5  # items like the one asked about: tried alone, tried, shown


def find_without(standing: Standing, user_id: str | None, max_events: int) -> Counterfactual:
    """The smallest set found of at most ``max_events`` events without which the item leaves."""
    if standing.seen:
        return _nothing(standing, user_id, False, "It is in the history, so it is in no list.")
    if standing.rank > standing.k:
        reason = f"It is not among the best {standing.k}, so there is nothing to take away."
        return _nothing(standing, user_id, False, reason)
    if not len(standing.history):
        reason = "There is no history, so the item would be there for anybody."
        return _nothing(standing, user_id, False, reason)
    search = RemovalSearch(standing)
    found = search.run(max_events)
    if found is None:
        reason = f"No set of at most {max_events} events was found without which it leaves."
        return _nothing(standing, user_id, False, reason, search.tried)
    scores = standing.after(standing.history.without([np.array(found)]))
    before, after = standing.best(standing.scores), standing.best(scores)
    new = [row for row in after.tolist() if row not in set(before.tolist())]
    return replace(
        _now(standing, user_id, added=False),
        events=tuple(_change(standing, int(standing.history.items[e])) for e in found),
        rank_then=standing.rank_in(scores),
        score_then=float(scores[standing.item]),
        entered=_change(standing, new[0]) if new else None,
        tried=search.tried + 1,
    )


@dataclass(frozen=True, eq=False)
class _Option:
    item: int
    margin: float


def find_with(standing: Standing, user_id: str | None) -> Counterfactual:
    """Single items that bring the item among the k best when chosen now.

    Tried are the items most like it; the one that is highest in the user's own list comes first.
    """
    if standing.seen:
        return _nothing(standing, user_id, True, "It is in the history, so it is in no list.")
    if standing.rank <= standing.k:
        reason = f"It is among the best {standing.k} as it is."
        return _nothing(standing, user_id, True, reason)
    items = _tried_alone(standing)
    margins = standing.margins(standing.history.followed_by(items), _besides(standing, items))
    options = [_Option(row, margin) for row, margin in zip(items.tolist(), margins, strict=True)]
    changes = [_with(standing, option) for option in options if option.margin > 0]
    good = sorted((c for c in changes if c.rank <= standing.k), key=lambda c: c.own_rank)
    if not good:
        reason = f"None of the {len(items)} items most like it would bring it in on its own."
        return _nothing(standing, user_id, True, reason, len(items))
    row = standing.engine.item_row[good[0].item_id]
    scores = standing.after(standing.history.followed_by(np.array([row])))
    return replace(
        _now(standing, user_id, added=True),
        events=tuple(good[:_SHOWN]),
        rank_then=good[0].rank,
        score_then=float(scores[standing.item]),
        tried=len(items) + len(changes),
    )


def _tried_alone(standing: Standing) -> Ints:
    """int64 ``[<= _EXACT]``: of the items like it, those that raise it most above its rivals when
    they are the whole history."""
    engine, item = standing.engine, standing.item
    like = similar_items(engine, np.array([item]), _LIKE).ids[0]
    rows = np.array([engine.item_row[name] for name in like if name is not None], dtype=np.int64)
    rows = np.asarray(rows[standing.allowed[rows] & (rows != item)])
    if len(rows) <= _EXACT:
        return rows
    alone = standing.margins(standing.history.empty().followed_by(rows), standing.rivals())
    return np.asarray(rows[np.argsort(-alone, kind="stable")[:_EXACT]])


def _besides(standing: Standing, items: Ints) -> Ints:
    """The rivals without the items that are chosen, as these are no candidates then."""
    rivals = standing.rivals()
    return np.asarray(rivals[~np.isin(rivals, items)])


def _with(standing: Standing, option: _Option) -> Change:
    scores = standing.after(standing.history.followed_by(np.array([option.item])))
    own = replace(standing, item=option.item)
    change = _change(standing, option.item)
    rank = standing.rank_in(scores, besides=option.item)
    return Change(change.item_id, change.name, own_rank=own.rank, rank=rank)


def _change(standing: Standing, row: int) -> Change:
    return Change(str(standing.engine.snapshot.items.ids[row]), standing.name(row))


def _now(standing: Standing, user_id: str | None, *, added: bool) -> Counterfactual:
    """How things are."""
    item = _change(standing, standing.item)
    return Counterfactual(
        user_id=user_id,
        item_id=item.item_id,
        item_name=item.name,
        k=standing.k,
        added=added,
        rank=standing.rank,
        score=standing.score,
    )


def _nothing(
    standing: Standing, user_id: str | None, added: bool, reason: str, tried: int = 0
) -> Counterfactual:
    return replace(_now(standing, user_id, added=added), reason=reason, tried=tried)
