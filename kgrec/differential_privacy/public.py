"""The public part of a graph: what it says of items and entities, and nothing that people did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from graph_schema.names import USER
from kgrec.graph.snapshot import GraphSnapshot, NodeTable
from kgrec.graph.tables import no_scenarios


def public_part(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The snapshot without interactions, reviews, queries, scenarios, attributes of users and facts
    about users; the users are there, so that rows stay the same."""
    nothing = np.zeros(len(snapshot.interactions), dtype=bool)
    users = NodeTable(USER, snapshot.users.ids, pd.DataFrame(index=range(len(snapshot.users))))
    return replace(
        snapshot,
        users=users,
        interactions=replace(snapshot.interactions.select(nothing), context={}),
        facts=tuple(one for one in snapshot.facts if USER not in (one.head_label, one.tail_label)),
        reviews=snapshot.reviews.select(np.zeros(len(snapshot.reviews), dtype=bool)),
        queries=snapshot.queries.select(np.zeros(len(snapshot.queries), dtype=bool)),
        scenarios=no_scenarios(),
    )
