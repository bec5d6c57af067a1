"""Adaptation: take up a new scenario, or tune a known one, from a few interactions."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgrec.errors import RequestError
from kgrec.graph.snapshot import Ints
from kgrec.nn.heads import NoHead
from kgrec.scenarios.add_scenario import grown_engine, likeness, with_adapter
from kgrec.scenarios.examples import Shots
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import id_list, item_rows
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training.scenarios.finetuning import fit_own_rows
from kgrec.training.scenarios.initial_rows import precisions
from kgrec.training.scenarios.maml import Start, take_steps

_STEPS, _RATE = 80, 0.02


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What one call of ``adapt`` needs: the scenario's ``name``, the examples, the rows that they
    choose among (None: all), and the start that meta-training learned, if there is one."""

    name: str
    examples: Shots
    offered: Ints | None
    start: Start | None

    def run(self, engine: Engine) -> Engine:
        """``engine``, whose snapshot has the scenario as a node, with the scenario in its model."""
        new = self.name not in engine.vocabulary.scenarios
        engine = grown_engine(engine, self.name, self.start) if new else _with_head(engine)
        if len(self.examples) and new and self.start is not None:
            self._take_steps(engine, self.start)
        elif len(self.examples):
            self._fit(engine)
        return engine

    def _fit(self, engine: Engine) -> None:
        """Move the scenario's rows from where they are by the examples."""
        model = engine.model
        others = likeness(engine, self.name).codes
        pull = model.shape.pull / len(self.examples)
        fit_own_rows(
            model,
            engine.inputs,
            self.examples.examples(engine),
            self._code(engine),
            epochs=_STEPS,
            learning_rate=_RATE,
            reg={name: pull * value for name, value in precisions(model, others).items()},
            candidates=self.offered,
            items=engine.items,
            weights=engine.item_weights,
        )

    def _take_steps(self, engine: Engine, start: Start) -> None:
        """Move the scenario's rows as meta-training did."""
        take_steps(
            engine.model,
            engine.inputs,
            self.examples.examples(engine),
            self._code(engine),
            start,
            candidates=self.offered,
            items=engine.items,
        )

    def _code(self, engine: Engine) -> int:
        return int(engine.vocabulary.scenarios.tolist().index(self.name))


def offered_rows(
    engine: Engine, name: str, candidates: Sequence[str] | None, examples: Shots
) -> Ints | None:
    """int64: the item rows that the examples choose among, None for all. Raises RequestError."""
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
    """The engine with a model of its own that has a scenario head."""
    if isinstance(engine.model.head, NoHead):
        return engine.with_scenarios(model=with_adapter(engine.model))
    return engine.with_scenarios(model=copy.deepcopy(engine.model))
