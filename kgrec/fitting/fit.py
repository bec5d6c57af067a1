"""Fitting: from a snapshot of everything to a trained engine that has seen no test row."""

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

from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.features.blocks import wanted_parts
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.names import REVIEWS
from kgrec.features.scenario_features import feature_size, scenario_features
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.features.texts import TextFeatures, scenarios_of
from kgrec.fitting.distillation import TeacherModel, teacher_scores
from kgrec.fitting.item_weights import (
    NO_WEIGHTS,
    ItemWeightSettings,
    choose_item_weights,
    with_item_weights,
)
from kgrec.fitting.plan import plan_training
from kgrec.fitting.validation import ValidationQueries
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Interactions
from kgrec.metrics.protocols import random_split, user_time_split
from kgrec.nn import HEADS, HybridModel, ModelInputs, ModelShape
from kgrec.progress import Progress
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training import (
    METRIC,
    Checkpoint,
    Plan,
    StepSampler,
    Trainer,
    own_items,
)
from kgrec.training.scenarios.maml import Start, meta_train

_VALID_USERS = 5_000  # enough to choose by, where there are too many to rank for


@dataclass(frozen=True, eq=False)
class FitData:
    """A snapshot to ``train`` on with its ``texts``, and the rows ``valid`` that choose the model,
    which ``train`` does not hold."""

    train: GraphSnapshot
    valid: Interactions
    texts: TextFeatures


@dataclass(frozen=True, eq=False)
class FitOptions:
    """How a fit is run: all that has no part in the model's settings.

    ``checkpoint`` is the folder of the fit's state, from which ``resume`` goes on.
    """

    seed: int
    device: torch.device
    checkpoint: Path | None = None
    resume: bool = False
    teacher: TeacherModel | None = None
    progress: Progress | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained engine over the training snapshot, and how it came about."""

    engine: Engine
    plan: Plan
    training_log: list[dict[str, float]]
    item_weights: ItemWeightSettings
    start: Start | None = None

    @property
    def ndcg(self) -> float:
        """NDCG@10 on validation rows, -inf where nothing was validated."""
        if not math.isnan(self.item_weights.ndcg):
            return self.item_weights.ndcg
        return max((r[METRIC] for r in self.training_log if METRIC in r), default=-math.inf)


def training_split(visible: GraphSnapshot, config: RecommenderConfig, seed: int) -> np.ndarray:
    """bool ``[n]``: which interactions choose the model (validation) instead of training it.

    The rows that the catalog calls "valid"; without any, each user's latest, or random ones where
    nothing has a time.
    """
    events = visible.interactions
    if chooses_by_split(visible):
        return np.asarray(events.split == "valid")
    share = config.training.valid_share
    if (events.timestamp != NO_TIME).any():
        labels = user_time_split(events, (1 - share, share, 0.0))
    else:
        labels = random_split(events, (1 - share, share, 0.0), seed=seed)
    return np.asarray(labels == "valid")


def chooses_by_split(visible: GraphSnapshot) -> bool:
    """Whether the catalog itself says which rows choose the model."""
    return bool((visible.interactions.split == "valid").any())


def fit_engine(
    data: FitData,
    config: RecommenderConfig,
    options: FitOptions,
    template: Fitted | None = None,
) -> Fitted:
    """Train a model and choose the epoch on validation rows; or train ``like`` another model, by
    its plan and for as many epochs as were best for it. Raises TrainingError, TextModelError."""
    train, valid, texts = data.train, data.valid, data.texts
    seed, device, progress = options.seed, options.device, options.progress
    if not len(train.interactions):
        raise TrainingError("there is no interaction to train on; load some, or check 'split'.")
    plan = plan_training(train, valid, config) if template is None else template.plan
    vocabulary = build_vocabulary(train)
    tables = build_tables(train, vocabulary, texts.items, texts.events)
    shape = model_shape(config, plan, vocabulary, tables, texts)
    shape = replace(shape, own_items=_has_own(train, vocabulary, config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = HybridModel(vocabulary, shape, _told(train, texts, shape)).to(device)
        inputs = ModelInputs.build(tables, model.shape, device)
        engine = Engine.bind(BoundModel(model, vocabulary, train, texts, device, inputs))
        trainer = Trainer(
            model=model,
            inputs=engine.inputs,
            data=engine.sequences,
            plan=plan,
            config=config.training,
            seed=seed,
            device=device,
            validate=_validation(engine, valid, plan, seed) if len(valid) else None,
            sampler=_sampler(model, tables, engine, config) if plan.sampled else None,
            stop=None if template is None else best_epoch(template.training_log),
            scenarios=tuple(vocabulary.scenarios),
            teacher=teacher_scores(options.teacher, train, vocabulary, device),
        )
        state = None
        if options.checkpoint is not None:
            state = Checkpoint(options.checkpoint, fingerprint(train, valid, config, seed))
        log = trainer.run(
            checkpoint=state,
            resume=options.resume,
            on_epoch=None if progress is None else epoch_progress(progress, plan.epochs),
        )
    model.eval()
    final = engine.refreshed()
    if template is not None:
        settings, final = (
            template.item_weights,
            with_item_weights(final, template.item_weights, plan),
        )
    elif plan.sampled or not config.model.use_item_weights:
        settings = NO_WEIGHTS
    else:
        settings, final = choose_item_weights(final, valid, plan, seed)
    start = None
    if config.training.meta_epochs and not plan.sampled:
        epochs = config.training.meta_epochs
        start = meta_train(trainer.stepper, epochs=epochs, seed=seed, items=final.items)
    return Fitted(final, plan, log, settings, start)


def best_epoch(log: list[dict[str, float]]) -> int:
    """The epoch whose validation was best, the last one where none was validated."""
    validated = [record for record in log if METRIC in record]
    best = max(validated, key=lambda record: record[METRIC], default=log[-1])
    return int(best["epoch"])


def epoch_progress(progress: Progress, epochs: int) -> Callable[[dict[str, float]], None]:
    """Reports the loss and the validation of every epoch."""

    def report(record: dict[str, float]) -> None:
        text = f"training: loss {record['loss']:.3f}"
        if METRIC in record:
            text += f", valid NDCG@10 {record[METRIC]:.4f}"
        progress(text, int(record["epoch"]), epochs)

    return report


def model_shape(
    config: RecommenderConfig,
    plan: Plan,
    vocabulary: Vocabulary,
    tables: FeatureTables,
    texts: TextFeatures,
) -> ModelShape:
    """Parts that the settings ask for and the data have."""
    wanted = config.model
    parts = wanted_parts(wanted, tables.rows)
    if not parts:
        raise TrainingError("every part of the model is switched off or has no data; enable one.")
    n_scenarios = len(vocabulary.scenarios)
    head: str = wanted.head
    if head == "auto":
        head = "adapter" if n_scenarios > 1 else "none"
    head = head if n_scenarios else "none"
    reads_features = HEADS[head].reads_scenario_features
    return ModelShape(
        embedding_size=plan.embedding_size,
        parts=parts,
        text_size=texts.size,
        kg_layers=wanted.kg_layers,
        scales=plan.scales,
        temperature=plan.temperature,
        dropout=plan.dropout,
        id_dropout=wanted.id_dropout if len(parts) > 1 else 0.0,
        head=head,
        user_attributes=wanted.use_attributes and tables.user_tokens.nnz > 0,
        friends=tables.friends is not None,
        event_texts=wanted.use_text and len(texts.events) > 0,
        attention=REVIEWS in parts
        and wanted.use_attention
        and not (plan.sampled or config.text.robust_reviews),
        horizons=plan.temporal and config.training.later_share > 0,
        shrinkage=plan.shrinkage,
        fusion=wanted.use_fusion and head != "none",
        scenario_features=feature_size(texts.scenarios) if reads_features else 0,
    )


def _told(train: GraphSnapshot, texts: TextFeatures, shape: ModelShape) -> Tensor | None:
    """What describes the scenarios, where the head reads it."""
    if not shape.scenario_features:
        return None
    told = scenario_features(scenarios_of(train), train.interactions, texts.scenarios)
    return torch.from_numpy(told)


def _sampler(
    model: HybridModel, tables: FeatureTables, engine: Engine, config: RecommenderConfig
) -> StepSampler:
    training = config.training
    return StepSampler(
        model=model,
        tables=tables,
        data=engine.sequences,
        negatives=training.negatives,
        fanout=training.fanout,
        device=engine.device,
    )


def _validation(
    engine: Engine, valid: Interactions, plan: Plan, seed: int
) -> Callable[[], dict[str, float]]:
    """Tells NDCG@10, of all users and by scenario, of the engine as it is then, not with the
    vectors it has cached; where training is sampled, over a sample of the users."""
    most = _VALID_USERS if plan.sampled else len(valid)
    queries = ValidationQueries.build(engine, valid, most=most, seed=seed)

    def ndcg() -> dict[str, float]:
        now = engine.refreshed(predicts_cold=False)
        report = queries.evaluate(lambda rows: queries.score(now, rows))
        told = {METRIC: report["ndcg@10"]}
        for name, values in report.by_group.items():
            if name:
                told[f"{METRIC}/{name}"] = values["ndcg@10"]
        return told

    return ndcg


def _has_own(train: GraphSnapshot, vocabulary: Vocabulary, config: RecommenderConfig) -> bool:
    """Whether each scenario chooses among items of its own; see ``own_items``."""
    found = own_items(
        train.interactions.item,
        scenario_codes(train.interactions.scenario, vocabulary),
        config.training.scenario_candidates,
        len(vocabulary.scenarios),
        len(train.items),
    )
    return found is not None


def fingerprint(
    train: GraphSnapshot, valid: Interactions, config: RecommenderConfig, seed: int
) -> str:
    """All that decides the outcome: settings, seed and every row that training reads."""
    digest = hashlib.sha256(json.dumps([config.model_dump(mode="json"), seed]).encode())
    for rows in (train.interactions, valid):
        for array in (rows.user, rows.item, rows.timestamp):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("\0".join(rows.scenario).encode())
    for facts in train.facts:
        digest.update(repr((facts.head_label, facts.relation, facts.tail_label)).encode())
        digest.update(facts.head.tobytes() + facts.tail.tobytes())
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
