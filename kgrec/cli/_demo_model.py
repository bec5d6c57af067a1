"""The model that ``kgrec serve --demo`` serves: MovieLens-100K, fitted at the first start."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kgrec.cli._progress import say

if TYPE_CHECKING:
    from graph_schema import Catalog
    from kgrec import RecommenderConfig
    from kgrec.state import FittedState


def demo_model() -> Path:
    """The folder of the model, in the user's cache; it is fitted where it isn't there yet, or was
    made by another version of kgrec.

    In closed form and without the language model, which takes seconds. Raises KgrecError.
    """
    import kgrec
    from kgrec.errors import ModelError
    from kgrec.persistence.model_folder import read_manifest
    from loaders.public_sets.wheels import cache_root

    folder = cache_root() / f"demo-{kgrec.__version__}" / "model"
    try:
        read_manifest(folder)
    except ModelError:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir(parents=True)
        _fit(folder)
    return folder


def _fit(folder: Path) -> None:
    import loaders
    from kgrec import Recommender

    say("fetching MovieLens-100K")
    catalog = loaders.load(loaders.fetch("ml-100k")).catalog
    say("fitting a model, once")
    Recommender.of(fit_as_known(catalog, settings())).save(folder)


def settings() -> RecommenderConfig:
    """The settings of the demo: low ratings count against an item, and no text is read."""
    from kgrec import FeedbackConfig, ModelConfig, RecommenderConfig

    feedback = FeedbackConfig(like=4, ratings={"<=2": -1, "3": 0.5})
    return RecommenderConfig(feedback=feedback, model=ModelConfig(use_text=False))


def fit_as_known(catalog: Catalog, config: RecommenderConfig) -> FittedState:
    """The model of MovieLens-100K that effort "quick" gives with seed 0, in a fifth of the time:
    what it chooses on validation rows is known (``python -m benchmarks.demo_start`` compares)."""
    from kgrec.device import choose_device
    from kgrec.features.texts import TextReader
    from kgrec.fitting.closed_form import VectorSettings
    from kgrec.fitting.fit import FitOptions
    from kgrec.fitting.item_weight_choice import ItemWeightSettings
    from kgrec.fitting.pipeline import run_as_chosen
    from kgrec.fitting.plan import with_effort
    from kgrec.graph.source import read_source
    from kgrec.leaks.search import leaks_at_fit
    from kgrec.scenarios.assignment import with_scenarios
    from kgrec.state import fitted_state

    vectors = VectorSettings(size=64, popularity=0.1, recent=(True, True), least_squares=True)
    weights = ItemWeightSettings(
        graph=4.0, strength=12.0, ridge=10.0, decay=math.inf, later=(math.inf, 2.0)
    )
    config = with_effort(config, "quick", None)
    full, reader = with_scenarios(read_source(catalog, None), config.scenarios), TextReader(config)
    options = FitOptions(seed=0, device=choose_device("cpu"))
    visible = full.without_splits(("test",))
    result = run_as_chosen(visible, config, reader.read, options, vectors, weights)
    state = fitted_state(full, result, reader, None, options.seed, leaks=leaks_at_fit(full))
    return replace(state, engine=state.engine.learned())
