"""Fit the rows of one scenario; shared parameters and other scenarios' rows are frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from kgrec.arrays import row_numbers
from kgrec.errors import TrainingError
from kgrec.graph.snapshot import Ints
from kgrec.nn import HybridModel, ItemVectors, ItemWeights, ModelInputs
from kgrec.nn.heads.base import own_parameters
from kgrec.training.best_weights import METRIC, Validate
from kgrec.training.data.examples import Examples
from kgrec.training.optim.row_adam import RowAdam, Rows
from kgrec.training.scenarios.frozen_trunk import ScenarioExamples, Trunk, frozen, of_rows
from kgrec.training.train_step import Stepper

Batches = Callable[[int], Iterable[Examples]]  # the examples of an epoch, from 0
_TUNING = 0.2  # of the learning rate of joint training
_PULL = 0.01


def own_rows(model: nn.Module, code: int) -> Rows:
    """A copy of the rows ``[...]`` of scenario ``code``, by the names of their parameters."""
    return {
        name: model.get_parameter(name)[code].detach().clone() for name in own_parameters(model)
    }


@torch.no_grad()
def put_rows(model: nn.Module, code: int, rows: Mapping[str, Tensor]) -> None:
    """Write ``rows``, as ``own_rows`` returns them, into scenario ``code``."""
    for name, row in rows.items():
        model.get_parameter(name)[code] = row


def fit_own_rows(
    model: HybridModel,
    inputs: ModelInputs,
    examples: Examples | Batches,
    code: int,
    *,
    epochs: int,
    learning_rate: float,
    reg: float | Mapping[str, float] = 0.0,
    prior: Mapping[str, Tensor] | None = None,
    candidates: Ints | None = None,
    user_weight: float = 1.0,
    items: ItemVectors | None = None,
    weights: ItemWeights | None = None,
) -> list[float]:
    """Fit the rows of scenario ``code`` to examples by Adam, with the penalty ``reg`` Σ (row -
    prior)²; returns the loss of every epoch, without the penalty.

    All examples are scored in that scenario. ``examples`` are one step per epoch, or a function
    that makes an epoch's steps. ``reg`` may be a number per parameter, and so is ``prior`` (the
    present rows unless given), as in ``own_rows``. ``candidates`` int64 rows limit the softmax.
    ``items`` are the item vectors where the caller has them (otherwise they are computed once),
    ``weights`` the item–item weights that are added to scores. No other number of the model changes
    by a bit. Raises TrainingError where the model has no rows of scenarios, or for a loss that is
    not finite: then the rows are as they were.
    """
    before = own_rows(model, code) if 0 <= code < _n_scenarios(model) else {}
    if not before:
        raise TrainingError(
            f"the model has no parameters of scenario {code}; fit it with a scenario head."
        )
    batches: Batches = examples if callable(examples) else lambda _: (examples,)
    aim = {name: prior[name] if prior else row for name, row in before.items()}
    rows = RowAdam.of(before, learning_rate)
    records = []
    try:
        with frozen(model, before):
            trunk = Trunk.build(model, inputs, candidates, items, weights)
            encoded: tuple[Examples, ScenarioExamples] | None = None
            for epoch in range(epochs):
                losses = []
                for batch in batches(epoch):
                    if not len(batch.target_item):
                        continue
                    if encoded is None or encoded[0] is not batch:
                        encoded = batch, trunk.encode(model, inputs, batch, code)
                    loss = encoded[1].loss(model, code, user_weight)
                    _step(model, code, loss, rows, aim, reg)
                    losses.append(float(loss.detach()))
                records.append(float(np.mean(losses)) if losses else 0.0)
    except TrainingError:
        put_rows(model, code, before)
        raise
    return records


def _n_scenarios(model: nn.Module) -> int:
    sizes = [len(model.get_parameter(name)) for name in own_parameters(model)]
    return min(sizes, default=0)


def _step(
    model: nn.Module,
    code: int,
    loss: Tensor,
    rows: RowAdam,
    aim: Mapping[str, Tensor],
    reg: float | Mapping[str, float],
) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
    finite = torch.isfinite(loss.detach())
    gradients = {}
    for name, row in rows.values.items():
        whole = model.get_parameter(name)
        gradient = torch.zeros_like(row) if whole.grad is None else whole.grad[code]
        pull = reg if isinstance(reg, float | int) else reg[name]
        gradients[name] = gradient + 2 * pull * (row - aim[name])
        whole.grad = None
        finite = finite & torch.isfinite(gradients[name]).all()
    if not bool(finite):
        raise TrainingError(
            f"the loss of scenario {code} or its gradient is not finite while its rows are "
            "fitted; lower the learning rate."
        )
    rows.step(gradients)
    put_rows(model, code, rows.values)


def tune_scenario(stepper: Stepper, code: int, *, epochs: int, seed: int) -> list[float]:
    """Fine-tune scenario ``code`` after joint training: its rows alone, on its own training rows,
    with the result of joint training as the prior; returns the loss of every epoch.

    A scenario without rows is left as it is. Raises TrainingError; see ``fit_own_rows``.
    """
    data = stepper.data
    user = row_numbers(data.indptr)
    users = np.unique(user[data.scenario == code])
    if not len(users):
        return []

    def batches(epoch: int) -> Iterator[Examples]:
        rng = np.random.default_rng([seed, code, epoch])
        n_steps = -(-len(users) // stepper.plan.batch_size)
        for part in np.array_split(rng.permutation(users), n_steps):
            yield of_scenario(stepper.examples(np.sort(part), rng), code)

    own = stepper.objective.own
    return fit_own_rows(
        stepper.model,
        stepper.inputs,
        batches,
        code,
        epochs=epochs,
        learning_rate=_TUNING * stepper.plan.learning_rate,
        reg=_PULL,
        candidates=None if own is None else own[code],
        user_weight=stepper.plan.user_weight,
    )


def tune_scenarios(stepper: Stepper, epochs: int, validate: Validate | None, seed: int) -> None:
    """``tune_scenario`` for every scenario; rows are restored where the scenario's metric in
    ``validate`` does not rise. Does nothing where the model has no rows of scenarios."""
    model, names = stepper.model, stepper.names
    if not own_parameters(model):
        return
    before = [own_rows(model, code) for code in range(len(names))]
    first = _validated(model, validate)
    for code in range(len(names)):
        tune_scenario(stepper, code, epochs=epochs, seed=seed)
    then = _validated(model, validate)
    for code, name in enumerate(names):
        key = f"{METRIC}/{name}"
        if key in then and then[key] <= first[key]:
            put_rows(model, code, before[code])


def _validated(model: nn.Module, validate: Validate | None) -> Mapping[str, float]:
    if validate is None:
        return {}
    model.eval()
    with torch.inference_mode():
        return validate()


def of_scenario(examples: Examples, code: int) -> Examples:
    """The examples of scenario ``code``; there may be none."""
    return of_rows(examples, np.flatnonzero(examples.histories.scenario == code))
