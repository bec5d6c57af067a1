"""Reviews: their texts and vectors, and the rating evidence counted from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Interactions, Texts
from kgrec.ratings.evidence import RatingEvidence
from kgrec.scoring.engine import Engine
from kgrec.text.sentiment import Sentiment, fit_sentiment


@dataclass(frozen=True, eq=False)
class Reviews:
    """Reviews and their vectors float32 ``[n, size]``, row by row."""

    texts: Texts
    vectors: np.ndarray

    @staticmethod
    def of(engine: Engine) -> Reviews | None:
        """The reviews of the engine's snapshot; None without any, or without their vectors."""
        texts = engine.snapshot.reviews
        if not len(texts) or len(engine.texts.events) < len(texts):
            return None
        return Reviews(texts, engine.texts.events[: len(texts)])

    def without(self, pairs: Interactions, n_items: int) -> Reviews:
        """The reviews without those of these (user, item) pairs, to avoid leakage."""
        held = pairs.user * n_items + pairs.item
        texts = self.texts
        kept = ~np.isin(texts.user * n_items + texts.item, held) | (texts.user < 0)
        return Reviews(texts.select(kept), self.vectors[kept])

    def sentiment(self) -> Sentiment | None:
        """A model of the rating from the text; None with too few rated reviews."""
        return fit_sentiment(self.vectors, self.texts.rating, self.texts.id)


def build_evidence(
    interactions: Interactions,
    reviews: Reviews | None,
    sentiment: Sentiment | None,
    mean: float,
    n_items: int,
) -> RatingEvidence:
    """Evidence of the ratings, and of the reviews where ``sentiment`` is a model."""
    rated = interactions.select(np.isfinite(interactions.rating))
    if reviews is None or sentiment is None:
        none = np.empty(0, dtype=np.int64)
        texts = Texts(none, none, none, none, none, none)
        return RatingEvidence.build(rated, texts, np.empty(0), mean, n_items)
    predicted = sentiment.predict(reviews.vectors, reviews.texts.id)
    return RatingEvidence.build(rated, reviews.texts, predicted, mean, n_items)
