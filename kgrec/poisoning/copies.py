"""Copies: users who share nearly their whole history with somebody else count as one user.

Fakes that copy real users are as usual as these, so that only the copying itself gives them away.
A group of near-identical histories counts once, with what all of it have in common: the item to
push is in the copy alone. Found as near-duplicate documents are (Broder, On the resemblance and
containment of documents, 1997), here exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from kgrec.arguments import check_number
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Floats, GraphSnapshot, Ints
from kgrec.poisoning.pairs import Pairs

if TYPE_CHECKING:
    import pandas as pd

SHARE: Final = 0.8  # of the longer history, that two users have in common
_FEWEST: Final = 5  # items of a user: shorter histories are alike by chance
_CELLS: Final = 2**22  # numbers in memory at once


def without_copies(
    snapshot: GraphSnapshot, *, share: float = SHARE
) -> tuple[GraphSnapshot, pd.DataFrame]:
    """The snapshot to fit on, in which near-identical histories count as one user, and the copies.

    Of two users who have ``share`` of the longer history in common, the one who joined later loses
    all events, and the other those that the later one has not. Test rows are neither read nor
    changed. Bind the model to all events afterwards, so that everybody has a history:
    ``Recommender.of(model.state.over(snapshot))``. Takes time in the sum, over the items, of the
    square of the users who chose each.

    Parameters
    ----------
    snapshot : GraphSnapshot
        All events, such as ``kgrec.graph.read_snapshot(store)``.
    share : float
        Above 0.5, up to 1.

    Returns
    -------
    tuple of GraphSnapshot and pandas.DataFrame
        The snapshot, and a row for each copy: user_id, of (str, whom it repeats), items, shared
        (int64) and joined (str, UTC day, "" without times).

    Raises
    ------
    RequestError
        For a share outside (0.5, 1].
    """
    if not 0.5 < check_number(share, "share") <= 1:
        raise RequestError(f"share is {share!r}; give one above 0.5, up to 1.")
    events = snapshot.interactions
    held = np.asarray(events.split == "test")
    pairs = Pairs.of(replace(snapshot, interactions=events.select(~held)))
    joined = pairs.first(pairs.user, pairs.n_users)
    later, earlier, shared = _copies(pairs, joined, share)
    gone = np.zeros(pairs.n_users, dtype=bool)
    gone[later] = True
    kept = ~gone[pairs.user]
    for one, other in zip(later.tolist(), earlier.tolist(), strict=True):
        first, last = np.searchsorted(pairs.user, [other, other + 1])
        kept[first:last] &= np.isin(pairs.item[first:last], _items(pairs, one))
    width = max(pairs.n_items, 1)
    known = (pairs.user * width + pairs.item)[kept]
    stays = held | np.isin(np.asarray(events.user) * width + np.asarray(events.item), known)
    left = replace(snapshot, interactions=events.select(stays))
    return left, _frame(snapshot, pairs, later, earlier, shared, joined)


def _items(pairs: Pairs, user: int) -> Ints:
    first, last = np.searchsorted(pairs.user, [user, user + 1])
    return pairs.item[first:last]


def _copies(pairs: Pairs, joined: Ints, share: float) -> tuple[Ints, Ints, Ints]:
    """Pairs of users, int64 ``[c]`` each: the later and the earlier one, and how many items they
    share; all in the order of rows."""
    matrix, lengths = pairs.matrix, pairs.lengths
    across = matrix.T.tocsr()
    users = np.flatnonzero(lengths >= _FEWEST)
    size = max(1, _CELLS // max(pairs.n_users, 1))
    found: list[tuple[Ints, Ints, Floats]] = []
    for start in range(0, len(users), size):
        block = users[start : start + size]
        common = (matrix[block] @ across).tocoo()
        one, other = block[common.row], common.col.astype(np.int64)
        enough = common.data >= share * np.maximum(lengths[one], lengths[other]) - 1e-6
        kept = enough & _after(joined, one, other)
        found.append((one[kept], other[kept], common.data[kept]))
    if not found:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    later, earlier, shared = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((earlier, later))
    return later[order], earlier[order], shared[order].astype(np.int64)


def _after(joined: Ints, one: Ints, other: Ints) -> np.ndarray:
    """Whether each of ``one`` joined after ``other``; of two at one time, the later row."""
    same = joined[one] == joined[other]
    return np.asarray((joined[one] > joined[other]) | (same & (one > other)))


def _frame(
    snapshot: GraphSnapshot, pairs: Pairs, later: Ints, earlier: Ints, shared: Ints, joined: Ints
) -> pd.DataFrame:
    """A row for each copy, with the user whom it shares most with."""
    import pandas as pd

    order = np.lexsort((earlier, -shared, later))
    _, first = np.unique(later[order], return_index=True)
    chosen = order[first]
    ids, when = snapshot.users.ids, joined[later[chosen]]
    return pd.DataFrame(
        {
            "user_id": ids[later[chosen]].astype(object),
            "of": ids[earlier[chosen]].astype(object),
            "items": pairs.lengths[later[chosen]].astype(np.int64),
            "shared": shared[chosen],
            "joined": [
                "" if one == NO_TIME else str(np.datetime64(int(one), "s").astype("datetime64[D]"))
                for one in when.tolist()
            ],
        }
    )
