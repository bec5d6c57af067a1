"""FeatureBlock: one kind of knowledge about items, from reading it to explaining it.

A block is stateless. Its learned parameters belong to the feature layer, under the names that
saved models use; what it must remember of the training data is kept in the vocabulary. To add a
block, write a file with a subclass and list it in ``kgrec.features.blocks.FEATURE_BLOCKS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from kgrec.features.inputs import ItemInputs
from kgrec.features.names import SEPARATOR
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot, Ints

Both = tuple[Tensor, Tensor]  # float32 [n, d]: for the query and for the candidate side
DENSE_SCALE: Final = 0.5  # of a projection's first values, times 1 / sqrt(columns)


@dataclass(frozen=True)
class Similarity:
    """How a block counts when items are compared, to predict vectors of cold items.

    Attributes
    ----------
    usual : float
        Its weight where the data do not favour another one.
    tried : tuple of float
        The weights among which the data choose.
    """

    usual: float
    tried: tuple[float, ...]


@dataclass(frozen=True)
class Wording:
    """How explanations say that two items are alike by a block; mappings go by language code.

    Attributes
    ----------
    kind : str
        The kind of path that explanations show: "collaborative", "graph neighbourhood", "text",
        "attributes" or "other".
    labels : mapping
        What joins the two items, in a few words; ``{name}`` is the user's own name of a part.
    sentences : mapping
        Templates of sentences, by key ("text", "other:reviews"); see
        ``kgrec.explain.text.sentences``.
    """

    kind: str
    labels: Mapping[str, str]
    sentences: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSizes:
    """What decides the shapes of a feature layer's parameters."""

    vocabulary: Vocabulary
    text_size: int
    embedding_size: int
    kg_layers: int
    attention: bool


class FeatureBlock(ABC):
    """One kind of knowledge about items.

    A block has one part of the same name, or several parts called "name:" and a name of the user's
    own. Each part adds a vector to every item, once for its role in histories (query) and once for
    its role as a candidate, so that scores can be divided exactly among the parts.

    Attributes
    ----------
    name : str
        The name of its part, or the first word of its parts' names.
    switch : str
        The field of ``ModelConfig`` that switches it on or off.
    similarity : Similarity or None
        How cold items are compared by it; None where they are not.
    gate : float or None
        Where given, both sides share one vector, and each side multiplies it by a learned gate
        ``[d]`` that starts at this number.
    reads_other_parts : bool
        Whether it reads the sum of the other parts' query vectors; it is computed after them then.
    is_text : bool
        Whether its rows are vectors of a language model.
    in_ratings : bool
        Whether the rating model reads it.
    row_tables : tuple of str
        Its parameters with a row for each row that ``narrow`` returns, which sampled training
        updates alone.
    learned_ids : {"items", "entities"} or None
        Which ids of the vocabulary ``row_tables`` have a row for; None where rows are of no ids.
    wording : Wording
        How explanations say that two items are alike by it.
    """

    name: ClassVar[str]
    switch: ClassVar[str]
    similarity: ClassVar[Similarity | None] = None
    gate: ClassVar[float | None] = None
    reads_other_parts: ClassVar[bool] = False
    is_text: ClassVar[bool] = False
    in_ratings: ClassVar[bool] = True
    row_tables: ClassVar[tuple[str, ...]] = ()
    learned_ids: ClassVar[Literal["items", "entities"] | None] = None
    wording: ClassVar[Wording]

    def learn(self, snapshot: GraphSnapshot) -> Mapping[str, Any]:
        """Return what to keep of the training data, as JSON values; it is saved with the model."""
        return {}

    @abstractmethod
    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        """Return what each of its parts reads of a snapshot of n items.

        Parameters
        ----------
        snapshot : GraphSnapshot
        vocabulary : Vocabulary
            What training saw.
        texts : mapping
            The language model's vectors of items, float32 ``[n, size]``, by name of a part.

        Returns
        -------
        mapping
            Rows by name of a part; empty where the snapshot has nothing. Rows are a float32 array
            ``[n, size]`` of zeros where an item has nothing, unless the block says otherwise.
        """

    def has_data(self, rows: Any) -> bool:
        """Return whether rows have anything to learn from."""
        return True

    def present(self, rows: Any, n_items: int) -> Tensor:
        """Return which of the n items have the part, bool ``[n]``."""
        return torch.as_tensor((rows != 0).any(axis=1))

    def to_device(self, rows: Any, n_items: int, kg_layers: int, device: torch.device | str) -> Any:
        """Return rows on a device."""
        return torch.as_tensor(rows).to(device)

    def narrow(self, rows: Any, items: Ints) -> tuple[Any, Ints | None]:
        """Return the rows of some items, for a step of sampled training.

        Parameters
        ----------
        rows : as ``read`` returned them
        items : int64 ``[k]``

        Returns
        -------
        rows
            Those of the k items.
        int64 array or None
            The rows of the parameters ``row_tables`` that these rows count; None without such.
        """
        return rows[items], None

    @abstractmethod
    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        """Return the first values of its learned parameters, by name.

        A name with a dot ("text.reviews") is an entry of a ``ParameterDict``.
        """

    def modules(self, part: str, sizes: LayerSizes) -> dict[str, nn.Module]:
        """Return the layer's modules of its own, by name."""
        return {}

    @abstractmethod
    def encode(
        self, layer: nn.Module, part: str, inputs: ItemInputs, others: Tensor | None
    ) -> Both:
        """Return what a part adds to every item, before the gate and the mask of missing ones.

        Parameters
        ----------
        layer : HybridFeatures
            The owner of the parameters and modules.
        part : str
        inputs : ItemInputs
            Of n items.
        others : float32 ``[n, d]`` or None
            The sum of the other parts' query vectors, for a block that ``reads_other_parts``.

        Returns
        -------
        pair of float32 ``[n, d]``
            For the query and for the candidate side.
        """

    def compared(self, part: str, inputs: ItemInputs) -> Any:
        """Return features of n items whose inner products say how similar they are.

        Returns
        -------
        float array or CSR ``[n, f]``
            Rows of unit length, or zero where an item lacks the part.
        """
        raise NotImplementedError(f"items are not compared by {self.name!r}")


class DenseBlock(FeatureBlock):
    """A block whose rows are float vectors, projected to both sides by a learned matrix.

    ``table`` names the ``ParameterDict`` that holds the projections, float32 ``[size, 2 d]``.
    """

    table: ClassVar[str]

    def size(self, part: str, sizes: LayerSizes) -> int:
        """Return the number of columns of a part's rows."""
        return sizes.text_size

    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        size = self.size(part, sizes)
        first = torch.randn(size, 2 * sizes.embedding_size) * DENSE_SCALE * size**-0.5
        return {f"{self.table}.{part}": first}

    def vectors(self, layer: nn.Module, part: str, inputs: ItemInputs) -> Tensor:
        """Return the vectors that are projected, float32 ``[n, size]``."""
        rows: Tensor = inputs.rows[part]
        return rows

    def encode(
        self, layer: nn.Module, part: str, inputs: ItemInputs, others: Tensor | None
    ) -> Both:
        projection = getattr(layer, self.table)[part]
        left, right = (self.vectors(layer, part, inputs) @ projection).chunk(2, dim=1)
        return left, right

    def compared(self, part: str, inputs: ItemInputs) -> Any:
        return inputs.rows[part].cpu().numpy()


def name_in(part: str) -> str:
    """Return the user's own name in a part's name ("image" in "vectors:image"), or the name."""
    return part.partition(SEPARATOR)[2] or part
