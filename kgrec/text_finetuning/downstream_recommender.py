"""DownstreamRecommender: a fitted recommender whose training loss fine-tunes the language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.config import RecommenderConfig
from kgrec.errors import ModelError, TrainingError
from kgrec.features.names import REVIEWS, TEXT
from kgrec.features.texts import TextReader, scenario_documents, scenarios_of, texts_of
from kgrec.fitting.distillation import TeacherModel, teacher_scores
from kgrec.fitting.fit import FitOptions, Fitted
from kgrec.fitting.pipeline import run_pipeline
from kgrec.fitting.plan import plan_training
from kgrec.fitting.validation import ValidationQueries, training_split
from kgrec.graph import GraphSnapshot
from kgrec.nn import ModelInputs
from kgrec.progress import Progress
from kgrec.scoring.engine import Engine
from kgrec.text import clean_text, review_weights
from kgrec.training.objective import weighted_mean
from kgrec.training.train_step import Stepper

_VALID_USERS = 5_000  # of a validation, at most


class DownstreamRecommender:
    """The recommender as a ``DownstreamModel``.

    ``visible`` is a snapshot without test rows. Its validation rows, chosen as in
    ``Recommender.fit``, give NDCG@10; their reviews and queries are not part of ``texts``.
    """

    def __init__(
        self,
        visible: GraphSnapshot,
        config: RecommenderConfig,
        *,
        seed: int,
        device: torch.device,
        teacher: TeacherModel | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Raises TrainingError without validation rows, and for catalogs that are too large to
        encode all items in every step."""
        model = config.model.model_copy(update={"use_item_weights": False})
        training = config.training.model_copy(update={"refit": False})
        self._config = config.model_copy(update={"model": model, "training": training})
        self._visible = visible
        self._options = FitOptions(seed, device, teacher=teacher, progress=progress)
        held = training_split(visible, config, seed)
        self._train = visible.without(held, ("train",))
        self._valid = visible.interactions.select(held)
        if not len(self._valid):
            raise TrainingError(
                "there is no validation row to choose the epoch by; load more interactions."
            )
        if plan_training(self._train, self._valid, self._config).sampled:
            raise TrainingError(
                f"the objective 'recommend' reads all {len(visible.items):,} items in every step; "
                "set training.sampling to 'full' if memory allows, or use 'contrastive'."
            )
        wanted = ([], []) if not config.model.use_text else texts_of(self._train)
        documents, written = ([clean_text(text) for text in part] for part in wanted)
        scenarios = scenario_documents(scenarios_of(self._train)) if documents or written else []
        texts = [text for text in dict.fromkeys([*documents, *written, *scenarios]) if text]
        self.texts = texts if any(documents) or any(written) else []
        place = {text: row for row, text in enumerate(self.texts)}
        self._place = {**place, "": len(self.texts)}
        self._documents, self._events = (
            torch.tensor([self._place[text] for text in part], device=device).long()
            for part in (documents, written)
        )
        self._fitted: Fitted | None = None

    def fit(self, vectors: np.ndarray) -> None:
        """Fit the recommender to these vectors; its weights are fixed afterwards."""
        reader = TextReader(self._config)
        reader.encoder = _KnownVectors(self._place, vectors)
        self._fitted = run_pipeline(self._visible, self._config, reader.read, self._options).chosen
        engine = self._engine
        engine.model.zero_grad(set_to_none=True)
        engine.model.requires_grad_(False)
        teacher = self._options.teacher
        self._stepper = Stepper(
            model=engine.model,
            inputs=engine.inputs,
            data=engine.sequences,
            plan=self._fitted.plan,
            config=self._config.training,
            device=self._options.device,
            sampler=None,
            names=tuple(engine.vocabulary.scenarios),
            teacher=teacher_scores(teacher, self._train, engine.vocabulary, self._options.device),
        )
        self._users = np.flatnonzero(engine.sequences.lengths() > 0)
        self._queries = ValidationQueries.build(
            engine, self._valid, most=_VALID_USERS, seed=self._options.seed
        )

    def loss(self, vectors: Tensor, rng: np.random.Generator) -> Tensor:
        """The training loss of random users; ``vectors`` float32 ``[n, size]`` of the texts."""
        size = min(self._stepper.plan.batch_size, len(self._users))
        users = np.sort(rng.choice(self._users, size, replace=False))
        self._engine.model.train()
        losses = self._stepper.losses(self._inputs(vectors), self._stepper.examples(users, rng))[1]
        return weighted_mean(losses)

    @torch.no_grad()
    def validate(self, vectors: Tensor) -> float:
        """NDCG@10 of the model alone (without item weights) on the validation rows."""
        now = self._engine.reading(self._inputs(vectors))
        return self._queries.evaluate(lambda rows: self._queries.score(now, rows))["ndcg@10"]

    @property
    def _engine(self) -> Engine:
        if self._fitted is None:
            raise ModelError("the downstream recommender is not fitted; call fit() first.")
        return self._fitted.engine

    def _inputs(self, vectors: Tensor) -> ModelInputs:
        """The inputs of the model with these text vectors; differentiable in them."""
        inputs = self._engine.inputs
        items = inputs.items
        rows = torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])
        events = functional.embedding(self._events, rows)
        texts: dict[str, Tensor] = {}
        if TEXT in items.rows:
            texts[TEXT] = functional.embedding(self._documents, rows)
        if REVIEWS in items.rows and not items.reviews:
            texts[REVIEWS] = self._means(events)
        reviews = items.reviews and replace(items.reviews, vectors=events)
        return replace(
            inputs, event_text=events, items=replace(items.with_rows(texts), reviews=reviews)
        )

    def _means(self, events: Tensor) -> Tensor:
        """float32 ``[n, size]``: mean review vectors of items, as ``TextReader`` computes them."""
        reviews = self._train.reviews
        own = events[: len(reviews)]
        if self._config.text.robust_reviews:
            found = review_weights(own.detach().cpu().numpy(), reviews.item, reviews.text)
            own = own * torch.from_numpy(found).to(own.device).unsqueeze(1)
        known = np.flatnonzero(reviews.item >= 0)
        row, item = (torch.from_numpy(each).to(own.device) for each in (known, reviews.item[known]))
        sums = own.new_zeros(len(self._train.items), own.shape[1])
        return functional.normalize(sums.index_add(0, item, own[row]), dim=1)


@dataclass(frozen=True, eq=False)
class _KnownVectors:
    """An encoder that looks up ``vectors`` float32 ``[n, dim]`` by the ``place`` of a cleaned text.

    The place after the last belongs to the empty text.
    """

    place: Mapping[str, int]
    vectors: np.ndarray
    name: str = "tuning"
    fingerprint: str = ""

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def encode(self, texts: Sequence[str], progress: Any = None) -> np.ndarray:
        del progress  # a look-up takes no time
        rows = [self.place[clean_text(text)] for text in texts]
        empty = np.zeros((1, self.dim), dtype=np.float32)
        return np.concatenate([self.vectors, empty])[rows]
