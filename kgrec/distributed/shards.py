"""Shards: which rank owns which row of the learned tables, and a model that holds its own rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from kgrec.distributed.group import Group
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.blocks import block_of
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import Ints
from kgrec.nn import USER_ATTRIBUTES, HybridModel, ModelShape
from kgrec.training.data.sampled_steps import ROW_TABLES
from kgrec.training.optim.sparse_adamw import put

_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_BLOCK: Final = 65_536  # rows whose first values are drawn together


@dataclass(frozen=True)
class Owners:
    """Which of ``parts`` owns each of ``rows`` rows.

    A row's place is row · a mod rows, a next to rows times the golden ratio and without a common
    divisor (multiplicative hashing, Knuth, vol. 3, 6.4); a part owns a range of places of equal
    length. So rows that are near each other, and popular ones, are spread over all parts, and no
    table of owners is needed.
    """

    rows: int
    parts: int

    @cached_property
    def _factor(self) -> int:
        factor = max(1, round(self.rows * _GOLDEN))
        while math.gcd(factor, self.rows) > 1:
            factor += 1
        return factor

    @property
    def size(self) -> int:
        """The most rows that a part owns, at least 1."""
        return max(1, -(-self.rows // self.parts))

    def places(self, rows: Ints) -> Ints:
        """int64: the place of each of ``rows``."""
        return rows * self._factor % max(self.rows, 1)

    def of(self, rows: Ints) -> Ints:
        """int64: the part that owns each of ``rows``."""
        return self.places(rows) // self.size

    def start(self, part: int) -> int:
        """The first place of a part."""
        return min(part * self.size, self.rows)

    def owned(self, part: int) -> Ints:
        """int64: the rows that a part owns, in the order of their places."""
        places = np.arange(self.start(part), self.start(part + 1))
        return places * pow(self._factor, -1, self.rows) % self.rows if self.rows else places


@dataclass(frozen=True, eq=False)
class Shards:
    """The learned tables of a model, of which each rank owns some rows.

    Attributes
    ----------
    group : Group
    vocabulary, shape, features
        What the whole model is made of; see ``HybridModel``.
    """

    group: Group
    vocabulary: Vocabulary
    shape: ModelShape
    features: Tensor | None

    @cached_property
    def owners(self) -> Mapping[str, Owners]:
        """The owners of the rows of each table, by the parameter's name."""
        empty = HybridModel(_block(self.vocabulary, 0, 0), self.shape, self.features)
        names = dict(empty.named_parameters())
        return {
            name: Owners(_rows(name, self.vocabulary), self.group.ranks)
            for name in (*ROW_TABLES, USER_ATTRIBUTES)
            if name in names
        }

    def model(self, seed: int) -> HybridModel:
        """A model whose tables have the rows of this rank alone.

        Its first values depend on ``seed``, and not on the number of ranks: those of the tables
        are drawn in blocks of rows, each with a seed of its own.
        """
        torch.manual_seed(seed)
        model = HybridModel(_block(self.vocabulary, 0, 0), self.shape, self.features)
        for name, owners in self.owners.items():
            table = model.get_parameter(name)
            own = len(owners.owned(self.group.rank))
            put(model, name, nn.Parameter(table.new_zeros(own, *table.shape[1:])))
        for start in range(0, max(owners.rows for owners in self.owners.values()), _BLOCK):
            torch.manual_seed(int(np.random.default_rng([seed, start]).integers(2**62)))
            rows = _block(self.vocabulary, start, start + _BLOCK)
            self._fill(model, HybridModel(rows, self.shape, self.features), start)
        return model

    def _fill(self, model: HybridModel, block: HybridModel, start: int) -> None:
        """Take over the first values of own rows; ``block`` has the rows from ``start`` on."""
        rank = self.group.rank
        for name, owners in self.owners.items():
            values = block.get_parameter(name).detach()
            rows = np.arange(start, start + len(values))
            mine = np.flatnonzero(owners.of(rows) == rank)
            at = owners.places(rows[mine]) - owners.start(rank)
            model.get_parameter(name).data[torch.as_tensor(at)] = values[torch.as_tensor(mine)]

    def whole(self, model: HybridModel) -> HybridModel | None:
        """The whole model, on the first rank; None on the others."""
        tables = {name: self._joined(model, name) for name in self.owners}
        if not self.group.is_first:
            return None
        whole = HybridModel(self.vocabulary, self.shape, self.features).to(self.group.device)
        whole.load_state_dict({**model.state_dict(), **tables})
        return whole

    def _joined(self, model: HybridModel, name: str) -> Tensor:
        """All rows of a table in their order, on the first rank."""
        owners = self.owners[name]
        by_place = torch.cat(self.group.on_first(model.get_parameter(name).detach()))
        if not self.group.is_first:
            return by_place
        return by_place[torch.as_tensor(owners.places(np.arange(owners.rows)))]


def _rows(table: str, vocabulary: Vocabulary) -> int:
    """How many rows a learned table has."""
    learned = vocabulary_list(table)
    if learned is not None:
        return len(getattr(vocabulary, learned))
    tokens = vocabulary.user_tokens if table == USER_ATTRIBUTES else vocabulary.item_tokens
    return len(tokens.tokens)


def vocabulary_list(table: str) -> str | None:
    """The list of ids ("items" or "entities") that a learned table has a row for each of; None for
    tables of attributes."""
    return None if table == USER_ATTRIBUTES else block_of(ROW_TABLES[table]).learned_ids


def _block(vocabulary: Vocabulary, start: int, end: int) -> Vocabulary:
    """The vocabulary with rows ``start`` to ``end`` of every list that has learned rows."""

    def tokens(every: AttributeTokens) -> AttributeTokens:
        return AttributeTokens(every.tokens[start:end], every.edges)

    return replace(
        vocabulary,
        items=vocabulary.items[start:end],
        entities=vocabulary.entities[start:end],
        item_tokens=tokens(vocabulary.item_tokens),
        user_tokens=tokens(vocabulary.user_tokens),
    )
