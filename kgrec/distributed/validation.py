"""Validation by all ranks: each computes vectors of some items and ranks them for some queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor

from kgrec.distributed.lending import Lending
from kgrec.features.tables import FeatureTables
from kgrec.fitting.validation import ValidationQueries
from kgrec.graph.snapshot import Ints
from kgrec.metrics.evaluate import reachable
from kgrec.nn import USER_ATTRIBUTES, ItemVectors, ModelInputs
from kgrec.scoring.engine import Engine
from kgrec.training import METRIC
from kgrec.training.data.neighbours import GraphPart, GraphSampler
from kgrec.training.data.sampled_steps import table_rows
from kgrec.training.optim.sparse_adamw import holding

_ITEMS: Final = 4_096  # whose vectors are computed at once
_ALL: Final = 2**62  # neighbours of a node
_NDCG: Final = "ndcg@10"


@dataclass(frozen=True, eq=False)
class SharedValidation:
    """NDCG@10 for the present parameters, of all users and by scenario, as a call.

    The values are those of ``queries`` ranked by one process, for any number of ranks.
    """

    lending: Lending
    engine: Engine
    tables: FeatureTables
    queries: ValidationQueries

    def __call__(self) -> dict[str, float]:
        whole = {USER_ATTRIBUTES: self._user_rows} if self._user_rows is not None else {}
        known = self.lending.read(whole)
        bound = replace(self.engine.bound.refreshed(), given_items=self._item_vectors())
        held = {USER_ATTRIBUTES: known[USER_ATTRIBUTES]} if whole else {}
        with holding(self.lending.model, held):
            values = self._values(Engine.bind(bound, predicts_cold=False))
        return self._means(values)

    @property
    def _user_rows(self) -> Ints | None:
        """All rows of the table of user attributes; None where there is none."""
        owners = self.lending.shards.owners.get(USER_ATTRIBUTES)
        return None if owners is None else np.arange(owners.rows)

    @cached_property
    def _ranked(self) -> Ints:
        """The queries that have an item to find."""
        everything = np.ones(self.queries.n_items, dtype=bool)
        kept, _ = reachable(self.queries.targets, self.queries.seen, everything)
        return np.flatnonzero(np.diff(kept[0]) > 0)

    def _values(self, engine: Engine) -> Tensor:
        """float64 ``[ranked]``: NDCG@10 of each query, computed by the ranks in turn."""
        group = self.lending.group
        own = self._ranked[group.rank :: group.ranks]
        values = torch.empty(0, dtype=torch.float64)
        if len(own):
            some = self.queries.some(own)
            report = some.evaluate(lambda rows: some.score(engine, rows), keep_users=True)
            values = torch.from_numpy(report.per_user[_NDCG])
        whole = torch.empty(len(self._ranked), dtype=torch.float64)
        for rank, part in enumerate(group.gathered(values)):
            whole[rank :: group.ranks] = part.cpu()
        return whole

    def _means(self, values: Tensor) -> dict[str, float]:
        record = {METRIC: float(values.mean())}
        codes = self.queries.scenario[self._ranked]
        for code in np.unique(codes[codes >= 0]):
            chosen = torch.from_numpy(np.flatnonzero(codes == code))
            record[f"{METRIC}/{self.queries.names[code]}"] = float(values[chosen].mean())
        return record

    def _item_vectors(self) -> ItemVectors:
        """The vectors of all items; blocks of items are computed by the ranks in turn."""
        group, n_items = self.lending.group, len(self.tables.item_row)
        blocks = [np.arange(at, min(at + _ITEMS, n_items)) for at in range(0, n_items, _ITEMS)]
        rounds = -(-len(blocks) // group.ranks)
        mine = [blocks[at] for at in range(group.rank, len(blocks), group.ranks)]
        empty: list[Ints] = [np.empty(0, dtype=np.int64)] * (rounds - len(mine))
        found = [torch.cat(list(self._block_vectors(items))) for items in [*mine, *empty]]
        whole = torch.empty(n_items, found[0].shape[1], device=group.device)
        for turn, packed in enumerate(found):
            for rank, part in enumerate(group.gathered(packed)):
                if len(part):
                    start = (turn * group.ranks + rank) * _ITEMS
                    whole[start : start + len(part)] = part
        size = (whole.shape[1] - 1) // 2
        query, candidate, bias = torch.split(whole, [size, size, 1], dim=1)
        return ItemVectors(query.contiguous(), candidate.contiguous(), bias.squeeze(1).contiguous())

    def _block_vectors(self, items: Ints) -> Iterator[Tensor]:
        """float32 ``[k, 2 d + 1]``: the query and candidate vectors and the bias of ``items``."""
        model, device = self.lending.model, self.lending.group.device
        yield torch.empty(0, 2 * model.shape.embedding_size + 1, device=device)
        part = self._part(items) if len(items) else None
        rows = self.lending.read({} if part is None else table_rows(model, part))
        if part is None:
            return
        with holding(model, rows):
            vectors = model.item_vectors(ModelInputs.build(part.tables, model.shape, device))
        at = torch.as_tensor(np.searchsorted(part.items, items), device=device)
        yield torch.cat(
            [vectors.query[at], vectors.candidate[at], vectors.bias[at].unsqueeze(1)], dim=1
        )

    def _part(self, items: Ints) -> GraphPart:
        """The tables of ``items`` with all of their neighbours."""
        nothing = np.empty(0, dtype=np.int64)
        sampler = GraphSampler(self.tables, self.lending.model.shape.kg_layers, _ALL)
        return sampler.part(items, nothing, nothing, np.random.default_rng(0))
