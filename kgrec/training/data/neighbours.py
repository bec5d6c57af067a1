"""Sampling a graph held as CSR: some neighbours of some rows, and the tables of what they reach.

What a step of training reads of a graph too large to read as a whole in every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import distinct, offsets, row_numbers
from kgrec.features.blocks import block_of
from kgrec.features.blocks.matrices import in_columns, used_columns
from kgrec.features.messages import Messages
from kgrec.features.names import KNOWLEDGE
from kgrec.features.tables import FeatureTables
from kgrec.graph.snapshot import Ints


def sample_rows(
    matrix: sp.csr_matrix, rows: Ints, fanout: int, rng: np.random.Generator
) -> sp.csr_matrix:
    """``rows`` (int64 ``[B]``) of a CSR matrix, each with at most ``fanout`` of its entries.

    Of a longer row every entry is as likely as another, and those taken are scaled up so that any
    sum over the row keeps its expectation. Taken systematically: one random number sets where a
    comb of ``fanout`` teeth falls on the row, so that no work depends on the row's length.
    Returns float32 CSR ``[B, columns]``, entries in their order.
    """
    starts = matrix.indptr[rows].astype(np.int64)
    counts = matrix.indptr[rows + 1].astype(np.int64) - starts
    taken = np.minimum(counts, fanout)
    indptr = offsets(taken)
    row = row_numbers(indptr)
    tooth = np.arange(indptr[-1]) - indptr[row]
    gap = (counts / np.maximum(taken, 1))[row]
    offset = np.where(counts > fanout, rng.random(len(rows)), 0.0)[row]
    place = starts[row] + np.minimum(((tooth + offset) * gap).astype(np.int64), counts[row] - 1)
    values = (matrix.data[place] * gap).astype(np.float32)
    return sp.csr_matrix(
        (values, matrix.indices[place], indptr), shape=(len(rows), matrix.shape[1])
    )


@dataclass(frozen=True, eq=False)
class GraphPart:
    """The tables of some items and users, and where their rows are in the whole.

    ``items`` int64 ``[n]`` ascending rows of the snapshot: the items asked for and those whose
    messages they receive. ``used``: by part, where it has learned tables, int64 ascending the rows
    of these that ``tables`` counts; ``user_tokens`` likewise.
    """

    tables: FeatureTables
    items: Ints
    used: Mapping[str, Ints]
    user_tokens: Ints


@dataclass(frozen=True)
class GraphSampler:
    """Cuts parts out of ``tables``; ``layers`` of messages, at most ``fanout`` a node and layer."""

    tables: FeatureTables
    layers: int
    fanout: int

    def part(self, items: Ints, users: Ints, texts: Ints, rng: np.random.Generator) -> GraphPart:
        """What the vectors of ``items`` (int64 ascending) hang on, for ``users`` and ``texts``
        (int64 rows of ``event_text``)."""
        whole = self.tables
        friends = None
        if whole.friends is not None:
            friends = sample_rows(whole.friends, users, self.fanout, rng)
            items = np.union1d(items, friends.indices)
        messages, items, entities = self._messages(items, rng)
        narrowed = {
            part: block_of(part).narrow(rows, items)
            for part, rows in whole.rows.items()
            if part != KNOWLEDGE
        }
        narrowed[KNOWLEDGE] = messages, entities
        user_tokens, tokens_of_users = used_columns(whole.user_tokens[users])
        if friends is not None:
            friends = in_columns(friends, items)
        tables = replace(
            whole,
            rows={part: narrowed[part][0] for part in whole.rows},
            user_tokens=tokens_of_users,
            friends=friends,
            event_text=whole.event_text[texts],
        )
        used = {part: rows for part, (_, rows) in narrowed.items() if rows is not None}
        return GraphPart(tables, items, used, user_tokens)

    def _messages(self, items: Ints, rng: np.random.Generator) -> tuple[Messages, Ints, Ints]:
        """The messages that reach ``items`` in ``layers`` steps; the items and entities (rows of
        the vocabulary) that send or pass them on."""
        messages, n_items = self.tables.messages, len(self.tables.item_row)
        reached, blocks = items, []
        frontier = items
        for _ in range(self.layers):
            block = sample_rows(messages.matrix, frontier, self.fanout, rng)
            blocks.append((frontier, block))
            sources = messages.source[distinct(block.indices)]
            frontier = np.setdiff1d(sources, reached)
            reached = np.union1d(reached, frontier)
        cut = int(np.searchsorted(reached, n_items))
        tokens = distinct(np.concatenate([block.indices for _, block in blocks]))
        receivers = np.concatenate(
            [np.repeat(rows, np.diff(block.indptr)) for rows, block in blocks]
        )
        columns = np.concatenate([block.indices for _, block in blocks])
        matrix = sp.csr_matrix(
            (
                np.concatenate([block.data for _, block in blocks]),
                (np.searchsorted(reached, receivers), np.searchsorted(tokens, columns)),
            ),
            shape=(len(reached), len(tokens)),
        )
        sent = Messages(
            source=np.searchsorted(reached, messages.source[tokens]),
            relation=messages.relation[tokens],
            matrix=matrix,
        )
        return sent, reached[:cut], reached[cut:] - n_items
