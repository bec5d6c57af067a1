"""A small structured data set: users like the items of one group, a group's items share an
entity, and each user's last two events are validation and test."""

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM
from kgrec.graph.snapshot import Facts, GraphSnapshot, Interactions, NodeTable, Texts

N_USERS, N_GROUPS, GROUP_SIZE, N_EVENTS = 60, 4, 10, 8
N_ITEMS = N_GROUPS * GROUP_SIZE


def _nodes(label: str, count: int) -> NodeTable:
    ids = np.array([str(row) for row in range(count)], dtype=object)
    return NodeTable(label, ids, pd.DataFrame(index=range(count)))


def snapshot(splits: tuple[str, str] = ("valid", "test")) -> GraphSnapshot:
    """``splits`` are those of each user's last two events."""
    rng = np.random.default_rng(7)
    chosen = [
        user % N_GROUPS * GROUP_SIZE + rng.permutation(GROUP_SIZE)[:N_EVENTS]
        for user in range(N_USERS)
    ]
    n = N_EVENTS * N_USERS
    split = np.array(["train"] * (N_EVENTS - 2) + list(splits), dtype=object)
    blank = np.full(n, "", dtype=object)
    events = Interactions(
        user=np.repeat(np.arange(N_USERS), N_EVENTS),
        item=np.concatenate(chosen),
        timestamp=np.tile(np.arange(N_EVENTS), N_USERS),
        rating=np.full(n, np.nan, dtype=np.float32),
        event=blank,
        scenario=blank,
        split=np.tile(split, N_USERS),
    )
    items = np.arange(N_ITEMS)
    facts = (
        Facts(ITEM, "IN_GROUP", ENTITY, items, items // GROUP_SIZE),
        Facts(ITEM, "OF_KIND", ENTITY, items[::2], items[::2] // GROUP_SIZE),
    )
    none = np.empty(0, dtype=np.int64)
    words = np.empty(0, dtype=object)
    texts = Texts(words, words, none, none, none, none.astype(np.float32))
    return GraphSnapshot(
        _nodes("User", N_USERS),
        _nodes(ITEM, N_ITEMS),
        _nodes(ENTITY, N_GROUPS),
        events,
        facts,
        texts,
        texts,
    )
