"""Meta-training: where a new scenario starts, and how far its examples take it, learned by playing
newcomer with every known one.

MAML (Finn, Abbeel & Levine, ICML 2017) on what scenarios own, with a learned rate for every number
(Meta-SGD, Li et al. 2017); all that they share stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, grad_and_value

from kgrec.arrays import row_numbers
from kgrec.errors import TrainingError
from kgrec.graph.snapshot import Ints
from kgrec.nn import HybridModel, ItemVectors, ModelInputs
from kgrec.nn.heads.base import own_parameters
from kgrec.training.data.examples import Examples
from kgrec.training.optim.row_adam import RowAdam, Rows
from kgrec.training.scenarios.finetuning import of_scenario, put_rows
from kgrec.training.scenarios.frozen_trunk import Asked, Trunk, frozen, of_rows
from kgrec.training.scenarios.initial_rows import prior_rows
from kgrec.training.train_step import Stepper

STEPS = 5
_SHOTS = (5, 10, 20, 50)
_QUERIES = 256  # users who judge a task
_TRUST = 20.0  # n examples count for n / (n + this)
_FIRST_RATE, _LEARNING_RATE = 0.05, 0.02
Loss = Callable[[Rows], Tensor]


@dataclass(frozen=True, eq=False)
class Start:
    """The ``rows`` with which a new scenario starts, and the ``rates`` of its steps, of their
    shape; both by the names of own parameters."""

    rows: Rows
    rates: Rows

    def arrays(self) -> dict[str, np.ndarray]:
        """What ``of_arrays`` makes it from again."""
        return {
            f"{kind}.{name}": value.cpu().numpy()
            for kind, of in (("rows", self.rows), ("rates", self.rates))
            for name, value in of.items()
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray], device: torch.device) -> Start:
        """From what ``arrays`` gave."""
        values = {name: torch.from_numpy(value).to(device) for name, value in arrays.items()}
        return Start(_of_kind(values, "rows"), _of_kind(values, "rates"))


def meta_train(stepper: Stepper, *, epochs: int, seed: int, items: ItemVectors) -> Start | None:
    """Learn a start from the scenarios of ``stepper``'s data, each a task an epoch: some of its
    users' events to adapt from, those of others to judge by. ``items`` are the model's vectors. The
    item–item weights have no part: they come from the very rows that tasks are drawn from, and know
    the answers. None where fewer than two scenarios have the users for it, or none has
    anything of its own. The model stays as it is. Raises TrainingError for a loss that is not
    finite."""
    model, data = stepper.model, stepper.data
    names = own_parameters(model)
    user = row_numbers(data.indptr)
    users = {code: np.unique(user[data.scenario == code]) for code in range(len(stepper.names))}
    codes = [code for code, own in users.items() if len(own) >= 2 * _SHOTS[0]]
    if not names or len(codes) < 2:
        return None
    first = prior_rows(model, np.array(codes), np.full(len(codes), 1 / len(codes)))
    log_rates = {name: torch.full_like(row, np.log(_FIRST_RATE)) for name, row in first.items()}
    learned = RowAdam.of({**_named(first, "rows"), **_named(log_rates, "rates")}, _LEARNING_RATE)
    rng = np.random.default_rng([seed, 4])
    with frozen(model):
        own = stepper.objective.own
        trunks = {
            code: Trunk.build(
                model, stepper.inputs, None if own is None else own[code], items, None
            )
            for code in codes
        }
        for _ in range(epochs):
            for code in rng.permutation(codes).tolist():
                task = _task(stepper, trunks[code], users[code], code, rng)
                if task is not None:
                    gradients, loss = grad_and_value(task)(learned.values)
                    _check(loss, code)
                    learned.step(gradients)
    rates = {name: row.exp() for name, row in _of_kind(learned.values, "rates").items()}
    return Start(_of_kind(learned.values, "rows"), rates)


def take_steps(
    model: HybridModel,
    inputs: ModelInputs,
    examples: Examples,
    code: int,
    start: Start,
    *,
    candidates: Ints | None = None,
    items: ItemVectors | None = None,
) -> None:
    """Move the rows of scenario ``code`` from ``start`` by examples, as meta-training did; see
    ``fit_own_rows``. Raises TrainingError; then the rows are as they were."""
    with frozen(model):
        trunk = Trunk.build(model, inputs, candidates, items, None)
        asked = trunk.ask(model, inputs, examples, code)
        rows = _stepped(_loss(model, code, asked), start.rows, start.rates, len(asked.pooled))
        _check(torch.stack([row.sum() for row in rows.values()]).sum(), code)
    put_rows(model, code, {name: row.detach() for name, row in rows.items()})


def _task(
    stepper: Stepper, trunk: Trunk, users: Ints, code: int, rng: np.random.Generator
) -> Loss | None:
    """The loss of other users after steps by a few, as a function of rows and log rates."""
    drawn = rng.permutation(users)[: _SHOTS[-1] + _QUERIES]
    examples = of_scenario(stepper.examples(np.sort(drawn), rng), code)
    order = rng.permutation(np.unique(examples.target_row))
    shots = min(int(rng.choice(_SHOTS)), len(order) // 2)
    if not shots:
        return None
    model, inputs = stepper.model, stepper.inputs
    few, others = (of_rows(examples, np.sort(rows)) for rows in (order[:shots], order[shots:]))
    by_few = _loss(model, code, trunk.ask(model, inputs, few, code))
    by_others = _loss(model, code, trunk.ask(model, inputs, others, code))

    def loss(learned: Rows) -> Tensor:
        rates = {name: row.exp() for name, row in _of_kind(learned, "rates").items()}
        return by_others(_stepped(by_few, _of_kind(learned, "rows"), rates, shots))

    return loss


def _stepped(loss: Loss, rows: Rows, rates: Rows, shots: int) -> Rows:
    trust = shots / (shots + _TRUST)
    for _ in range(STEPS):
        gradients = grad(loss)(rows)
        rows = {name: row - trust * rates[name] * gradients[name] for name, row in rows.items()}
    return rows


class _Judge(nn.Module):
    """A module, so that its parameters can be given with the call."""

    def __init__(self, model: HybridModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, asked: Asked, code: int) -> Tensor:
        return asked.loss(self.model, code, 1.0)


def _loss(model: HybridModel, code: int, asked: Asked) -> Loss:
    """The loss of ``asked`` as a function of the rows of scenario ``code``."""
    judge = _Judge(model)
    tables = {name: model.get_parameter(name).detach() for name in own_parameters(model)}

    def loss(rows: Rows) -> Tensor:
        values = {}
        for name, row in rows.items():
            place = torch.tensor([code], device=row.device)
            values[f"model.{name}"] = tables[name].index_copy(0, place, row.unsqueeze(0))
        told: Tensor = functional_call(judge, values, (asked, code))
        return told

    return loss


def _check(loss: Tensor, code: int) -> None:
    if not bool(torch.isfinite(loss)):
        raise TrainingError(
            f"meta-training: the loss of scenario {code} is not finite after {STEPS} steps; "
            "set meta_epochs to 0."
        )


def _named(rows: Rows, kind: str) -> Rows:
    return {f"{kind}.{name}": row for name, row in rows.items()}


def _of_kind(values: Rows, kind: str) -> Rows:
    start = f"{kind}."
    return {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}
