"""The scenario head and the number of graph layers, chosen by short fits (effort "thorough").

Successive halving (Jamieson & Talwalkar, AISTATS 2016): all options are trained for a tenth of the
epochs, the better of them for a quarter. The option that models have without a race, the first,
takes part in every round, and stays unless another one gains more than two standard errors over
the same validation queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, get_args

import numpy as np

from kgrec.config import RecommenderConfig
from kgrec.config.heads import FEATURE_READERS, HeadName
from kgrec.fitting.evidence.decision import CHANCE, Decision, Evidence, Subject
from kgrec.fitting.fit import FitData, FitOptions, fit_engine
from kgrec.fitting.plan import plan_training, settings_to_try
from kgrec.fitting.validation import ComparedQueries, is_gain
from kgrec.graph.snapshot import Floats

ROUNDS: Final = ((0.1, 2), (0.25, 1))  # share of the epochs, and how many rivals are left after it
FEWEST: Final = 200  # validation queries, below which nothing is compared
LAYERS: Final = (1, 2)
DEFAULT_HEAD: Final = "adapter"


def choose_shape(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    evidence: Evidence,
) -> RecommenderConfig:
    """The settings with the head and the number of graph layers that won, where they are open.

    Without effort "thorough", or with fewer than ``FEWEST`` validation queries, nothing is compared
    and the settings stay. ``evidence`` keeps what was compared, or why nothing was.
    """
    config = _decided("head", _heads(data, config), data, config, options, evidence)
    return _decided("layers", _layers(data, config), data, config, options, evidence)


def _decided(
    subject: Subject,
    found: Mapping[str, RecommenderConfig] | Decision | None,
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    evidence: Evidence,
) -> RecommenderConfig:
    if found is None:
        return config
    if isinstance(found, Decision):
        evidence.add(found)
        return config
    default = next(iter(found))
    if config.training.effort != "thorough":
        note = "compared with effort 'thorough' alone"
        evidence.add(Decision(subject, default, "data", note=note))
        return config
    queries = _n_queries(data)
    if queries < FEWEST:
        evidence.add(Decision(subject, default, "few", queries=queries, note=_few(queries)))
        return config
    chosen = race(subject, found, data, options, evidence)
    return config if chosen == default else found[chosen]


def race(
    subject: Subject,
    entrants: Mapping[str, RecommenderConfig],
    data: FitData,
    options: FitOptions,
    evidence: Evidence,
) -> str:
    """The name of the entrant that won: the first, unless another surely gains."""
    default, *others = entrants
    own = replace(options, checkpoint=None, resume=False, progress=None, rival=-math.inf)
    compared: ComparedQueries | None = None
    for share, left in ROUNDS:
        values: dict[str, Floats] = {}
        for place, name in enumerate((default, *others)):
            if options.progress is not None:
                options.progress(f"{subject}: comparing {name}", place, 1 + len(others))
            fitted = fit_engine(data, _shortened(entrants[name], data, share), own)
            if compared is None:
                compared = ComparedQueries.build(fitted.engine, data.valid, options.seed)
            scores = compared.map(partial(compared.queries.score, fitted.engine))
            values[name] = compared.values(scores)
        others = _best(values, others, left)
    winner = others[0]
    chosen = winner if is_gain(values[winner], values[default], CHANCE) else default
    note = f"fits of {ROUNDS[-1][0]:.0%} of the epochs, of {len(entrants)} options"
    evidence.compared(subject, values.items(), chosen, note)
    return chosen


def _best(values: Mapping[str, Floats], names: Sequence[str], count: int) -> list[str]:
    """The best ``count`` of the names, the first among equals."""
    return sorted(names, key=lambda name: -float(np.mean(values[name])))[:count]


def _shortened(config: RecommenderConfig, data: FitData, share: float) -> RecommenderConfig:
    """The settings of a fit with a share of the epochs, whose learning rate also falls to zero."""
    first = settings_to_try(data.train, data.valid, config)[0]
    epochs = math.ceil(share * plan_training(data.train, data.valid, first).epochs)
    every = min(first.training.valid_every, epochs)
    short = {"epochs": epochs, "valid_every": every, "own_epochs": 0, "meta_epochs": 0}
    return first.model_copy(update={"training": first.training.model_copy(update=short)})


def _heads(
    data: FitData, config: RecommenderConfig
) -> dict[str, RecommenderConfig] | Decision | None:
    """The settings with each head, today's first; what decides without a race; None without
    scenarios."""
    scenarios = len(data.train.scenarios.ids)
    if not scenarios:
        return None
    head = config.model.head
    if head != "auto":
        return Decision("head", head, "set")
    if scenarios < 2:
        return Decision("head", "none", "data", note="there is one scenario")
    if config.training.effort == "quick":
        note = "effort 'quick' trains no head; scores of scenarios differ by the weights alone"
        return Decision("head", DEFAULT_HEAD, "data", note=note)
    names = (DEFAULT_HEAD, *(one for one in get_args(HeadName) if one != DEFAULT_HEAD))
    return {name: _with(config, head=name) for name in names if name not in FEATURE_READERS}


def _layers(
    data: FitData, config: RecommenderConfig
) -> dict[str, RecommenderConfig] | Decision | None:
    """The settings with each number of graph layers; None where the network reads no graph."""
    model = config.model
    facts = sum(map(len, data.train.facts))
    if not model.use_knowledge or not facts or config.training.effort == "quick":
        return None
    if model.kg_layers is not None:
        return Decision("layers", _layer_name(model.kg_layers), "set")
    return {_layer_name(count): _with(config, kg_layers=count) for count in LAYERS}


def _layer_name(count: int) -> str:
    return "one layer" if count == 1 else f"{count} layers"


def _with(config: RecommenderConfig, **changed: object) -> RecommenderConfig:
    return config.model_copy(update={"model": config.model.model_copy(update=changed)})


def _n_queries(data: FitData) -> int:
    """How many users, or users in a scenario, have validation rows."""
    pairs = zip(data.valid.user.tolist(), data.valid.scenario, strict=True)
    return len(set(pairs))


def _few(queries: int) -> str:
    return f"{queries:,} validation queries; a comparison needs {FEWEST}"
