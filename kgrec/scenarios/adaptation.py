"""Adapting: a scenario more, or one that is known, from a handful of interactions."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kgrec.errors import RequestError
from kgrec.features.texts import TextReader, scenarios_of
from kgrec.graph import GraphSnapshot
from kgrec.graph.merge import merge_snapshots
from kgrec.graph.snapshot import Ints
from kgrec.graph.source import read_source
from kgrec.nn.heads import NoHead
from kgrec.query import id_list, item_rows
from kgrec.ratings.model import RatingModel
from kgrec.scenarios.add_scenario import (
    check_name,
    grown_engine,
    grown_rater,
    likeness,
    over,
    replace_parts,
    with_adapter,
    with_scenario,
)
from kgrec.scenarios.examples import GivenExamples, Shots
from kgrec.scoring.engine import Engine, rebound
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.support import without_splits
from kgrec.training.scenarios.finetuning import fit_own_rows
from kgrec.training.scenarios.initial_rows import precisions
from kgrec.training.scenarios.maml import Start, take_steps

if TYPE_CHECKING:
    from kgrec.config import RecommenderConfig

_STEPS, _RATE = 80, 0.02


class Adapting:
    """The part of Recommender that takes up scenarios after training."""

    config: RecommenderConfig
    _full: GraphSnapshot | None
    _now: Engine | None
    _reader: TextReader
    _rater: RatingModel | None

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def adapt(
        self,
        scenario: str,
        examples: GivenExamples = (),
        *,
        description: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
    ) -> Self:
        """Take up a new ``scenario``, or tune a known one, from a few interactions, in place.

        ``examples`` are a frame with user_id, item_id (and timestamp), or (user, item) pairs. Users
        may be new: then their examples become their history, as by ``update``; of stored users
        nothing is stored. Without examples a new scenario answers as all share or, with a
        ``description`` or ``attributes`` (given here or by its node in the graph), halfway to the
        others that say the like. Examples move it from there: the maximum a posteriori under a
        Gaussian prior with the others' spread, by the softmax over ``candidates`` (item ids that it
        offers; unless given all, or its own where the model is trained so). Only what belongs to
        the scenario changes: others' answers stay as they are, bit by bit. Its requests choose
        among all items, or their ``candidates``. Raises RequestError for a name that is none,
        unknown items and examples without an id, and TrainingError; then nothing has changed.
        """
        name, engine = check_name(scenario), self._engine
        assert self._full is not None
        shots = Shots.read(engine, examples)
        offered = _offered(engine, name, candidates, shots)
        full = with_scenario(self._full, name, description, attributes or {})
        visible = with_scenario(engine.snapshot, name, description, attributes or {})
        told = self._reader.read_scenarios(scenarios_of(visible))
        now = over(engine, visible, replace(engine.texts, scenarios=told))
        new = name not in engine.vocabulary.scenarios
        now = grown_engine(now, name) if new else _ready(now)
        if len(shots) and new and now.start is not None:
            _step(now, now.start, name, shots, offered)
        elif len(shots):
            _fit(now, name, shots, offered)
        newcomers = shots.newcomers(engine, name)
        if newcomers is not None:
            full = merge_snapshots(full, read_source(newcomers, None))
            now = rebound(now, without_splits(full, ("test",)), now.texts)
        _ = now.items  # ready to answer
        if new and self._rater is not None:
            self._rater = grown_rater(self._rater)
        self._full, self._now = full, now
        return self


def _ready(engine: Engine) -> Engine:
    """The engine with a model of its own, one with a head."""
    if isinstance(engine.model.head, NoHead):
        model = with_adapter(engine.model)
    else:
        model = copy.deepcopy(engine.model)
    return replace_parts(engine, model, engine.vocabulary)


def _fit(engine: Engine, name: str, shots: Shots, offered: Ints | None) -> None:
    """Move the rows of scenario ``name`` from where they are by the examples."""
    model, code = engine.model, engine.vocabulary.scenarios.tolist().index(name)
    others = likeness(engine, name).codes
    pull = model.shape.pull / len(shots)
    reg = {name: pull * value for name, value in precisions(model, others).items()}
    fit_own_rows(
        model,
        engine.inputs,
        shots.examples(engine),
        code,
        epochs=_STEPS,
        learning_rate=_RATE,
        reg=reg,
        candidates=offered,
        items=engine.items,
        weights=engine.item_weights,
    )


def _step(engine: Engine, start: Start, name: str, shots: Shots, offered: Ints | None) -> None:
    """Move the rows of scenario ``name`` as meta-training did."""
    take_steps(
        engine.model,
        engine.inputs,
        shots.examples(engine),
        engine.vocabulary.scenarios.tolist().index(name),
        start,
        candidates=offered,
        items=engine.items,
    )


def _offered(
    engine: Engine, name: str, candidates: Sequence[str] | None, shots: Shots
) -> Ints | None:
    """int64: the rows that the examples choose among, None for all."""
    if candidates is None:
        own, codes = engine.own_items, scenario_codes(np.array([name]), engine.vocabulary)
        if own is None or codes[0] < 0:
            return None
        return np.union1d(np.flatnonzero(own[codes[0]]), shots.item)
    wanted = id_list(candidates, "candidates")
    if not wanted:
        raise RequestError("candidates is an empty list; pass item ids, or None for all.")
    return np.union1d(item_rows(engine.snapshot.items, wanted), shots.item)
