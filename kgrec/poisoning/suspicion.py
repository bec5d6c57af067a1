"""Items that fake users may have pushed: their newest users are odd, and more than expected.

The statistic adds three deviations of an item, each in standard deviations that include how much
items differ anyway (as in a random-effects model; DerSimonian & Laird, 1986):

- burst: of the users who chose it, more joined lately than of all events since its first one. An
  item that is new itself has new users by this count, too, and no burst.
- oddness: those of its users who joined lately are odd under the model; see ``oddness``.
- oddness of all its users, which the fakes raise most where an item has few others.

Burst detection of shilling by single items goes back to Zhang, Chakrabarti, Ford & Makedon (KDD
2006), attributes of fake profiles to Burke, Mobasher, Williams & Bhaumik (KDD 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.arguments import check_number
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Floats, Ints
from kgrec.poisoning.oddness import oddness
from kgrec.poisoning.pairs import Pairs
from kgrec.training import fit_item_weights

if TYPE_CHECKING:
    import pandas as pd

    from kgrec.scoring.engine import Engine
    from kgrec.state import FittedState

NEWEST: Final = 0.1  # of the users: who joined lately
THRESHOLD: Final = 5.0  # statistic of an item to look at
COLUMNS: Final = (
    "item_id",
    "statistic",
    "suspicious",
    "users",
    "newest_users",
    "odd_users",
    "share",
    "expected_share",
    "first",
    "last",
)
_LEAST: Final = 3  # users who joined lately, of an item that is suspicious
_ODD: Final = 1.2816  # normal score of the oddest tenth
_OTHERS: Final = 2_000  # users who did not join lately, to compare with
_MEDIAN: Final = 0.4549  # of a squared normal number
_MANY: Final = (5, 10)  # newest users, and users, of items that show how much items differ


def suspicious_items(
    state: FittedState, *, newest: float = NEWEST, threshold: float = THRESHOLD
) -> pd.DataFrame:
    """Items whose users joined lately and are odd under the model, the most suspicious first.

    Parameters
    ----------
    state : FittedState
        ``Recommender.state``. Test rows are not read.
    newest : float
        Share of the users, above 0 to 1, who joined lately. With 1, and where events have no
        times, all users count, and the oddness alone makes the statistic.
    threshold : float
        Statistic, in standard deviations, from which an item is suspicious; it needs three users
        who joined lately, too.

    Returns
    -------
    pandas.DataFrame
        A row for each item that a user who joined lately chose: item_id (str), statistic
        (float64), suspicious (bool), users (int64, all who chose it), newest_users (int64, of them
        who joined lately), odd_users (int64, of these the ones among the oddest tenth of users),
        share (float64, newest_users / users), expected_share (float64, the share of events by users
        who joined lately since the item's first event), first and last (str, UTC days of the events
        of newest_users, "" without times).

    Raises
    ------
    RequestError
        For a share outside (0, 1], a threshold that is no number, and a differentially private
        model: what is held after the report would tell of single users.
    """
    check_not_private(state.engine.private, "a report of suspicious items")
    if not 0 < check_number(newest, "newest") <= 1:
        raise RequestError(f"newest is {newest!r}; give a share above 0, up to 1.")
    bound = check_number(threshold, "threshold")
    pairs = Pairs.of(state.snapshot, state.engine.model.shape.feedback)
    late = pairs.newest(newest)
    items = _Items.of(pairs, late, _odd(pairs, late, state.engine))
    return _frame(state, items, bound)


def _odd(pairs: Pairs, late: np.ndarray, engine: Engine) -> Floats:
    """float64 ``[users]``: oddness among those who joined lately and up to 2,000 others, evenly
    spaced; NaN for all others."""
    others = np.flatnonzero(~late & (pairs.lengths > 0))
    step = max(1, -(-len(others) // _OTHERS))
    users = np.union1d(np.flatnonzero(late), others[::step])
    found = np.full(pairs.n_users, np.nan)
    found[users] = oddness(pairs, _weights(engine), users)
    return found


def _weights(engine: Engine) -> sp.csr_matrix:
    """The item–item weights of the model, or some that are fitted now where it has none."""
    own = engine.item_weights
    if own is not None:
        return own.matrix[: own.size]
    snapshot = engine.snapshot
    found = fit_item_weights(
        snapshot,
        graph=0.0,
        decay=np.inf,
        device=torch.device("cpu"),
        feedback=engine.model.shape.feedback,
    )[0]
    row = np.full(len(snapshot.items), -1)
    chosen = np.unique(snapshot.interactions.item)
    row[chosen] = np.arange(len(chosen))
    return found.placed(row).matrix[: len(snapshot.items)]


@dataclass(frozen=True, eq=False)
class _Items:
    """What is known of each item, arrays ``[n]``; see ``suspicious_items``. Days are unix seconds
    of the first and last event of the newest users."""

    statistic: Floats
    users: Ints
    newest: Ints
    odd: Ints
    expected: Floats
    first: Ints
    last: Ints

    @staticmethod
    def of(pairs: Pairs, late: np.ndarray, odd: Floats) -> _Items:
        """From who joined lately (bool ``[users]``) and oddness (float64 ``[users]``)."""
        users = np.bincount(pairs.item, minlength=pairs.n_items)
        newest = pairs.sums(late.astype(np.float64)).astype(np.int64)
        expected = _expected(pairs, late)
        parts = [_oddness_of_items(pairs, ~np.isnan(odd), odd)]
        if not late[pairs.lengths > 0].all():
            parts += [_oddness_of_items(pairs, late, odd), _burst(users, newest, expected)]
        by_late = late[pairs.user]
        first = np.full(pairs.n_items, np.iinfo(np.int64).max)
        last = np.full(pairs.n_items, NO_TIME)
        np.minimum.at(first, pairs.item[by_late], pairs.time[by_late])
        np.maximum.at(last, pairs.item[by_late], pairs.time[by_late])
        strange = pairs.sums((late & (odd >= _ODD)).astype(np.float64)).astype(np.int64)
        statistic = np.asarray(sum(parts) / np.sqrt(len(parts)))
        return _Items(statistic, users, newest, strange, expected, first, last)


def _oddness_of_items(pairs: Pairs, some: np.ndarray, odd: Floats) -> Floats:
    """float64 ``[items]``: how far the mean oddness of those of an item's users who are among
    ``some`` (bool ``[users]``) is from that of all events."""
    known = odd[pairs.user]
    known = known[~np.isnan(known)]
    if not len(known):
        return np.zeros(pairs.n_items)
    users = pairs.sums(some.astype(np.float64))
    count = np.maximum(users, 1)
    mean = pairs.sums(np.where(some, np.nan_to_num(odd), 0.0)) / count
    deviation = np.where(users > 0, mean - known.mean(), 0.0)
    return _standardised(deviation, known.var() / count, users >= _MANY[0])


def _burst(users: Ints, newest: Ints, expected: Floats) -> Floats:
    """float64 ``[items]``: how far the share of newest users is above the expected one."""
    count = np.maximum(users, 1)
    variance = np.clip(expected * (1 - expected), 1e-3, None) / count
    return _standardised(newest / count - expected, variance, users >= _MANY[1])


def _standardised(deviation: Floats, variance: Floats, many: np.ndarray) -> Floats:
    """Deviations over their standard deviation: that of chance (``variance``), and the one between
    items, from the median over items with ``many`` users, which a few pushed ones don't move."""
    between = 0.0
    if many.any():
        squared = np.median(deviation[many] ** 2) / _MEDIAN
        between = max(0.0, float(squared - np.median(variance[many])))
    size = np.sqrt(variance + between)
    return np.asarray(np.divide(deviation, size, out=np.zeros_like(deviation), where=size > 0))


def _expected(pairs: Pairs, late: np.ndarray) -> Floats:
    """float64 ``[items]``: the share of pairs, from the item's first one on, whose user joined
    lately."""
    order = np.argsort(pairs.time, kind="stable")
    after = np.cumsum(late[pairs.user[order]][::-1])[::-1]
    start = np.searchsorted(pairs.time[order], pairs.first(pairs.item, pairs.n_items))
    left = len(order) - start
    found = np.zeros(pairs.n_items)
    known = left > 0
    found[known] = after[start[known]] / left[known]
    return found


def _frame(state: FittedState, items: _Items, threshold: float) -> pd.DataFrame:
    import pandas as pd

    shown = np.flatnonzero(items.newest > 0)
    shown = shown[np.argsort(-items.statistic[shown], kind="stable")]
    users, newest = items.users[shown], items.newest[shown]
    statistic = items.statistic[shown]
    values = (
        state.snapshot.items.ids[shown],
        statistic,
        (statistic >= threshold) & (newest >= _LEAST),
        users,
        newest,
        items.odd[shown],
        newest / users,
        items.expected[shown],
        _days(items.first[shown]),
        _days(items.last[shown]),
    )
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _days(seconds: Ints) -> list[str]:
    """Days in UTC; "" for no time."""
    return [
        "" if one == NO_TIME else str(np.datetime64(int(one), "s").astype("datetime64[D]"))
        for one in seconds
    ]
