"""From a snapshot to what the model reads: the vocabulary, the tables, the inputs on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graph_schema.names import USER
from kgrec.features.attribute_tokens import AttributeTokens, visible_attributes
from kgrec.features.blocks import FEATURE_BLOCKS, block_of
from kgrec.features.inputs import ItemInputs
from kgrec.features.messages import count_links, relation_key
from kgrec.features.names import ATTRIBUTES
from kgrec.features.review_features import ReviewRows
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.graph.columns import count_rows
from kgrec.graph.snapshot import Facts, GraphSnapshot, with_named
from kgrec.graph.tables import unchanged_rows

MIN_LINKS = 2  # an entity with one link says nothing of any other item


def build_vocabulary(snapshot: GraphSnapshot, blind_to: tuple[str, ...] = ()) -> Vocabulary:
    """Return the vocabulary of the snapshot that training sees.

    It has the items with an interaction, the entities with two links to items or more, all
    scenarios, and what else occurs but for the attributes of users in ``blind_to``.
    """
    relations = {relation_key(f, forward) for f in snapshot.facts for forward in (True, False)}
    scenarios = with_named(snapshot.scenarios, snapshot.interactions.scenario)
    learned = {block.name: dict(block.learn(snapshot)) for block in FEATURE_BLOCKS}
    return Vocabulary(
        items=snapshot.items.ids[
            np.flatnonzero(count_rows(snapshot.interactions.item, len(snapshot.items)))
        ],
        entities=snapshot.entities.ids[count_links(snapshot) >= MIN_LINKS],
        relations=np.array(sorted(relations), dtype=object),
        scenarios=scenarios.ids,
        item_tokens=AttributeTokens.build(snapshot.items.attributes),
        user_tokens=AttributeTokens.build(visible_attributes(snapshot.users.attributes, blind_to)),
        blocks={name: values for name, values in learned.items() if values},
        blind_to=blind_to,
    )


@dataclass(frozen=True, eq=False)
class KnownTokens:
    """The attribute tokens of an earlier snapshot.

    Attributes
    ----------
    snapshot : GraphSnapshot
    items, users : float32 CSR ``[n, tokens]``, ``[m, tokens]``
        Of its items and users, as in ``FeatureTables``.
    """

    snapshot: GraphSnapshot
    items: sp.csr_matrix
    users: sp.csr_matrix

    def of_items(self, later: GraphSnapshot, vocabulary: Vocabulary) -> sp.csr_matrix:
        """Return the tokens of a later snapshot's items."""
        rows = unchanged_rows(self.snapshot.items, later.items)
        return vocabulary.item_tokens.grown(self.items, rows, later.items.attributes)

    def of_users(self, later: GraphSnapshot, vocabulary: Vocabulary) -> sp.csr_matrix:
        """Return the tokens of a later snapshot's users."""
        rows = unchanged_rows(self.snapshot.users, later.users)
        return vocabulary.user_tokens.grown(self.users, rows, later.users.attributes)


def build_tables(
    snapshot: GraphSnapshot,
    vocabulary: Vocabulary,
    texts: Mapping[str, np.ndarray],
    event_text: np.ndarray,
    tokens: KnownTokens | None = None,
) -> FeatureTables:
    """Return what the model reads of a snapshot.

    Parameters
    ----------
    snapshot : GraphSnapshot
        Of n items; the one that training saw, or a later one.
    vocabulary : Vocabulary
        What training saw.
    texts : mapping
        The language model's vectors of items, float32 ``[n, size]``, by name of a part.
    event_text : float32 ``[e, size]``
        Its vectors of reviews, then of queries.
    tokens : KnownTokens, optional
        Those of an earlier snapshot, which are made again for changed nodes alone.
    """
    known = {} if tokens is None else {ATTRIBUTES: tokens.of_items(snapshot, vocabulary)}
    rows = [
        block.read(snapshot, vocabulary, texts)
        for block in FEATURE_BLOCKS
        if block.name not in known
    ]
    made = {part: values for found in rows for part, values in found.items()}
    return FeatureTables(
        rows={**made, **known},
        user_tokens=vocabulary.user_tokens.matrix(snapshot.users.attributes)
        if tokens is None
        else tokens.of_users(snapshot, vocabulary),
        friends=friends_of(snapshot),
        event_text=event_text,
        reviews=ReviewRows.build(snapshot.reviews, len(snapshot.items), len(event_text))
        if len(event_text)
        else None,
    )


def build_inputs(tables: FeatureTables, kg_layers: int, device: torch.device | str) -> ItemInputs:
    """Return the items' tables on a device, for a model with so many layers of messages."""
    n_items = len(tables.item_row)
    rows, present = {}, {}
    for part, values in tables.rows.items():
        block = block_of(part)
        rows[part] = block.to_device(values, n_items, kg_layers, device)
        present[part] = _mask(block.present(values, n_items), device)
    return ItemInputs(rows, present)


def _mask(present: Tensor, device: torch.device | str) -> Tensor | None:
    """float32 ``[n, 1]``, None where it would be all ones."""
    return None if bool(present.all()) else present.float().unsqueeze(1).to(device)


def friends_of(snapshot: GraphSnapshot) -> sp.csr_matrix | None:
    """Return the mean history of those whom each user follows; see ``FeatureTables.friends``."""
    followed: Sequence[Facts] = [
        f for f in snapshot.facts if f.head_label == USER and f.tail_label == USER
    ]
    if not followed:
        return None
    n, m = len(snapshot.items), len(snapshot.users)
    head = np.concatenate([f.head for f in followed])
    tail = np.concatenate([f.tail for f in followed])
    follows = sp.csr_matrix((np.ones(len(head)), (head, tail)), shape=(m, m))
    seen = snapshot.interactions
    history = sp.csr_matrix((np.ones(len(seen)), (seen.user, seen.item)), shape=(m, n))
    mean = _row_mean(history)
    return sp.csr_matrix(_row_mean(follows) @ mean, dtype=np.float32)


def _row_mean(matrix: sp.csr_matrix) -> sp.csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return sp.diags(1.0 / np.where(total > 0, total, 1.0)) @ matrix
