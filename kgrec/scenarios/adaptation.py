"""Adaptation: add a new scenario, or fine-tune a known one, from a few interactions."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgrec.arguments import id_list
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Ints
from kgrec.scenarios.examples import ScenarioExamples
from kgrec.scenarios.new_scenario import engine_with_scenario, related_scenarios, with_adapter
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import item_rows
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training.scenarios.finetuning import fit_own_rows
from kgrec.training.scenarios.initial_rows import precisions
from kgrec.training.scenarios.maml import Start, take_steps

_EPOCHS, _LEARNING_RATE = 80, 0.02


@dataclass(frozen=True, eq=False)
class Adaptation:
    """One call of ``adapt``.

    ``name``: the scenario. ``examples``: its few interactions. ``offered`` int64: the item rows
    that the examples choose among, None for all. ``start``: initial parameters from meta-training,
    if there are any.
    """

    name: str
    examples: ScenarioExamples
    offered: Ints | None
    start: Start | None

    def run(self, engine: Engine) -> Engine:
        """The engine with the scenario in its model; the snapshot has it as a node already."""
        new = self.name not in engine.vocabulary.scenarios
        engine = engine_with_scenario(engine, self.name, self.start) if new else _with_head(engine)
        if len(self.examples) and new and self.start is not None:
            self._take_steps(engine, self.start)
        elif len(self.examples):
            self._fit(engine)
        return engine

    def _fit(self, engine: Engine) -> None:
        """Fit the parameters of the scenario to the examples, from their present values."""
        model = engine.model
        related = related_scenarios(engine, self.name).codes
        pull = model.shape.pull / len(self.examples)
        fit_own_rows(
            model,
            engine.inputs,
            self.examples.training_examples(engine),
            self._code(engine),
            epochs=_EPOCHS,
            learning_rate=_LEARNING_RATE,
            reg={name: pull * value for name, value in precisions(model, related).items()},
            candidates=self.offered,
            items=engine.items,
            weights=engine.item_weights,
        )

    def _take_steps(self, engine: Engine, start: Start) -> None:
        """Fit the parameters of the scenario by the gradient steps of meta-training."""
        take_steps(
            engine.model,
            engine.inputs,
            self.examples.training_examples(engine),
            self._code(engine),
            start,
            candidates=self.offered,
            items=engine.items,
        )

    def _code(self, engine: Engine) -> int:
        return int(engine.vocabulary.scenarios.tolist().index(self.name))


def offered_rows(
    engine: Engine, name: str, candidates: Sequence[str] | None, examples: ScenarioExamples
) -> Ints | None:
    """Item rows that the examples choose among, int64; None for all. Raises RequestError."""
    check_not_private(engine.private, "a scenario learned from examples")
    if candidates is None:
        own, codes = engine.scenario_items, scenario_codes(np.array([name]), engine.vocabulary)
        if own is None or codes[0] < 0:
            return None
        return np.union1d(np.flatnonzero(own[codes[0]]), examples.item)
    wanted = id_list(candidates, "candidates")
    if not wanted:
        raise RequestError("candidates is an empty list; pass item ids, or None for all.")
    return np.union1d(item_rows(engine.snapshot.items, wanted), examples.item)


def _with_head(engine: Engine) -> Engine:
    """The engine with its own copy of the model, which has a scenario head."""
    if not engine.model.adapts:
        return engine.with_scenarios(model=with_adapter(engine.model))
    return engine.with_scenarios(model=copy.deepcopy(engine.model))
