"""The contract of scenario heads, and of every module that keeps one row per scenario."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

RANK = 8  # of matrices that belong to one scenario, at most
Neutral = Literal["zeros", "ones", "kept"]
_M = TypeVar("_M", bound=nn.Module)


@dataclass(frozen=True)
class HeadShape:
    """What decides the sizes of a head's parameters.

    ``n_scenarios`` K scenarios, vectors of ``embedding_size`` d numbers, and ``n_features`` f
    numbers that describe a scenario.
    """

    n_scenarios: int
    embedding_size: int
    n_features: int = 0

    @property
    def width(self) -> int:
        """e: the width of hidden layers."""
        return max(self.embedding_size // 4, 8)

    @property
    def rank(self) -> int:
        """r: the rank of matrices that belong to one scenario."""
        return max(min(RANK, self.embedding_size // 4), 1)


class ByScenario(nn.Module):
    """A module some of whose parameters and buffers have exactly one row per scenario."""

    def __init__(self, n_scenarios: int) -> None:
        super().__init__()
        self.n_scenarios = n_scenarios
        self._neutral: dict[str, Neutral] = {}  # by the names of all tables with a row per scenario

    def add_rows(self, name: str, start: Tensor, *, neutral: Neutral = "zeros") -> None:
        """Add a parameter ``[K, ...]``, each of whose rows starts as ``start``.

        ``neutral`` says which row makes a scenario answer as requests without one: zeros, ones, or
        the row as it is (of a product of two matrices one is kept: with both at zero neither would
        have a gradient).
        """
        rows = start.expand(self.n_scenarios, *start.shape).clone()
        self.register_parameter(name, nn.Parameter(rows))
        self._neutral[name] = neutral

    def add_row_buffer(self, name: str, rows: Tensor) -> None:
        """Add a buffer ``[K, ...]`` with one row per scenario, which no training changes."""
        self.register_buffer(name, rows.clone())
        self._neutral[name] = "kept"

    def rows_of(self, name: str, scenario: Tensor) -> Tensor:
        """Rows of parameter ``name`` for ``scenario`` int64 ``[B]``, float32 ``[B, ...]``; zero
        for -1."""
        table: Tensor = getattr(self, name)
        if len(scenario) == 1:  # a lone request, several times faster
            code = int(scenario[0])
            return table[code : code + 1] if code >= 0 else table.new_zeros(1, *table.shape[1:])
        rows = functional.embedding(scenario.clamp_min(0), table.flatten(1))
        return (rows * (scenario >= 0).unsqueeze(1)).view(-1, *table.shape[1:])

    def neutral_rows(self, scenario: int) -> dict[str, Tensor]:
        """Rows of this module's own parameters, without those of modules inside it, with which
        ``scenario`` answers as requests without a scenario."""
        found = {}
        for name, neutral in self._neutral.items():
            if name not in self._parameters:
                continue
            row = self.get_parameter(name).detach()[scenario]
            if neutral == "kept":
                found[name] = row.clone()
            else:
                found[name] = torch.zeros_like(row) if neutral == "zeros" else torch.ones_like(row)
        return found

    def reset_rows(self, n_scenarios: int) -> None:
        """Give every parameter and buffer ``n_scenarios`` rows of zeros, whatever rows it had."""
        for name in self._neutral:
            table: Tensor = getattr(self, name)
            rows = table.new_zeros(n_scenarios, *table.shape[1:])
            setattr(self, name, nn.Parameter(rows) if isinstance(table, nn.Parameter) else rows)
        self.n_scenarios = n_scenarios

    def add_scenarios(self, count: int, like: int | None = None) -> None:
        """Add ``count`` scenarios, numbered from K, in place; see ``grown``."""
        if not self.n_scenarios or (like is not None and not 0 <= like < self.n_scenarios):
            raise ValueError(f"scenario {like} is not among the {self.n_scenarios} to start from")
        for name in self._neutral:
            table = getattr(self, name)
            rows = table.detach()
            start = rows.mean(dim=0, keepdim=True) if like is None else rows[like : like + 1]
            more = torch.cat([rows, start.expand(count, *rows.shape[1:])])
            if isinstance(table, nn.Parameter):
                setattr(self, name, nn.Parameter(more, requires_grad=table.requires_grad))
            else:
                setattr(self, name, more)
        self.n_scenarios += count

    @property
    def own_parameters(self) -> tuple[str, ...]:
        """Names of the parameters with one row per scenario: the only ones that training a single
        scenario may change."""
        return own_parameters(self)

    def n_own(self) -> int:
        """The count of numbers that belong to each scenario."""
        return sum(self.get_parameter(name)[:1].numel() for name in self.own_parameters)

    def grown(self, count: int = 1, like: int | None = None) -> Self:
        """A copy with ``count`` more scenarios, numbered from K. They start as the mean of the
        others, or as scenario ``like``; nothing else changes by a bit.

        Raises ValueError where there is no such scenario, or none to start from.
        """
        return grown(self, count, like)


def own_parameters(module: nn.Module) -> tuple[str, ...]:
    """Names, within ``module``, of all parameters with one row per scenario."""
    return tuple(
        f"{place}.{name}" if place else name
        for place, part in module.named_modules()
        if isinstance(part, ByScenario)
        for name in part._neutral
        if name in part._parameters
    )


def neutral_rows(module: nn.Module, scenario: int) -> dict[str, Tensor]:
    """Rows of all ``own_parameters`` with which ``scenario`` answers as requests without one."""
    return {
        f"{place}.{name}" if place else name: row
        for place, part in module.named_modules()
        if isinstance(part, ByScenario)
        for name, row in part.neutral_rows(scenario).items()
    }


def grown(module: _M, count: int = 1, like: int | None = None) -> _M:
    """A copy of ``module`` in which every ``ByScenario`` has ``count`` more scenarios."""
    other = copy.deepcopy(module)
    for part in other.modules():
        if isinstance(part, ByScenario):
            part.add_scenarios(count, like)
    return other


class ScenarioHead(ByScenario, ABC):
    """Adapts user vectors to scenarios, row by row, so that a score never depends on the rest of
    the batch. Scenario -1 means none given, and gets what all scenarios share.

    The answer is linear in the vectors once ``at`` is fixed: gates, softmax mixtures and the masks
    of ReLUs (which have no biases) are decided there. So the contribution of a history event to a
    score stays additive under any head. ``features`` float32 ``[K, f]`` describe the scenarios; a
    head that reads them sets ``reads_scenario_features``. One with nothing of a scenario's own
    clears ``adapts``: it can't be fitted to a new scenario.

    The module's name is the head's name; see ``kgrec.config.heads``.
    """

    reads_scenario_features: ClassVar[bool] = False
    adapts: ClassVar[bool] = True

    def __init__(
        self,
        shape: HeadShape,
        features: Tensor | None = None,
    ) -> None:
        del features  # for heads that read them
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
        """float32 ``[B, d]``: a bias of each scenario, added for users with and without history."""
        return None if self.shift is None else self.rows_of("shift", scenario)

    def describe(self, scenario: int, features: Tensor) -> None:
        """Set the ``features`` float32 ``[f]`` of ``scenario``; heads that read none keep none."""
