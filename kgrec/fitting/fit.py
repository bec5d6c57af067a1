"""Fit one engine: train, and choose the epoch and item–item weights on validation rows."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kgrec.arrays import distinct
from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.scenario_features import scenario_features
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.texts import TextFeatures, scenarios_of
from kgrec.fitting.closed_form import VectorSettings, choose_closed_form, fit_closed_form
from kgrec.fitting.distillation import TeacherModel, teacher_scores
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.evidence.training import keep_epoch, keep_plan, keep_texts
from kgrec.fitting.item_weight_choice import (
    NO_WEIGHTS,
    ItemWeightSettings,
    choose_item_weights,
    with_item_weights,
)
from kgrec.fitting.model_shape import model_shape
from kgrec.fitting.plan import plan_training
from kgrec.fitting.popularity import choose_popularity, with_popularity
from kgrec.fitting.validation import ValidationQueries
from kgrec.fitting.warm_start import short_plan, take_weights
from kgrec.graph.columns import BLOCK, codes_and_names
from kgrec.graph.snapshot import GraphSnapshot, Interactions
from kgrec.nn import HybridModel, ModelInputs, ModelShape
from kgrec.progress import Progress
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.engine import Engine
from kgrec.training import METRIC, Checkpoint, Plan, StepSampler, Trainer
from kgrec.training.scenarios.maml import Start, meta_train

MakeModel = Callable[[Vocabulary, ModelShape, Tensor | None], HybridModel]
_VALID_USERS = 5_000  # users of a validation, at most, where training is sampled


@dataclass(frozen=True, eq=False)
class FitData:
    """The rows of a fit.

    Attributes
    ----------
    train : GraphSnapshot
        The graph to train on, without validation and test rows.
    valid : Interactions
        The validation rows, which choose the epoch and the item–item weights.
    texts : TextFeatures
        Vectors of the texts of ``train``.
    """

    train: GraphSnapshot
    valid: Interactions
    texts: TextFeatures


@dataclass(frozen=True, eq=False)
class FitOptions:
    """How a fit is run: everything that is not a setting of the model.

    Attributes
    ----------
    seed : int
        Seed of everything random.
    device : torch.device
        Where the model is trained.
    checkpoint : Path or None
        Folder that keeps the state of the fit.
    resume : bool
        Continue from the checkpoint.
    tuned : bool
        The settings are those of a search, which may have found better ones since the checkpoint
        was made: then the fit starts anew.
    teacher : TeacherModel or None
        A fitted model to learn from (distillation).
    progress : callable or None
        Reports progress.
    rival : float
        The best NDCG@10 on validation rows of another training that this one is compared with.
    """

    seed: int
    device: torch.device
    checkpoint: Path | None = None
    resume: bool = False
    tuned: bool = False
    teacher: TeacherModel | None = None
    progress: Progress | None = None
    rival: float = -math.inf


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained engine over the training snapshot.

    Attributes
    ----------
    engine : Engine
        The engine, with item–item weights.
    plan : Plan
        The hyperparameters used.
    training_log : list of dict
        One record per epoch: loss and validation metrics.
    item_weights : ItemWeightSettings
        The settings of the item–item weights.
    start : Start or None
        The parameters from which a new scenario starts, if meta-training learned them.
    vectors : VectorSettings or None
        The settings of closed-form vectors, with effort "quick".
    decisions : tuple of Decision
        What was chosen, and what it was compared with; empty where a template was followed.
    """

    engine: Engine
    plan: Plan
    training_log: list[dict[str, float]]
    item_weights: ItemWeightSettings
    start: Start | None = None
    vectors: VectorSettings | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def ndcg(self) -> float:
        """NDCG@10 on validation rows; -inf without validation rows."""
        if not math.isnan(self.item_weights.ndcg):
            return self.item_weights.ndcg
        return best_ndcg(self.training_log)


def fit_engine(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    template: Fitted | None = None,
) -> Fitted:
    """Train a model and choose the epoch on validation rows.

    With ``template`` nothing is chosen: the plan, the number of epochs and the settings of the
    item–item weights are those that were best for it. Raises TrainingError, TextModelError.
    """
    seed, device = options.seed, options.device
    if not len(data.train.interactions):
        raise TrainingError("there is no interaction to train on; load some, or check 'split'.")
    plan = plan_training(data.train, data.valid, config) if template is None else template.plan
    if config.training.effort == "quick":
        return _fit_quickly(data, config, options, plan, template)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        engine, tables = untrained_engine(data, config, plan, device)
        steps, stop = plan, None
        if template is not None:
            steps, stop = second_training(
                template,
                lambda: take_weights(engine.model, engine.vocabulary, as_trained(template)),
            )
        trainer = Trainer(
            model=engine.model,
            inputs=engine.inputs,
            data=engine.sequences,
            plan=steps,
            config=config.training,
            seed=seed,
            device=device,
            validate=_validation(engine, data.valid, plan, seed) if len(data.valid) else None,
            sampler=step_sampler(tables, engine, config) if plan.sampled else None,
            stop=stop,
            rival=options.rival,
            scenarios=tuple(engine.vocabulary.scenarios),
            teacher=teacher_scores(options.teacher, data.train, engine.vocabulary, device),
        )
        log = _run(trainer, data, config, options)
    engine.model.eval()
    evidence = training_evidence(data, config, options, plan, log, template)
    settings, final = with_chosen_weights(
        engine.refreshed(), data, config, options, plan, log, template, evidence
    )
    start = None
    if config.training.meta_epochs and not plan.sampled:
        epochs = config.training.meta_epochs
        start = meta_train(trainer.stepper, epochs=epochs, seed=seed, items=final.items)
    return Fitted(final, plan, log, settings, start, decisions=evidence.decisions)


def training_evidence(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    plan: Plan,
    log: list[dict[str, float]],
    template: Fitted | None,
) -> Evidence:
    """What a training chose; nothing where it followed ``template``."""
    evidence = Evidence()
    if template is None:
        events = data.train.interactions
        keep_plan(evidence, plan, len(distinct(events.user)), len(events))
        behind = plan.is_behind(log, options.rival)
        keep_epoch(evidence, log, best_epoch(log), plan, behind=behind)
        keep_texts(evidence, config, sum(map(len, data.texts.items.values())))
    return evidence


def _fit_quickly(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    plan: Plan,
    template: Fitted | None,
) -> Fitted:
    """A model in closed form: nothing is trained, and there is no record of epochs."""

    if template is not None and template.vectors is not None:
        return fit_as_chosen(data, config, options, plan, template.vectors, template.item_weights)
    evidence = Evidence()
    with torch.random.fork_rng(devices=[]):
        found = choose_closed_form(
            _maker(data, config, options, plan),
            len(distinct(data.train.interactions.item)),
            data.valid,
            plan,
            options.seed,
            texts=config.model.use_text,
            progress=options.progress,
            evidence=evidence,
        )
    made = Fitted(found.engine, plan, [], found.weights, vectors=found.vectors)
    return replace(made, decisions=evidence.decisions)


def fit_as_chosen(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    plan: Plan,
    vectors: VectorSettings,
    weights: ItemWeightSettings,
) -> Fitted:
    """A model in closed form with given settings; nothing is compared."""
    with torch.random.fork_rng(devices=[]):
        found = fit_closed_form(_maker(data, config, options, plan), vectors, weights, plan)
    return Fitted(found.engine, plan, [], found.weights, vectors=found.vectors)


def _maker(
    data: FitData, config: RecommenderConfig, options: FitOptions, plan: Plan
) -> Callable[[int], Engine]:
    """Makes an untrained engine with so many columns."""

    def make(size: int) -> Engine:
        sized = replace(plan, embedding_size=size)
        return untrained_engine(data, config, sized, options.device)[0]

    return make


def best_ndcg(log: list[dict[str, float]]) -> float:
    """NDCG@10 of the best validation, without item–item weights; -inf without validation."""
    return max((record[METRIC] for record in log if METRIC in record), default=-math.inf)


def best_epoch(log: list[dict[str, float]]) -> int:
    """The epoch with the best validation; the last epoch without validation."""
    validated = [record for record in log if METRIC in record]
    best = max(validated, key=lambda record: record[METRIC], default=log[-1])
    return int(best["epoch"])


def second_training(chosen: Fitted, take: Callable[[], bool]) -> tuple[Plan, int | None]:
    """The plan of a training on all rows, and after how many of its epochs it ends: it goes on
    from the chosen weights where ``take`` could give them to the model, otherwise it repeats the
    first."""
    epochs = best_epoch(chosen.training_log)
    if chosen.plan.refit_share and take():
        return short_plan(chosen.plan, epochs), None
    return chosen.plan, epochs


def with_chosen_weights(
    engine: Engine,
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    plan: Plan,
    log: list[dict[str, float]],
    template: Fitted | None,
    evidence: Evidence | None = None,
) -> tuple[ItemWeightSettings, Engine]:
    """The settings of item–item weights and popularity for a trained engine, chosen on validation
    rows or those of ``template``, and the engine with them; none where a rival is ahead for good.
    ``evidence`` keeps what was compared."""
    if template is not None:
        settings = template.item_weights
        weighted = with_item_weights(engine, settings, plan)
        return settings, with_popularity(weighted, settings.popularity)
    evidence = evidence or Evidence()
    settings, weighted = NO_WEIGHTS, engine
    if not config.model.use_item_weights:
        evidence.add(Decision("weights", "without", "set"))
    if plan.is_behind(log, options.rival):
        return settings, weighted
    if config.model.use_item_weights:
        settings, weighted = choose_item_weights(
            engine,
            data.valid,
            plan,
            options.seed,
            texts=config.model.use_text,
            progress=options.progress,
            evidence=evidence,
        )
    weight, ndcg = choose_popularity(weighted, data.valid, options.seed, evidence)
    return replace(settings, popularity=weight, ndcg=ndcg), with_popularity(weighted, weight)


def as_trained(fitted: Fitted) -> Engine:
    """The engine with the biases that training left."""
    return with_popularity(fitted.engine, -fitted.item_weights.popularity)


def epoch_progress(progress: Progress, epochs: int) -> Callable[[dict[str, float]], None]:
    """A callback that reports the loss and the validation of every epoch."""

    def report(record: dict[str, float]) -> None:
        text = f"training: loss {record['loss']:.3f}"
        if METRIC in record:
            text += f", valid NDCG@10 {record[METRIC]:.4f}"
        progress(text, int(record["epoch"]), epochs)

    return report


def untrained_engine(
    data: FitData,
    config: RecommenderConfig,
    plan: Plan,
    device: torch.device,
    make: MakeModel = HybridModel,
) -> tuple[Engine, FeatureTables]:
    """A model with random parameters, made by ``make``, over the training graph, and the tables it
    reads."""
    train, texts = data.train, data.texts
    vocabulary = build_vocabulary(train, config.model.blind_to)
    tables = build_tables(train, vocabulary, texts.items, texts.events)
    shape = model_shape(config, plan, train, vocabulary, tables, texts)
    model = make(vocabulary, shape, _scenario_features(train, texts, shape)).to(device)
    inputs = ModelInputs.build(tables, model.shape, device)
    return Engine.bind(BoundModel(model, vocabulary, train, texts, device, inputs)), tables


def _run(
    trainer: Trainer, data: FitData, config: RecommenderConfig, options: FitOptions
) -> list[dict[str, float]]:
    """Run the training, or continue it from a checkpoint; one record per epoch."""
    checkpoint, progress, resume = None, options.progress, options.resume
    if options.checkpoint is not None:
        key = fingerprint(data.train, data.valid, config, options.seed)
        checkpoint = Checkpoint(options.checkpoint, key)
        resume = resume and not (options.tuned and checkpoint.is_other())
    if progress is None:
        return trainer.run(checkpoint=checkpoint, resume=resume)
    epochs = trainer.plan.epochs
    return trainer.run(
        checkpoint=checkpoint,
        resume=resume,
        on_epoch=epoch_progress(progress, epochs),
        on_pace=lambda seconds: progress(f"training: {_about(seconds)} at most", 0, epochs),
    )


def _about(seconds: float) -> str:
    """A duration in words, as exactly as an estimate can be."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"


def _scenario_features(
    train: GraphSnapshot, texts: TextFeatures, shape: ModelShape
) -> Tensor | None:
    """Features of the scenarios, where the head reads them."""
    if not shape.scenario_features:
        return None
    features = scenario_features(scenarios_of(train), train.interactions, texts.scenarios)
    return torch.from_numpy(features)


def step_sampler(tables: FeatureTables, engine: Engine, config: RecommenderConfig) -> StepSampler:
    return StepSampler(
        model=engine.model,
        tables=tables,
        data=engine.sequences,
        negatives=config.training.negatives,
        fanout=config.training.fanout,
        device=engine.device,
    )


def validation_queries(
    engine: Engine, valid: Interactions, plan: Plan, seed: int
) -> ValidationQueries:
    """The queries that choose the epoch; a sample of the users where training is sampled."""
    most = _VALID_USERS if plan.sampled else len(valid)
    return ValidationQueries.build(engine, valid, most=most, seed=seed)


def _validation(
    engine: Engine, valid: Interactions, plan: Plan, seed: int
) -> Callable[[], dict[str, float]]:
    """A function that returns NDCG@10 for the model's present parameters, of all users and by
    scenario."""
    queries = validation_queries(engine, valid, plan, seed)

    def ndcg() -> dict[str, float]:
        now = engine.refreshed(predicts_cold=False)
        report = queries.evaluate(lambda rows: queries.score(now, rows))
        record = {METRIC: report["ndcg@10"]}
        for name, values in report.by_group.items():
            if name:
                record[f"{METRIC}/{name}"] = values["ndcg@10"]
        return record

    return ndcg


def fingerprint(
    train: GraphSnapshot, valid: Interactions, config: RecommenderConfig, seed: int
) -> str:
    """A digest of everything that determines the result: settings, seed and the rows read."""
    digest = hashlib.sha256(json.dumps([config.model_dump(mode="json"), seed]).encode())
    for rows in (train.interactions, valid):
        for array in (rows.user, rows.item, rows.timestamp):
            for start in range(0, len(array), BLOCK):
                digest.update(np.ascontiguousarray(array[start : start + BLOCK]).data)
        for part in codes_and_names(rows.scenario):
            digest.update(repr((part.dtype.str, len(part))).encode())
            digest.update("\0".join(part).encode() if part.dtype == object else part.tobytes())
    for facts in train.facts:
        digest.update(repr((facts.head_label, facts.relation, facts.tail_label)).encode())
        digest.update(np.asarray(facts.head).data)
        digest.update(np.asarray(facts.tail).data)
    for nodes in (train.users, train.items, train.entities, train.scenarios):
        digest.update("\0".join(nodes.ids).encode())
        digest.update(nodes.attributes.to_csv(index=False).encode())
    for name, vectors in train.items.vectors.items():
        digest.update(name.encode() + np.ascontiguousarray(vectors).tobytes())
    for texts in (train.reviews, train.queries):
        digest.update("\0".join([*texts.id, *texts.text]).encode())
        for array in (texts.user, texts.item, texts.timestamp, texts.rating):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
