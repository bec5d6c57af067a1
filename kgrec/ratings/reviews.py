"""What a rating is blended of: counted on one snapshot, weighed on validation rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Interactions, Ints, Texts
from kgrec.ratings.blend import FEWEST, RatingBlend, fit_weights
from kgrec.ratings.evidence import RatingEvidence
from kgrec.ratings.pools import AskedPairs
from kgrec.ratings.predictor import RatingPredictor
from kgrec.scoring.engine import Engine
from kgrec.text.sentiment import Sentiment, fit_sentiment

_WORTHS = (2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0)  # ratings that a shrunk mean may assume


@dataclass(frozen=True, eq=False)
class Reviews:
    """Reviews and their vectors float32 ``[n, size]``, row by row."""

    texts: Texts
    vectors: np.ndarray

    @staticmethod
    def of(engine: Engine) -> Reviews | None:
        """Those of the engine's snapshot; None where nobody read any."""
        texts = engine.snapshot.reviews
        if not len(texts) or len(engine.texts.events) < len(texts):
            return None
        return Reviews(texts, engine.texts.events[: len(texts)])

    def without(self, pairs: Interactions, n_items: int) -> Reviews:
        """Without the reviews of these users and items (leakage)."""
        held = pairs.user * n_items + pairs.item
        texts = self.texts
        left = ~np.isin(texts.user * n_items + texts.item, held) | (texts.user < 0)
        return Reviews(texts.select(left), self.vectors[left])

    def sentiment(self) -> Sentiment | None:
        return fit_sentiment(self.vectors, self.texts.rating, self.texts.id)


def gather(
    interactions: Interactions,
    reviews: Reviews | None,
    sentiment: Sentiment | None,
    mean: float,
    n_items: int,
) -> RatingEvidence:
    """What the interactions' ratings say, and the reviews where ``sentiment`` reads them."""
    rated = interactions.select(np.isfinite(interactions.rating))
    if reviews is None or sentiment is None:
        none = np.empty(0, dtype=np.int64)
        texts = Texts(none, none, none, none, none, none)
        return RatingEvidence.build(rated, texts, np.empty(0), mean, n_items)
    sound = sentiment.read(reviews.vectors, reviews.texts.id)
    return RatingEvidence.build(rated, reviews.texts, sound, mean, n_items)


def fit_blend(
    predictor: RatingPredictor,
    rows: Interactions,
    scenario: Ints,
    sentiment: Sentiment | None,
    seed: int,
) -> RatingBlend | None:
    """The blend that foretells validation ``rows`` best, told as when answering.

    ``predictor`` has the training rows alone as events and evidence. The shrinkage of means is
    chosen by their own error, then the weights are learned; None for fewer than FEWEST rows.
    """
    if len(rows) < FEWEST or predictor.evidence is None:
        return None
    asked = AskedPairs(rows.user, rows.item, rows.timestamp)
    model = predictor.model
    # Before there is a blend the answers are the model's own.
    _, rating = predictor.predict(asked, rows.user, scenario)
    standard = model.shape.scale.standard(rating)
    mean = predictor.evidence.mean
    truth = rows.rating.astype(np.float64) - mean

    def error(worth: tuple[float, float]) -> float:
        of_user, of_item = predictor.means(asked, rows.user, worth)
        return float(((of_user + of_item - truth) ** 2).mean())

    worth = min(((u, i) for u in _WORTHS for i in _WORTHS), key=error)
    signs = predictor.signs(asked, rows.user, standard, worth)
    shift, weights = fit_weights(signs, truth - signs.base, seed)
    return RatingBlend(mean, worth, shift, weights, sentiment)
