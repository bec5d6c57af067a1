"""Rows of the learned tables, lent by the ranks that own them: by all_to_all, there and back.

A rank asks for the rows of all its micro-steps at once. Numbers of rows travel first, then the
rows' numbers at their owners, then values; gradients come back in the same order. Each message to
a rank holds the micro-steps one after another, and within each the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from kgrec.distributed.group import Group
from kgrec.distributed.shards import Owners, Shards
from kgrec.graph.snapshot import Ints
from kgrec.nn import HybridModel

Rows = Mapping[str, Ints]  # distinct rows (int64) by table
Lend = Callable[[nn.Parameter, Tensor], Tensor]  # own table, own rows → their values


@dataclass(frozen=True, eq=False)
class _Request:
    """The rows of one table for one micro-step: by owner, ``chosen`` int64 which of the rows are
    its own, and ``local`` int32 their numbers there."""

    chosen: tuple[Tensor, ...]
    local: tuple[Tensor, ...]

    @staticmethod
    def of(rows: Ints, owners: Owners, device: torch.device) -> _Request:
        places = owners.places(rows)
        owner = places // owners.size
        order = np.argsort(owner, kind="stable")
        local = (places - owner * owners.size)[order].astype(np.int32)
        counts = np.bincount(owner, minlength=owners.parts).tolist()
        return _Request(
            torch.split(torch.as_tensor(order, device=device), counts),
            torch.split(torch.as_tensor(local, device=device), counts),
        )


@dataclass(frozen=True, eq=False)
class Lending:
    """Lends rows of the tables that the ranks' parts of ``model`` hold."""

    shards: Shards
    model: HybridModel

    @property
    def group(self) -> Group:
        """The ranks."""
        return self.shards.group

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tables, in the order of messages."""
        return tuple(sorted(self.shards.owners))

    def table(self, name: str) -> nn.Parameter:
        """This rank's rows of a table."""
        return self.model.get_parameter(name)

    def read(self, rows: Rows) -> dict[str, nn.Parameter]:
        """The present values of ``rows``, which are not going to change."""
        return self.borrow([rows], lambda table, own: table.detach()[own]).borrowed[0]

    def borrow(self, wanted: Sequence[Rows], lend: Lend) -> Loans:
        """Borrow the rows of each micro-step of this rank, from owners that take them from their
        tables by ``lend``. All ranks pass equally many micro-steps; a table that is not named has
        no rows."""
        nothing, device = np.empty(0, dtype=np.int64), self.group.device
        requests = [
            [
                _Request.of(rows.get(name, nothing), self.shards.owners[name], device)
                for name in self.names
            ]
            for rows in wanted
        ]
        places = self._places(requests)
        lent = []
        for table, name in enumerate(self.names):
            asked = [cell[table] for by_slot in places for cell in by_slot]
            union, at = torch.unique(torch.cat(asked), return_inverse=True)
            pieces = iter(torch.split(at, [len(each) for each in asked]))
            for by_slot in places:
                for cell in by_slot:
                    cell[table] = next(pieces)
            lent.append(lend(self.table(name), union))
        return Loans(self, requests, places, lent, self._values(requests, places, lent))

    def _places(self, requests: list[list[_Request]]) -> list[list[list[Tensor]]]:
        """The own rows that are asked for, by rank, micro-step and table."""
        ranks, slots = range(self.group.ranks), len(requests)
        cells = [[one.local[rank] for slot in requests for one in slot] for rank in ranks]
        sizes = [torch.tensor([[len(cell) for cell in each]]) for each in cells]
        asked = [each[0].tolist() for each in self.group.exchange(sizes, [1] * len(ranks))]
        found = self.group.exchange([torch.cat(each) for each in cells], list(map(sum, asked)))
        width = len(self.names)
        places = []
        for numbers, counts in zip(found, asked, strict=True):
            split = torch.split(numbers.long(), counts)
            places.append([list(split[k * width : (k + 1) * width]) for k in range(slots)])
        return places

    def _values(
        self,
        requests: list[list[_Request]],
        places: list[list[list[Tensor]]],
        lent: list[Tensor],
    ) -> list[dict[str, nn.Parameter]]:
        """What the owners send, as parameters by micro-step and table."""
        sent = [
            torch.cat(
                [
                    values.detach()[at].reshape(-1)
                    for cell in by_slot
                    for values, at in zip(lent, cell, strict=True)
                ]
            )
            for by_slot in places
        ]
        sizes = [self._sizes(requests, rank) for rank in range(self.group.ranks)]
        found = self.group.exchange(sent, list(map(sum, sizes)))
        cells = [torch.split(part, size) for part, size in zip(found, sizes, strict=True)]
        borrowed = []
        for slot, row in enumerate(requests):
            parameters = {}
            for table, (name, request) in enumerate(zip(self.names, row, strict=True)):
                own = self.table(name)
                values = own.new_empty(sum(map(len, request.chosen)), *own.shape[1:])
                for cell, chosen in zip(cells, request.chosen, strict=True):
                    piece = cell[slot * len(self.names) + table]
                    values[chosen] = piece.view(-1, *own.shape[1:])
                parameters[name] = nn.Parameter(values)
            borrowed.append(parameters)
        return borrowed

    def _sizes(self, requests: list[list[_Request]], rank: int) -> list[int]:
        """How many numbers of values rank ``rank`` sends here, by micro-step and table."""
        return [
            len(request.chosen[rank]) * _width(self.table(name))
            for row in requests
            for name, request in zip(self.names, row, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Loans:
    """The rows that are borrowed and lent in one step.

    Attributes
    ----------
    borrowed : list of dict
        By micro-step of this rank: parameters by table, rows as they were asked for.
    lent : list of Tensor
        By table: the values of own rows that any rank has borrowed.
    """

    lending: Lending
    requests: list[list[_Request]]
    places: list[list[list[Tensor]]]
    lent: list[Tensor]
    borrowed: list[dict[str, nn.Parameter]]

    def gradients(self, rank: int) -> Tensor:
        """The gradients of the rows of ``borrowed`` that ``rank`` owns, as one list of numbers."""
        return torch.cat(
            [
                _gradient(parameters[name], request.chosen[rank])
                for parameters, row in zip(self.borrowed, self.requests, strict=True)
                for name, request in zip(self.lending.names, row, strict=True)
            ]
        )

    @cached_property
    def sizes(self) -> list[list[int]]:
        """By rank, how many numbers of gradients it sends here, by micro-step and table."""
        widths = [_width(each) for each in self.lent]
        return [
            [len(at) * width for cell in by_slot for at, width in zip(cell, widths, strict=True)]
            for by_slot in self.places
        ]

    def take(self, gradients: Sequence[Tensor], weight: float) -> None:
        """Take what the ranks send, as gradients of ``lent`` divided by ``weight``.

        They are summed in the order of the micro-steps, whoever computed them, so that the sum is
        the same for any number of ranks.
        """
        pieces = [torch.split(part, size) for part, size in zip(gradients, self.sizes, strict=True)]
        for table, values in enumerate(self.lent):
            total = torch.zeros_like(values)
            for slot in range(len(self.requests)):
                for by_slot, cells in zip(self.places, pieces, strict=True):
                    piece = cells[slot * len(self.lent) + table]
                    total.index_add_(0, by_slot[slot][table], piece.view(-1, *values.shape[1:]))
            values.grad = total.div_(weight)


def _gradient(parameter: nn.Parameter, chosen: Tensor) -> Tensor:
    """The gradient of some rows, as one list of numbers."""
    if parameter.grad is None:
        return parameter.new_zeros(len(chosen) * _width(parameter))
    return parameter.grad[chosen].reshape(-1)


def _width(table: Tensor) -> int:
    """The numbers of a row."""
    return int(np.prod(table.shape[1:], dtype=np.int64))
