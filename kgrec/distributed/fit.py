"""One fit by all ranks: what ``fit_engine`` does in one process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kgrec.config import RecommenderConfig, TrainingConfig
from kgrec.distributed.checkpoint import SharedCheckpoint
from kgrec.distributed.group import Group, agreed
from kgrec.distributed.lending import Lending
from kgrec.distributed.shards import Shards
from kgrec.distributed.steps import MicroTrainer, StepLog
from kgrec.distributed.validation import SharedValidation
from kgrec.distributed.warm_start import take_rows
from kgrec.errors import TrainingError
from kgrec.features.tables import Vocabulary
from kgrec.fitting.fit import (
    FitData,
    FitOptions,
    Fitted,
    epoch_progress,
    fingerprint,
    second_training,
    step_sampler,
    training_evidence,
    untrained_engine,
    validation_queries,
    with_chosen_weights,
)
from kgrec.fitting.item_weight_choice import NO_WEIGHTS
from kgrec.fitting.plan import plan_training
from kgrec.nn import HybridModel, ModelShape
from kgrec.scoring.engine import Engine

# Settings that need more than one process has of a step, and the values that do not.
_NEUTRAL = {
    "balancing": "none",
    "text_attack": 0.0,
    "own_epochs": 0,
    "meta_epochs": 0,
    "scenario_balance": 1.0,
    "accumulation": 1,
}


def settled(config: RecommenderConfig) -> RecommenderConfig:
    """The settings with sampled steps, which are the only ones that ranks can share.

    Raises TrainingError for settings that need all items, or more than a part of a step.
    """
    training = config.training
    if training.sampling == "full":
        raise TrainingError(
            "several processes train on samples of the items; set training.sampling to 'auto' or "
            "'sampled', or fit in one process."
        )
    if training.effort == "quick":
        raise TrainingError(
            "effort 'quick' trains nothing that several processes could share; take another, or "
            "fit in one process."
        )
    for name, neutral in _NEUTRAL.items():
        if getattr(training, name) != neutral:
            raise TrainingError(
                f"training.{name} = {getattr(training, name)!r} needs whole steps in one process; "
                f"set it to {neutral!r}, or fit in one process."
            )
    if "kl" in training.losses.values():
        raise TrainingError(
            "a 'kl' loss needs the teacher's scores of all items; choose another loss, or fit in "
            "one process."
        )
    sampled = TrainingConfig(**{**training.model_dump(), "sampling": "sampled"})
    return config.model_copy(update={"training": sampled})


@dataclass(frozen=True, eq=False, kw_only=True)
class SharedFitted(Fitted):
    """A fit by all ranks, and its tables as the ranks hold them."""

    lending: Lending


@dataclass(frozen=True, eq=False)
class SharedFit:
    """Makes fits by all ranks, each with ``micros`` micro-steps a step; see ``fit_engine``.

    The engine that a fit returns is whole on the first rank alone; on the others its model has the
    rows that they own, and answers nothing.
    """

    group: Group
    micros: int
    logs: list[StepLog] = field(default_factory=list)

    def __call__(
        self,
        data: FitData,
        config: RecommenderConfig,
        options: FitOptions,
        template: Fitted | None,
    ) -> Fitted:
        """Train a model and choose the epoch on validation rows.

        Raises TrainingError, ModelError; TrainingError too where the ranks have different data.
        """
        if not len(data.train.interactions):
            raise TrainingError("there is no interaction to train on; load some, or check 'split'.")
        plan = plan_training(data.train, data.valid, config) if template is None else template.plan
        key = self._key(data, config, options.seed)
        agreed(self.group, bytes.fromhex(key), "graph or other settings")
        with torch.random.fork_rng(devices=[]):
            maker = _Maker(self.group, options.seed)
            engine, tables = untrained_engine(data, config, plan, options.device, maker)
            lending = Lending(maker.shards, engine.model)
            validate = None
            if len(data.valid):
                queries = validation_queries(engine, data.valid, plan, options.seed)
                validate = SharedValidation(lending, engine, tables, queries)
            steps, stop = plan, None
            if template is not None:
                assert isinstance(template, SharedFitted)
                steps, stop = second_training(
                    template, lambda: take_rows(lending, template.lending)
                )
            trainer = MicroTrainer(
                model=engine.model,
                inputs=engine.inputs,
                data=engine.sequences,
                plan=steps,
                config=config.training,
                seed=options.seed,
                device=options.device,
                validate=validate,
                sampler=step_sampler(tables, engine, config),
                stop=stop,
                rival=options.rival,
                scenarios=tuple(engine.vocabulary.scenarios),
                lending=lending,
                micros=self.micros,
            )
            log = trainer.run(
                checkpoint=self._checkpoint(options, key, maker.shards),
                resume=options.resume,
                on_epoch=self._on_epoch(options, steps.epochs),
            )
        self.logs.append(trainer.log)
        whole = self._whole(engine, maker.shards)
        settings, final = NO_WEIGHTS, whole
        evidence = training_evidence(data, config, options, plan, log, template)
        if self.group.is_first:
            settings, final = with_chosen_weights(
                whole, data, config, options, plan, log, template, evidence
            )
        settings = replace(settings, ndcg=self._of_first(settings.ndcg))
        return SharedFitted(
            final, plan, log, settings, decisions=evidence.decisions, lending=lending
        )

    def _of_first(self, value: float) -> float:
        """The value of the first rank, for which the others wait."""
        self.group.wait()
        return float(self.group.gathered(torch.tensor([value], dtype=torch.float64))[0])

    def _key(self, data: FitData, config: RecommenderConfig, seed: int) -> str:
        key = fingerprint(data.train, data.valid, config, seed)
        return hashlib.sha256(f"{key} {self.micros}".encode()).hexdigest()

    def _checkpoint(self, options: FitOptions, key: str, shards: Shards) -> SharedCheckpoint | None:
        if options.checkpoint is None:
            return None
        return SharedCheckpoint(options.checkpoint, key, shards)

    def _on_epoch(
        self, options: FitOptions, epochs: int
    ) -> Callable[[dict[str, float]], None] | None:
        return None if options.progress is None else epoch_progress(options.progress, epochs)

    def _whole(self, engine: Engine, shards: Shards) -> Engine:
        whole = shards.whole(engine.model)
        if whole is None:
            return engine
        bound = replace(engine.bound.refreshed(), model=whole.eval())
        return Engine.bind(bound)


class _Maker:
    """Makes the part of a model that a rank holds, and remembers how it was divided."""

    def __init__(self, group: Group, seed: int) -> None:
        self._group, self._seed = group, seed
        self.shards: Shards

    def __call__(
        self, vocabulary: Vocabulary, shape: ModelShape, features: Tensor | None
    ) -> HybridModel:
        self.shards = Shards(self._group, vocabulary, shape, features)
        return self.shards.model(self._seed)
