"""The objective: the candidates and the loss of each example, by scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kgrec.config import TrainingConfig
from kgrec.errors import TrainingError
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories, HybridModel, ItemVectors
from kgrec.training.data.examples import Examples, Sequences, histories_of
from kgrec.training.data.scenario_rows import item_counts, log_prior, own_items
from kgrec.training.losses import bce_terms, kl_terms, softmax_terms

Teacher = Callable[[Histories], Tensor]  # histories of B rows → scores ``[B, n_items]``


class GroupLoss(NamedTuple):
    """The summed loss of one group's examples and its weight. ``group`` is the scenario's code, or
    the number of scenarios for rows without one (and for all rows where scenarios are scored
    together)."""

    group: int
    total: Tensor
    weight: Tensor

    def mean(self) -> Tensor:
        """Zero where no target is left."""
        return self.total / self.weight.clamp_min(1e-9)


def weighted_mean(losses: Sequence[GroupLoss]) -> Tensor:
    """The mean loss over all groups: every target counts by its weight alone."""
    total, weight = losses[0].total, losses[0].weight
    for loss in losses[1:]:
        total, weight = total + loss.total, weight + loss.weight
    return total / weight.clamp_min(1e-9)


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss that a step minimises. ``kinds``, ``own`` (candidate items) and ``adjustment``
    (float32 ``[K + 1, n_items]``, added to a softmax's scores: logit adjustment, Menon et al., ICLR
    2021) are by scenario code, the last entry for -1. With ``apart`` each scenario's examples are
    scored separately."""

    user_weight: float
    n_scenarios: int
    apart: bool
    kinds: tuple[str, ...]
    own: list[Ints | None] | None = None
    adjustment: Tensor | None = None
    teacher: Teacher | None = None

    @staticmethod
    def build(
        config: TrainingConfig,
        user_weight: float,
        data: Sequences,
        names: Sequence[str],
        n_items: int,
        device: torch.device,
        teacher: Teacher | None = None,
    ) -> Objective:
        """Raises TrainingError for settings that name an unknown scenario, or a missing teacher."""
        n_scenarios = max(len(names), int(data.scenario.max(initial=-1)) + 1)
        check_names(config.losses, names, "losses")
        kinds: list[str] = [config.losses.get(name, "softmax") for name in names]
        kinds += ["softmax"] * (n_scenarios - len(names)) + [config.losses.get("", "softmax")]
        if "kl" in kinds and teacher is None:
            raise TrainingError("a 'kl' loss has no teacher; name its folder in 'teacher'.")
        rows = (data.item, data.scenario)
        own = own_items(*rows, config.scenario_candidates, n_scenarios, n_items)
        adjustment = None
        if config.logit_adjustment:
            prior = log_prior(item_counts(*rows, n_scenarios, n_items))
            adjustment = torch.as_tensor(config.logit_adjustment * prior, device=device)
        special = own is not None or adjustment is not None or set(kinds) != {"softmax"}
        return Objective(
            user_weight=user_weight,
            n_scenarios=n_scenarios,
            apart=n_scenarios > 0 and (special or config.balancing != "none"),
            kinds=tuple(kinds),
            own=own,
            adjustment=adjustment,
            teacher=teacher,
        )

    def losses(
        self,
        model: HybridModel,
        users: Tensor,
        items: ItemVectors,
        examples: Examples,
        histories: Histories,
        sampled: Candidates | None = None,
    ) -> list[GroupLoss]:
        """The losses of ``users`` (vectors ``[B, d]``), at least one group's.

        ``histories`` are the examples' histories in the snapshot's numbers, for the teacher.
        """
        return [
            self._loss(model, users, items, part, histories, sampled)
            for part in self._parts(examples, sampled)
        ]

    def _loss(
        self,
        model: HybridModel,
        users: Tensor,
        items: ItemVectors,
        part: Part,
        histories: Histories,
        sampled: Candidates | None,
    ) -> GroupLoss:
        group = self.n_scenarios if part.code < 0 else part.code
        kind = self.kinds[part.code]
        if part.rows is not None:
            users = users[torch.as_tensor(part.rows, device=users.device)]
            histories = histories_of(histories, part.rows)
        items, places, log_chance = _columns(items, part, sampled)
        scores = model.scores(users, items)
        if kind == "bce":
            return GroupLoss(group, *bce_terms(scores, part.examples, self.user_weight))
        if kind == "kl":
            assert self.teacher is not None
            teacher_scores = _of(self.teacher(histories).to(scores), places)
            return GroupLoss(
                group, *kl_terms(scores, teacher_scores, part.examples, self.user_weight)
            )
        if self.adjustment is not None:
            scores = scores + _of(self.adjustment[[part.code]], places)
        terms = softmax_terms(scores, part.examples, self.user_weight, log_chance)
        return GroupLoss(group, *terms)

    def _parts(self, examples: Examples, sampled: Candidates | None) -> Iterator[Part]:
        if not self.apart:
            yield Part(-1, None, None, examples)
            return
        codes = examples.histories.scenario
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            own = None if self.own is None else self.own[code]
            if own is not None and sampled is not None:
                own = np.flatnonzero(np.isin(sampled.items, own))
            yield Part(int(code), rows, own, narrowed(examples, rows, own))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates of a sampled step: ``rows`` int64 ``[c]`` of its item vectors, which are the
    snapshot's ``items`` (int64, ascending), and the log of each one's probability of being sampled.
    """

    rows: Tensor
    items: Ints
    log_chance: Tensor


class Part(NamedTuple):
    """The examples of one scenario: ``rows`` of the batch and ``columns`` of the candidates, None
    for all. ``examples`` use these numbers, but keep the histories of the whole batch."""

    code: int
    rows: Ints | None
    columns: Ints | None
    examples: Examples


def check_names(given: Mapping[str, object], names: Sequence[str], what: str) -> None:
    """Raise TrainingError for a scenario that no training row has; "" means rows without one."""
    unknown = sorted(set(given) - {*names, ""})
    if unknown:
        known = ", ".join(names) or "none"
        raise TrainingError(f"{what} name the scenario {unknown[0]!r}; training has: {known}.")


def _columns(
    items: ItemVectors, part: Part, sampled: Candidates | None
) -> tuple[ItemVectors, Tensor | None, Tensor | None]:
    """The candidates' vectors, their rows in the snapshot (None: all) and log probabilities."""
    own = part.columns
    if sampled is None:
        if own is None:
            return items, None, None
        rows = torch.as_tensor(own, device=items.bias.device)
        return items.scoring(rows), rows, None
    chosen = slice(None) if own is None else own
    places = torch.as_tensor(sampled.items[chosen], device=items.bias.device)
    if own is None:
        return items.scoring(sampled.rows), places, sampled.log_chance
    kept = torch.as_tensor(own, device=items.bias.device)
    return items.scoring(sampled.rows[kept]), places, sampled.log_chance[kept]


def _of(values: Tensor, places: Tensor | None) -> Tensor:
    return values if places is None else values[:, places]


def narrowed(examples: Examples, rows: Ints, columns: Ints | None) -> Examples:
    """The seen pairs and targets of ``rows`` within ``columns``, in these numbers."""
    place = np.full(len(examples.histories), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    seen_row, seen_item, _ = _inside(place, examples.seen_row, examples.seen_item, columns)
    row, item, kept = _inside(place, examples.target_row, examples.target_item, columns)
    return replace(
        examples,
        seen_row=seen_row,
        seen_item=seen_item,
        target_row=row,
        target_item=item,
        target_weight=examples.target_weight[kept],
    )


def _inside(
    place: Ints, row: Ints, item: Ints, columns: Ints | None
) -> tuple[Ints, Ints, np.ndarray]:
    kept = place[row] >= 0
    if columns is not None and not len(columns):
        kept[:] = False
    elif columns is not None:
        at = np.minimum(np.searchsorted(columns, item), len(columns) - 1)
        kept &= columns[at] == item
        item = at
    return place[row[kept]], item[kept], kept
