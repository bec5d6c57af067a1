"""Search for the smallest change of a history that moves an item out of the k best, or into them.

Every change is scored by a whole forward pass over the changed history, many in a batch, so results
are measured, not estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kgrec.explain.counterfactuals.counterfactual import Change, Counterfactual
from kgrec.explain.counterfactuals.rank_position import RankPosition
from kgrec.explain.counterfactuals.removals import RemovalSearch
from kgrec.graph.snapshot import Ints
from kgrec.scoring.ranked_lists import similar_items

_SIMILAR, _EXACT, _SHOWN = 512, 64, 5  # similar items: tried alone, tried, shown


def find_removals(position: RankPosition, user_id: str | None, max_events: int) -> Counterfactual:
    """The smallest set found, of at most ``max_events``, without which the item is out."""
    if position.never:
        return _nothing(position, user_id, False, position.never)
    if position.rank > position.k:
        reason = f"It is not among the best {position.k}, so there is nothing to remove."
        return _nothing(position, user_id, False, reason)
    if position.fixed:
        return _nothing(position, user_id, False, position.fixed)
    if not len(position.history):
        reason = "There is no history, so no event can be removed."
        return _nothing(position, user_id, False, reason)
    search = RemovalSearch(position)
    found = search.run(max_events)
    if found is None:
        reason = (
            f"No set of at most {max_events} events was found without which it leaves the list."
        )
        return _nothing(position, user_id, False, reason, search.tried)
    scores = position.after(position.history.without([np.array(found)]))
    before, after = position.best(position.scores), position.best(scores)
    new = [row for row in after.tolist() if row not in set(before.tolist())]
    return replace(
        _now(position, user_id, added=False),
        events=tuple(_change(position, int(position.history.items[e])) for e in found),
        rank_then=position.rank_in(scores),
        score_then=float(scores[position.item]),
        entered=_change(position, new[0]) if new else None,
        tried=search.tried + 1,
    )


@dataclass(frozen=True, eq=False)
class _Option:
    item: int
    margin: float


def find_additions(position: RankPosition, user_id: str | None) -> Counterfactual:
    """Single items that bring the item among the k best when chosen now.

    The items most similar to it are tried; the one that ranks highest in the user's own list is
    first.
    """
    if position.never:
        return _nothing(position, user_id, True, position.never)
    if position.rank <= position.k:
        reason = f"It is among the best {position.k} already."
        return _nothing(position, user_id, True, reason)
    items = _promising(position)
    margins = position.margins(
        position.history.followed_by(items), _rivals_without(position, items)
    )
    options = [_Option(row, margin) for row, margin in zip(items.tolist(), margins, strict=True)]
    changes = [_with(position, option) for option in options if option.margin > 0]
    good = sorted((c for c in changes if c.rank <= position.k), key=lambda c: c.own_rank)
    if not good:
        reason = f"None of the {len(items)} items most similar to it would bring it in alone."
        return _nothing(position, user_id, True, reason, len(items))
    row = position.engine.item_row[good[0].item_id]
    scores = position.after(position.history.followed_by(np.array([row])))
    return replace(
        _now(position, user_id, added=True),
        events=tuple(good[:_SHOWN]),
        rank_then=good[0].rank,
        score_then=float(scores[position.item]),
        tried=len(items) + len(changes),
    )


def _promising(position: RankPosition) -> Ints:
    """Similar items that raise the item most above its rivals as the whole history, int64.

    At most _EXACT.
    """
    engine, item = position.engine, position.item
    rows = similar_items(engine, np.array([item]), _SIMILAR).rows[0]
    rows = np.asarray(rows[(rows >= 0) & (rows != item)], dtype=np.int64)
    rows = np.asarray(rows[position.allowed[rows]])
    if len(rows) <= _EXACT:
        return rows
    alone = position.margins(position.history.empty().followed_by(rows), position.rivals())
    return np.asarray(rows[np.argsort(-alone, kind="stable")[:_EXACT]])


def _rivals_without(position: RankPosition, items: Ints) -> Ints:
    """The rivals without ``items``, which are no candidates once they are chosen."""
    rivals = position.rivals()
    return np.asarray(rivals[~np.isin(rivals, items)])


def _with(position: RankPosition, option: _Option) -> Change:
    scores = position.after(position.history.followed_by(np.array([option.item])))
    own = replace(position, item=option.item)
    change = _change(position, option.item)
    rank = position.rank_in(scores, besides=option.item)
    return Change(change.item_id, change.name, own_rank=own.rank, rank=rank)


def _change(position: RankPosition, row: int) -> Change:
    return Change(str(position.engine.snapshot.items.ids[row]), position.name(row))


def _now(position: RankPosition, user_id: str | None, *, added: bool) -> Counterfactual:
    """The result without a change."""
    item = _change(position, position.item)
    return Counterfactual(
        user_id=user_id,
        item_id=item.item_id,
        item_name=item.name,
        k=position.k,
        added=added,
        rank=position.rank,
        score=position.score,
    )


def _nothing(
    position: RankPosition, user_id: str | None, added: bool, reason: str, tried: int = 0
) -> Counterfactual:
    return replace(_now(position, user_id, added=added), reason=reason, tried=tried)
