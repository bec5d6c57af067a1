"""The registry of feature blocks: what an item is made of, one file for each kind of knowledge.

The order is that of a model's parts, in which their parameters get their first values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from torch import Tensor

from kgrec.config.model import ModelConfig
from kgrec.features.blocks.attributes import Attributes
from kgrec.features.blocks.base import FeatureBlock, LayerSizes, Similarity, Wording, name_in
from kgrec.features.blocks.ids import Ids
from kgrec.features.blocks.knowledge import Knowledge
from kgrec.features.blocks.reviews import Reviews
from kgrec.features.blocks.text import Text
from kgrec.features.blocks.vectors import Vectors
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import SEPARATOR

FEATURE_BLOCKS: Final[tuple[FeatureBlock, ...]] = (
    Ids(),
    Knowledge(),
    Attributes(),
    Text(),
    Reviews(),
    Vectors(),
)
_BY_NAME: Final = {block.name: block for block in FEATURE_BLOCKS}


def find_block(part: str) -> FeatureBlock | None:
    """Return the block that a part ("text", "vectors:image") belongs to; None for no block's."""
    return _BY_NAME.get(part.partition(SEPARATOR)[0])


def block_of(part: str) -> FeatureBlock:
    """Return the block that a part belongs to. Raises KeyError."""
    return _BY_NAME[part.partition(SEPARATOR)[0]]


def wanted_parts(config: ModelConfig, rows: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts that the settings ask for and the data (``FeatureTables.rows``) have."""
    return tuple(
        part
        for block in FEATURE_BLOCKS
        for part, values in rows.items()
        if block_of(part) is block and getattr(config, block.switch) and block.has_data(values)
    )


def block_sentences(language: str) -> dict[str, str]:
    """Return the blocks' templates of sentences in a language ("en", "de"), by key."""
    found = (block.wording.sentences.get(language, {}) for block in FEATURE_BLOCKS)
    return {key: template for sentences in found for key, template in sentences.items()}


def block_labels(language: str) -> dict[str, str]:
    """Return the blocks' labels in a language, by the English ones."""
    labels = (block.wording.labels for block in FEATURE_BLOCKS)
    return {each["en"]: each[language] for each in labels}


def compared_parts(parts: Iterable[str]) -> dict[str, Similarity]:
    """Return the parts by which cold items are compared, in the order of ``FEATURE_BLOCKS``."""
    found = {part: block_of(part).similarity for part in in_block_order(parts)}
    return {part: similarity for part, similarity in found.items() if similarity is not None}


def text_rows(inputs: ItemInputs) -> dict[str, Tensor]:
    """Return the rows of the parts that the language model made, float32 ``[n, size]`` each."""
    return {part: rows for part, rows in inputs.rows.items() if block_of(part).is_text}


def in_block_order(parts: Iterable[str]) -> list[str]:
    """Return the parts in the order of ``FEATURE_BLOCKS``."""
    parts = tuple(parts)
    return [part for block in FEATURE_BLOCKS for part in parts if block_of(part) is block]


__all__ = [
    "FEATURE_BLOCKS",
    "FeatureBlock",
    "LayerSizes",
    "Similarity",
    "Wording",
    "block_labels",
    "block_of",
    "block_sentences",
    "compared_parts",
    "find_block",
    "in_block_order",
    "name_in",
    "text_rows",
    "wanted_parts",
]
