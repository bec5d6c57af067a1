"""Profiles of fake users.

The attacker wants one item in many lists. They know how popular each item is and the histories of
some users (all of what a public page or a leaked file may hold), open accounts, and make events
with them. They cannot write events of others, nor in the past: the service sets the times. A
campaign lasts as long as the newest tenth of the users took to join; fake accounts join at the
times of these, with the gaps between events that users have. With times "spread" the attacker has
taken as long as the data: accounts join at the times of any users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

KINDS: Final = ("average", "copy", "short")
TIMES: Final = ("late", "spread")
DESCRIBED: Final = {
    "average": "as many items as a user drawn at random, drawn by popularity, and the target",
    "copy": "all items of a user drawn at random, and the target",
    "short": "eight of the 100 most popular items, and the target",
}
_POPULAR: Final = 100
_SHORT: Final = 8
_RATING: Final = 5.0


@dataclass(frozen=True)
class Attack:
    """Fakes of one kind, as a share of the users, that push one item."""

    kind: str
    share: float
    target: str
    times: str = "late"


def fake_events(events: pd.DataFrame, attack: Attack, rng: np.random.Generator) -> pd.DataFrame:
    """The events of the fake users, with the columns of ``events``: user_id, item_id, rating,
    timestamp, split. Test rows are not known to the attacker."""
    known = events[events["split"] != "test"].sort_values(["user_id", "timestamp", "item_id"])
    histories = [part for _, part in known.groupby("user_id", sort=True)]
    joined = np.array([int(part["timestamp"].iloc[0]) for part in histories])
    starts = np.sort(joined)
    if attack.times == "late":
        starts = starts[-max(1, len(starts) // 10) :]
    counts = known["item_id"].value_counts().sort_index()
    counts = counts[counts.index != attack.target].sort_values(ascending=False, kind="stable")
    latest = int(known["timestamp"].max())
    fakes = []
    for number in range(round(attack.share * len(histories))):
        source = histories[rng.integers(len(histories))]
        items = _items(attack, source["item_id"].tolist(), counts, rng)
        items.insert(int(rng.integers(len(items) + 1)), attack.target)
        times = int(rng.choice(starts)) + _gaps(source["timestamp"].to_numpy(), len(items), rng)
        fakes.append(_history(f"fake-{number}", items, np.minimum(times, latest)))
    return pd.concat(fakes, ignore_index=True)


def _items(
    attack: Attack, source: Sequence[str], counts: pd.Series, rng: np.random.Generator
) -> list[str]:
    """The items of one profile, without the target."""
    others = counts.index.to_numpy()
    if attack.kind == "copy":
        return [item for item in source if item != attack.target]
    if attack.kind == "short":
        return [str(item) for item in rng.choice(others[:_POPULAR], _SHORT, replace=False)]
    odds = counts.to_numpy(dtype=float)
    size = min(len(source), len(others))
    return [str(item) for item in rng.choice(others, size, replace=False, p=odds / odds.sum())]


def _gaps(times: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds since the first event: gaps of a user, drawn again."""
    gaps = np.diff(times)
    drawn = rng.choice(gaps, count - 1) if len(gaps) else np.zeros(count - 1, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(drawn)])


def _history(user: str, items: Sequence[str], times: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": user,
            "item_id": items,
            "rating": np.float32(_RATING),
            "timestamp": times,
            "split": "train",
        }
    )
