"""The steps of a fit: search settings, choose on validation rows, train again on all rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kgrec.config import RecommenderConfig
from kgrec.errors import RequestError
from kgrec.features.attribute_tokens import check_blind
from kgrec.features.texts import TextFeatures
from kgrec.feedback.defaults import check_feedback, note_of, with_defaults
from kgrec.files import readable_folder
from kgrec.fitting.closed_form import VectorSettings
from kgrec.fitting.context.choice import choose_context
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.evidence.steps import keep_examples, keep_feedback, keep_refit, keep_trials
from kgrec.fitting.feedback_choice import with_rating_weights
from kgrec.fitting.fit import (
    FitData,
    FitOptions,
    Fitted,
    best_ndcg,
    fingerprint,
    fit_as_chosen,
    fit_engine,
)
from kgrec.fitting.item_weight_choice import ItemWeightSettings
from kgrec.fitting.memory import keeping_pages
from kgrec.fitting.plan import plan_training, settings_to_try
from kgrec.fitting.private.fit import fit_privately
from kgrec.fitting.races.shape_race import choose_shape
from kgrec.fitting.tuning.hyperparameters import has_search, search_folder, search_settings
from kgrec.fitting.validation import (
    choosing_rows,
    has_valid_split,
    target_rows,
    training_split,
)
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions
from kgrec.scoring.scenario_codes import check_reserved
from kgrec.threads import following_load
from kgrec.training.checkpoint import CHECKPOINT

# Makes one fit: data, settings, options and the template or None, as ``fit_engine`` takes them.
FitEngine = Callable[[FitData, RecommenderConfig, FitOptions, Fitted | None], Fitted]


@dataclass(frozen=True, eq=False)
class PipelineResult:
    """The result of a fit.

    Attributes
    ----------
    config : RecommenderConfig
        The settings used, with the best ones of a search, and the weights of events.
    chosen : Fitted
        The fit that was best on validation rows.
    fitted : Fitted
        The fit to answer with: ``chosen``, or one like it that was trained on all rows.
    trials : list of dict
        The trials of the search over settings.
    held : bool ``[n]`` or None
        Which interactions were validation rows; None where none was chosen by.
    decisions : tuple of Decision
        What was chosen, and what it was compared with.
    """

    config: RecommenderConfig
    chosen: Fitted
    fitted: Fitted
    trials: list[dict[str, Any]]
    held: np.ndarray | None = None
    decisions: tuple[Decision, ...] = ()


@keeping_pages()
@following_load()
def run_pipeline(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    encode: Callable[[GraphSnapshot], TextFeatures],
    options: FitOptions,
    tune: int | None = None,
    fit: FitEngine = fit_engine,
) -> PipelineResult:
    """Fit on a snapshot without test rows; see ``Recommender.fit``.

    ``encode`` encodes the texts of a snapshot; ``tune`` is the number of trials of a search over
    settings that comes first; ``fit`` makes one fit.
    """
    check_blind(visible.users.attributes, config.model.blind_to)
    if config.privacy is not None:
        return _private(visible, config, encode, options, tune, fit)
    check_reserved(visible.scenarios.ids)
    if options.resume and options.checkpoint is not None:
        _warn_without_state(options.checkpoint, tuned=tune is not None)
    evidence = Evidence()
    config, held, train, valid = _split(visible, config, options, evidence)
    note = note_of(config.feedback, visible.interactions)
    if note and options.progress is not None:
        options.progress(f"feedback: {note}", 1, 1)
    keep_feedback(evidence, config, note)
    data = FitData(train, valid, encode(train))
    trials: list[dict[str, Any]] = []
    if fit is fit_engine:  # a fit by several processes has no whole engine to compare
        config = choose_shape(data, config, options, evidence)
    if tune is None:
        settings = settings_to_try(data.train, data.valid, config)
    else:
        config, trials = search_settings(
            lambda one, folder: fit(data, one, replace(options, checkpoint=folder), None),
            config,
            tune,
            options,
            fingerprint=fingerprint(data.train, data.valid, config, options.seed),
        )
        settings, options = [config], replace(options, tuned=True)
    fits: list[Fitted] = []
    for place, one in enumerate(settings):
        rival = max((best_ndcg(made.training_log) for made in fits), default=-math.inf)
        own = replace(options, checkpoint=_beside(options.checkpoint, place), rival=rival)
        fits.append(fit(data, one, own, None))
    best = max(range(len(fits)), key=lambda place: fits[place].ndcg)
    chosen = fitted = fits[best]
    evidence.add(*chosen.decisions)
    keep_trials(evidence, trials)
    keep_examples(evidence, [one.training.examples for one in settings], fits, best)
    if _learns_from_all(visible, config, held):
        nothing = visible.interactions.select(np.zeros_like(held))
        kept = options.checkpoint
        again = replace(options, checkpoint=None if kept is None else refit_folder(kept))
        everything = FitData(visible, nothing, encode(visible))
        fitted = fit(everything, settings[best], again, chosen)
    keep_refit(evidence, again=fitted is not chosen, whole=not chosen.plan.refit_share)
    context = choose_context(
        chosen.engine,
        visible.interactions.select(held),
        config.context,
        options.seed,
        options.progress,
        evidence,
    )
    if context is not None:
        fitted = replace(fitted, engine=fitted.engine.with_context(context))
    return PipelineResult(config, chosen, fitted, trials, held, evidence.decisions)


@keeping_pages()
@following_load()
def run_as_chosen(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    encode: Callable[[GraphSnapshot], TextFeatures],
    options: FitOptions,
    vectors: VectorSettings,
    weights: ItemWeightSettings,
) -> PipelineResult:
    """``run_pipeline`` with effort "quick" where its choices are known: nothing is compared on
    validation rows. The model is the same, to the bit where it learns from all rows in the end."""
    check_reserved(visible.scenarios.ids)
    config, held, train, valid = _split(visible, config, options)
    plan = plan_training(train, valid, config)
    rows = visible if _learns_from_all(visible, config, held) else train
    nothing = valid.select(np.zeros(len(valid), dtype=bool))
    data = FitData(rows, nothing, encode(rows))
    fitted = fit_as_chosen(data, config, options, plan, vectors, weights)
    return PipelineResult(config, fitted, fitted, [])


def _split(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    options: FitOptions,
    evidence: Evidence | None = None,
) -> tuple[RecommenderConfig, np.ndarray, GraphSnapshot, Interactions]:
    """The settings with the weights of events, which interactions are held out to choose (bool
    ``[n]``), the graph without these, and the rows of these that choose."""
    feedback = with_defaults(config.feedback, visible.interactions)
    config = config.model_copy(update={"feedback": feedback})
    check_feedback(config.feedback, visible.interactions)
    held = training_split(visible, config, options.seed)
    train = visible.without(held, ("train",))
    valid = choosing_rows(train.interactions, visible.interactions.select(held))
    valid = target_rows(config, valid)
    config = with_rating_weights(config, train, valid, options.seed, options.progress, evidence)
    return config, held, train, valid


def _learns_from_all(visible: GraphSnapshot, config: RecommenderConfig, held: np.ndarray) -> bool:
    """Whether the model to answer with is fitted to the rows that a fit held out, too."""
    return config.training.refit and not has_valid_split(visible) and bool(held.any())


def _private(
    visible: GraphSnapshot,
    config: RecommenderConfig,
    encode: Callable[[GraphSnapshot], TextFeatures],
    options: FitOptions,
    tune: int | None,
    fit: FitEngine,
) -> PipelineResult:
    """The result of a private fit, which chooses nothing on validation rows."""
    if tune is not None:
        raise RequestError("tune compares settings on people's rows; leave it out with privacy.")
    if fit is not fit_engine:  # each process would draw noise of its own, and release once more
        raise RequestError("a private fit runs in one process; fit without kgrec.distributed.")
    fitted = fit_privately(visible, config, encode, options)
    note = "no row of validation is read, and no figure of one is kept"
    said = Decision("privacy", "fixed rules", "set", note=note)
    return PipelineResult(config, fitted, fitted, [], decisions=(said,))


def _warn_without_state(checkpoint: Path, *, tuned: bool) -> None:
    """Warn where there is nothing to resume from: scripts may always ask to resume."""
    place = search_folder(checkpoint) if tuned else checkpoint
    if not (has_search(checkpoint) if tuned else readable_folder(checkpoint, CHECKPOINT).exists()):
        warnings.warn(
            f"there is no checkpoint in {place} to resume from: training starts anew.",
            stacklevel=2,
        )


def _beside(checkpoint: Path | None, place: int) -> Path | None:
    """The checkpoint of fit number ``place``: the given folder, or one next to it."""
    if checkpoint is None or not place:
        return checkpoint
    return checkpoint.with_name(f"{checkpoint.name}.{place}")


def refit_folder(checkpoint: Path) -> Path:
    """The checkpoint of the second fit, on all rows."""
    return checkpoint.with_name(checkpoint.name + ".refit")
