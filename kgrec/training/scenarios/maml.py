"""Meta-training: learn initial rows and learning rates for new scenarios, with each known scenario
as a task.

MAML (Finn, Abbeel & Levine, ICML 2017) on the parameters of scenarios, with a learned rate per
number (Meta-SGD, Li et al. 2017); shared parameters stay as they are.
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
from kgrec.training.scenarios.frozen_trunk import ScenarioExamples, Trunk, frozen, of_rows
from kgrec.training.scenarios.initial_rows import prior_rows
from kgrec.training.train_step import Stepper

STEPS = 5
_EXAMPLE_COUNTS = (5, 10, 20, 50)
_QUERY_USERS = 256  # users whose events give the loss of a task
_TRUST = 20.0  # n examples count for n / (n + this)
_FIRST_RATE, _LEARNING_RATE = 0.05, 0.02
Loss = Callable[[Rows], Tensor]


@dataclass(frozen=True, eq=False)
class Start:
    """The initial ``rows`` of a new scenario and the ``rates`` of its steps, of the same shapes;
    both by parameter names."""

    rows: Rows
    rates: Rows

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads."""
        return {
            f"{kind}.{name}": value.cpu().numpy()
            for kind, of in (("rows", self.rows), ("rates", self.rates))
            for name, value in of.items()
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray], device: torch.device) -> Start:
        """The start that ``arrays`` wrote."""
        values = {name: torch.from_numpy(value).to(device) for name, value in arrays.items()}
        return Start(_of_kind(values, "rows"), _of_kind(values, "rates"))


def meta_train(stepper: Stepper, *, epochs: int, seed: int, items: ItemVectors) -> Start | None:
    """Learn a start from the scenarios of ``stepper``'s data, each one task per epoch: events of
    some of its users to adapt to, those of others to compute the loss. ``items`` are the model's
    vectors. Item–item weights are left out: they are fitted on the rows that tasks are drawn from,
    and would leak the targets. None where fewer than two scenarios have enough users, or where the
    model has no parameters of scenarios. The model stays as it is. Raises TrainingError for a loss
    that is not finite."""
    model, data = stepper.model, stepper.data
    names = own_parameters(model)
    user = row_numbers(data.indptr)
    users = {code: np.unique(user[data.scenario == code]) for code in range(len(stepper.names))}
    codes = [code for code, own in users.items() if len(own) >= 2 * _EXAMPLE_COUNTS[0]]
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
    """Move the rows of scenario ``code`` from ``start`` by examples, with the steps of
    meta-training; see ``fit_own_rows``. Raises TrainingError; then the rows are as they were."""
    with frozen(model):
        trunk = Trunk.build(model, inputs, candidates, items, None)
        encoded = trunk.encode(model, inputs, examples, code)
        rows = _stepped(_loss(model, code, encoded), start.rows, start.rates, len(encoded.pooled))
        _check(torch.stack([row.sum() for row in rows.values()]).sum(), code)
    put_rows(model, code, {name: row.detach() for name, row in rows.items()})


def _task(
    stepper: Stepper, trunk: Trunk, users: Ints, code: int, rng: np.random.Generator
) -> Loss | None:
    """The loss of query users after steps on the support users, as a function of rows and log
    rates."""
    drawn = rng.permutation(users)[: _EXAMPLE_COUNTS[-1] + _QUERY_USERS]
    examples = of_scenario(stepper.examples(np.sort(drawn), rng), code)
    order = rng.permutation(np.unique(examples.target_row))
    n_examples = min(int(rng.choice(_EXAMPLE_COUNTS)), len(order) // 2)
    if not n_examples:
        return None
    model, inputs = stepper.model, stepper.inputs
    support, query = (
        of_rows(examples, np.sort(rows)) for rows in (order[:n_examples], order[n_examples:])
    )
    support_loss = _loss(model, code, trunk.encode(model, inputs, support, code))
    query_loss = _loss(model, code, trunk.encode(model, inputs, query, code))

    def loss(learned: Rows) -> Tensor:
        rates = {name: row.exp() for name, row in _of_kind(learned, "rates").items()}
        return query_loss(_stepped(support_loss, _of_kind(learned, "rows"), rates, n_examples))

    return loss


def _stepped(loss: Loss, rows: Rows, rates: Rows, n_examples: int) -> Rows:
    trust = n_examples / (n_examples + _TRUST)
    for _ in range(STEPS):
        gradients = grad(loss)(rows)
        rows = {name: row - trust * rates[name] * gradients[name] for name, row in rows.items()}
    return rows


class _LossModule(nn.Module):
    """A module, so that ``functional_call`` can replace its parameters."""

    def __init__(self, model: HybridModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, encoded: ScenarioExamples, code: int) -> Tensor:
        return encoded.loss(self.model, code, 1.0)


def _loss(model: HybridModel, code: int, encoded: ScenarioExamples) -> Loss:
    """The loss of the examples as a function of the rows of scenario ``code``."""
    module = _LossModule(model)
    tables = {name: model.get_parameter(name).detach() for name in own_parameters(model)}

    def loss(rows: Rows) -> Tensor:
        values = {}
        for name, row in rows.items():
            place = torch.tensor([code], device=row.device)
            values[f"model.{name}"] = tables[name].index_copy(0, place, row.unsqueeze(0))
        value: Tensor = functional_call(module, values, (encoded, code))
        return value

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
