"""The contract of scenario heads, and of everything that keeps a row for each scenario."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

RANK = 8  # of matrices that belong to one scenario, at most
_M = TypeVar("_M", bound=nn.Module)


@dataclass(frozen=True)
class HeadShape:
    """What decides a head's parameters: K scenarios, vectors of d numbers, and how many numbers
    describe a scenario."""

    n_scenarios: int
    embedding_size: int
    n_features: int = 0

    @property
    def width(self) -> int:
        """e: how wide hidden layers are."""
        return max(self.embedding_size // 4, 8)

    @property
    def rank(self) -> int:
        """r: the rank of matrices that belong to one scenario."""
        return max(min(RANK, self.embedding_size // 4), 1)


class ByScenario(nn.Module):
    """A module some of whose parameters hold one row for each scenario, and nothing but that."""

    def __init__(self, n_scenarios: int) -> None:
        super().__init__()
        self.n_scenarios = n_scenarios
        self._rows: list[str] = []  # names of parameters and buffers with a row for each scenario

    def add_rows(self, name: str, start: Tensor) -> None:
        """A parameter ``[K, ...]``, each of whose rows starts as ``start``."""
        rows = start.expand(self.n_scenarios, *start.shape).clone()
        self.register_parameter(name, nn.Parameter(rows))
        self._rows.append(name)

    def rows_of(self, name: str, scenario: Tensor) -> Tensor:
        """The rows of parameter ``name`` for ``scenario`` int64 ``[B]``, float32 ``[B, ...]``; zero
        for -1."""
        table: Tensor = getattr(self, name)
        if len(scenario) == 1:  # a lone request, several times faster
            code = int(scenario[0])
            return table[code : code + 1] if code >= 0 else table.new_zeros(1, *table.shape[1:])
        rows = functional.embedding(scenario.clamp_min(0), table.flatten(1))
        return (rows * (scenario >= 0).unsqueeze(1)).view(-1, *table.shape[1:])

    @property
    def own_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that belong to one scenario row by row: the only ones that
        learning one scenario may change."""
        return own_parameters(self)

    def n_own(self) -> int:
        """How many numbers belong to each scenario."""
        return sum(self.get_parameter(name)[:1].numel() for name in self.own_parameters)

    def grown(self, count: int = 1, like: int | None = None) -> Self:
        """A copy with ``count`` scenarios more, numbered from K. They start as the mean of the
        others, or as scenario ``like``; nothing else changes by a bit.

        Raises ValueError where there is no such scenario, or none to start from.
        """
        return grown(self, count, like)

    def _grow(self, count: int, like: int | None) -> None:
        if not self.n_scenarios or (like is not None and not 0 <= like < self.n_scenarios):
            raise ValueError(f"scenario {like} is not among the {self.n_scenarios} to start from")
        for name in self._rows:
            table = getattr(self, name)
            rows = table.detach()
            start = rows.mean(dim=0, keepdim=True) if like is None else rows[like : like + 1]
            more = torch.cat([rows, start.expand(count, *rows.shape[1:])])
            if isinstance(table, nn.Parameter):
                setattr(self, name, nn.Parameter(more, requires_grad=table.requires_grad))
            else:
                setattr(self, name, more)
        self.n_scenarios += count


def own_parameters(module: nn.Module) -> tuple[str, ...]:
    """Names, within ``module``, of all parameters that have a row for each scenario."""
    return tuple(
        f"{place}.{name}" if place else name
        for place, part in module.named_modules()
        if isinstance(part, ByScenario)
        for name in part._rows
        if name in part._parameters
    )


def grown(module: _M, count: int = 1, like: int | None = None) -> _M:
    """A copy of ``module`` in which every ``ByScenario`` has ``count`` scenarios more."""
    other = copy.deepcopy(module)
    for part in other.modules():
        if isinstance(part, ByScenario):
            part._grow(count, like)
    return other


class ScenarioHead(ByScenario, ABC):
    """Adapts user vectors to scenarios, row by row, so that a score never depends on the rest of
    the batch. Scenario -1 means none given, and gets what all scenarios share.

    The answer is linear in the vectors once ``at`` is fixed: gates, softmax mixtures and the masks
    of ReLUs (which have no biases) are decided there. So what a history event adds to a score stays
    additive under any head. What ``features`` float32 ``[K, f]`` say of the scenarios is for heads
    that read it.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape.n_scenarios)
        self.embedding_size = shape.embedding_size
        self.register_parameter("shift", None)

    @abstractmethod
    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        """``vectors`` float32 ``[B, d]``, ``scenario`` int64 ``[B]`` → float32 ``[B, d]``.

        ``at`` float32 ``[B, d]``, ``vectors`` unless given. With a single ``scenario`` and ``at``
        there may be any number of vectors, of float64 too.
        """

    def bias(self, scenario: Tensor) -> Tensor | None:
        """float32 ``[B, d]``: a scenario's own taste, added for users with and without history."""
        return None if self.shift is None else self.rows_of("shift", scenario)

    def describe(self, scenario: int, features: Tensor) -> None:
        """Put ``features`` float32 ``[f]`` in the place of what was said of ``scenario``; heads
        that don't read any keep none."""
