"""FeatureTables: what the model reads of a snapshot, as arrays over a vocabulary fixed by training.

The vocabulary holds what has learned vectors (trained items, entities, relations, attribute
tokens, scenarios). Tables can be made for any later snapshot: what the vocabulary does not know
is absent, and the model treats it as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.messages import Messages
from kgrec.features.names import ATTRIBUTES, IDS, KNOWLEDGE
from kgrec.features.review_features import ReviewRows
from kgrec.graph.snapshot import GraphSnapshot, Ints, Strings


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What training saw and gives learned vectors to; see ``build_vocabulary``.

    Attributes
    ----------
    items, entities : object array of str
        Ids of the items with an interaction and of the entities with two links or more.
    relations : object array of str
        Keys as made by ``relation_key``.
    scenarios : object array of str
        Names in canonical order, with or without interactions. A head learns nothing of a scenario
        without any: it answers as the shared model does, or as its description makes it.
    item_tokens, user_tokens : AttributeTokens
        The attribute values that have vectors.
    blocks : mapping
        What further feature blocks keep of the training data, by block name; JSON values.
    blind_to : tuple of str
        The attributes of users that no score reads.
    """

    items: Strings
    entities: Strings
    relations: Strings
    scenarios: Strings
    item_tokens: AttributeTokens
    user_tokens: AttributeTokens
    blocks: Mapping[str, Any] = field(default_factory=dict)
    blind_to: tuple[str, ...] = ()

    def kept(self, snapshot: GraphSnapshot) -> KeptRows:
        """Return the rows whose items and entities ``snapshot`` has."""
        return KeptRows(
            np.flatnonzero(snapshot.items.rows(self.items) >= 0),
            np.flatnonzero(snapshot.entities.rows(self.entities) >= 0),
        )

    def is_whole(self, rows: KeptRows) -> bool:
        """Return whether ``rows`` are all rows."""
        return len(rows.items) == len(self.items) and len(rows.entities) == len(self.entities)

    def keeping(self, rows: KeptRows) -> Vocabulary:
        """Return the vocabulary of these rows alone."""
        return replace(self, items=self.items[rows.items], entities=self.entities[rows.entities])


@dataclass(frozen=True, eq=False)
class KeptRows:
    """The rows of a vocabulary, and so of the learned tables, that stay when others leave.

    Attributes
    ----------
    items, entities : int64, ascending
    """

    items: Ints
    entities: Ints

    def of(self, vocabulary_list: str) -> Ints:
        """Return the rows of "items" or "entities"."""
        return self.items if vocabulary_list == "items" else self.entities


@dataclass(frozen=True, eq=False)
class FeatureTables:
    """Arrays over the items and users of one snapshot (n items, m users); see ``build_tables``.

    Attributes
    ----------
    rows : mapping
        What each part of the items' features reads, as its block made it (see ``FeatureBlock``).
    user_tokens : float32 CSR ``[m, tokens]``
        Attribute tokens of users; rows sum to one, or are empty.
    friends : float32 CSR ``[m, n]`` or None
        The mean history of those whom a user follows (has user → user facts with).
    event_text : float32 ``[e, text_size]``
        Vectors of reviews, then of queries.
    reviews : ReviewRows or None
        What is known of the reviews beside their words.
    """

    rows: Mapping[str, Any]
    user_tokens: sp.csr_matrix
    friends: sp.csr_matrix | None
    event_text: np.ndarray
    reviews: ReviewRows | None = None

    @property
    def item_row(self) -> Ints:
        """int64 ``[n]``: the vocabulary row of each item, -1 for a cold item."""
        return np.asarray(self.rows[IDS])

    @property
    def messages(self) -> Messages:
        """The messages of the knowledge graph."""
        messages: Messages = self.rows[KNOWLEDGE]
        return messages

    @property
    def item_tokens(self) -> sp.csr_matrix:
        """float32 CSR ``[n, tokens]``: attribute tokens of items, rows summing to one."""
        return self.rows[ATTRIBUTES]
