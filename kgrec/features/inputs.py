"""ItemInputs: ``FeatureTables`` of items on a device, as the feature layer reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from kgrec.features.kg_encoder import DeviceMessages
from kgrec.features.names import ATTRIBUTES, IDS, KNOWLEDGE, REVIEWS
from kgrec.features.text_pooling import ReviewInputs
from kgrec.sparse import SparseMatrix


@dataclass(frozen=True, eq=False)
class ItemInputs:
    """What the feature layer reads of n items; see ``build_inputs``.

    Attributes
    ----------
    rows : mapping
        What each part reads, on the device, as its block made it (see ``FeatureBlock``).
    present : mapping
        Per part float32 ``[n, 1]``, one where an item has it, so that what is missing is never
        read as zero; None where all items have it.
    reviews : ReviewInputs or None
        All reviews one by one, where attention pools them in training.
    """

    rows: Mapping[str, Any]
    present: Mapping[str, Tensor | None]
    reviews: ReviewInputs | None = None

    @property
    def item_row(self) -> Tensor:
        """int64 ``[n]``: the vocabulary row of each item, -1 for a cold item."""
        rows: Tensor = self.rows[IDS]
        return rows

    @property
    def messages(self) -> DeviceMessages:
        """The messages of the knowledge graph."""
        messages: DeviceMessages = self.rows[KNOWLEDGE]
        return messages

    @property
    def tokens(self) -> SparseMatrix:
        """Attribute tokens of items, ``[n, tokens]``."""
        tokens: SparseMatrix = self.rows[ATTRIBUTES]
        return tokens

    def with_rows(self, rows: Mapping[str, Any]) -> ItemInputs:
        """Return these inputs with other rows for some parts; ``present`` stays as it is."""
        return replace(self, rows={**self.rows, **rows})

    def without_reviews_of(self, users: np.ndarray) -> ItemInputs:
        """Return these inputs without the reviews that ``users`` (int64 rows) wrote.

        It changes nothing where no attention pools the reviews. In training, a user's own review
        of the item to be predicted would give the item away; at prediction time nobody has written
        it yet.
        """
        if self.reviews is None:
            return self
        reviews, left = self.reviews.without(users)
        return replace(self, reviews=reviews, present={**self.present, REVIEWS: left})
