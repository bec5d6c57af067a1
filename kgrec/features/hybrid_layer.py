"""The hybrid feature layer: an item as the gated sum of ids, graph, texts and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.kg_encoder import DeviceMessages, KGEncoder
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.text_pooling import ReviewInputs, ReviewPooling
from kgrec.sparse import SparseMatrix

IDS, KNOWLEDGE, TEXT, REVIEWS, ATTRIBUTES = "id", "knowledge", "text", "reviews", "attributes"
KNOWLEDGE_GATE = 1.0  # where the gates of the graph's part start


@dataclass(frozen=True, eq=False)
class ItemInputs:
    """``FeatureTables`` of n items on a device; ``present`` maps a part to float32 ``[n, 1]``,
    one where an item has it, so that what is missing is never read as zero; None: all have it."""

    item_row: Tensor
    messages: DeviceMessages
    tokens: SparseMatrix
    texts: Mapping[str, Tensor]
    present: Mapping[str, Tensor | None]
    reviews: ReviewInputs | None = None

    @staticmethod
    def build(tables: FeatureTables, layers: int, device: torch.device | str) -> ItemInputs:
        n_items = len(tables.item_row)
        messages = DeviceMessages.build(tables.messages, n_items, layers, device)
        received = torch.as_tensor(tables.messages.matrix[:n_items].getnnz(axis=1) > 0)
        texts = {name: torch.as_tensor(text).to(device) for name, text in tables.texts.items()}
        present = {
            IDS: torch.as_tensor(tables.item_row >= 0),
            KNOWLEDGE: received,
            ATTRIBUTES: torch.as_tensor(tables.item_tokens.getnnz(axis=1) > 0),
            **{name: (text != 0).any(dim=1) for name, text in texts.items()},
        }
        return ItemInputs(
            item_row=torch.as_tensor(tables.item_row).to(device),
            messages=messages,
            tokens=SparseMatrix.build(tables.item_tokens, device),
            texts=texts,
            present={name: _partial(mask, device) for name, mask in present.items()},
        )

    def unread(self, users: np.ndarray) -> ItemInputs:
        """Without the reviews that ``users`` (int64) wrote, where reviews are weighed.

        In training a user's own review of the item to be predicted would tell which it is; when
        answering nobody has written it yet."""
        if self.reviews is None:
            return self
        reviews, left = self.reviews.without(users)
        return replace(self, reviews=reviews, present={**self.present, REVIEWS: left})


class Side(nn.Module):
    """One side (history or candidate) of the layer: gates, and stand-ins for what is missing.

    The graph's vectors serve both sides, so each side gates them element by element; the other
    parts have a projection of their own per side, which is their gate.
    """

    def __init__(self, parts: tuple[str, ...], embedding_size: int) -> None:
        super().__init__()
        self.knowledge_gate = nn.Parameter(torch.full((embedding_size,), KNOWLEDGE_GATE))
        self.missing = nn.ParameterDict({part: torch.zeros(embedding_size) for part in parts})

    def forward(self, part: str, vectors: Tensor, present: Tensor | None) -> Tensor:
        """What a part adds; ``present`` float32 ``[n, 1]``, None where every item has the part."""
        if part == KNOWLEDGE:
            vectors = vectors * self.knowledge_gate
        if present is None:
            return vectors
        missing: Tensor = self.missing[part]
        return torch.lerp(missing.expand_as(vectors), vectors, present)


class HybridFeatures(nn.Module):
    """Vectors of all items from every part, for both sides (``query``: as history)."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        parts: tuple[str, ...],
        text_size: int,
        embedding_size: int,
        layers: int,
        attention: bool = False,
    ) -> None:
        super().__init__()
        d = embedding_size
        self.parts = parts
        self.query, self.candidate = Side(parts, d), Side(parts, d)
        if IDS in parts:
            self.query_id = nn.Parameter(torch.randn(len(vocabulary.items), d) * d**-0.5)
            self.candidate_id = nn.Parameter(torch.randn(len(vocabulary.items), d) * d**-0.5)
        if ATTRIBUTES in parts:
            self.token = nn.Parameter(torch.randn(len(vocabulary.item_tokens.tokens), 2 * d) * 0.02)
        self.text = nn.ParameterDict(
            {p: torch.randn(text_size, 2 * d) * 0.5 * text_size**-0.5 for p in parts if _reads(p)}
        )
        if REVIEWS in parts and attention:
            self.attention = ReviewPooling(text_size)
        if KNOWLEDGE in parts:
            self.knowledge = KGEncoder(
                len(vocabulary.entities), len(vocabulary.relations), d, layers
            )

    def forward(
        self, inputs: ItemInputs, known: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Per part, float32 ``[n, d]`` for the query and for the candidate side.

        ``known`` float32 ``[n, 1]`` overrides which items have a learned id (id dropout).
        """
        query: dict[str, Tensor] = {}
        candidate: dict[str, Tensor] = {}
        for part in self.parts:
            if part == KNOWLEDGE:
                continue
            present = known if part == IDS and known is not None else inputs.present[part]
            left, right = self._raw(part, inputs)
            query[part] = self.query(part, left, present)
            candidate[part] = self.candidate(part, right, present)
        if KNOWLEDGE in self.parts:
            around = self.knowledge(self._base(query, inputs), inputs.messages)
            present = inputs.present[KNOWLEDGE]
            query[KNOWLEDGE] = self.query(KNOWLEDGE, around, present)
            candidate[KNOWLEDGE] = self.candidate(KNOWLEDGE, around, present)
        return query, candidate

    def messages(self, inputs: ItemInputs) -> Tensor:
        """What the graph's nodes send to items, float32 ``[t, d]``."""
        query = {
            part: self.query(part, self._raw(part, inputs)[0], inputs.present[part])
            for part in self.parts
            if part != KNOWLEDGE
        }
        sent: Tensor = self.knowledge.messages(self._base(query, inputs), inputs.messages)
        return sent

    def _base(self, query: dict[str, Tensor], inputs: ItemInputs) -> Tensor:
        """What the other parts know of the items, for messages that start at one."""
        total = self.knowledge.entity.new_zeros(
            len(inputs.item_row), self.knowledge.entity.shape[1]
        )
        if inputs.messages.from_items:
            for vectors in query.values():
                total = total + vectors
        return total

    def _raw(self, part: str, inputs: ItemInputs) -> tuple[Tensor, Tensor]:
        if part == IDS:
            rows = inputs.item_row.clamp_min(0)
            return (
                functional.embedding(rows, self.query_id),
                functional.embedding(rows, self.candidate_id),
            )
        both = inputs.tokens @ self.token if part == ATTRIBUTES else None
        if both is None:
            both = self._text(part, inputs) @ self.text[part]
        left, right = both.chunk(2, dim=1)
        return left, right

    def _text(self, part: str, inputs: ItemInputs) -> Tensor:
        """An item's text vector, float32 ``[n, size]``: of its reviews the mean, or attention's."""
        if part == REVIEWS and inputs.reviews is not None:
            pooled: Tensor = self.attention(inputs.reviews)
            return pooled
        return inputs.texts[part]


def _partial(mask: Tensor, device: torch.device | str) -> Tensor | None:
    return None if bool(mask.all()) else mask.float().unsqueeze(1).to(device)


def _reads(part: str) -> bool:
    return part in (TEXT, REVIEWS)
