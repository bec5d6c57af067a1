"""RatingPredictor: a rating model bound to items, users and their ratings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.features.inputs import ItemInputs
from kgrec.graph.snapshot import Floats, Ints, Strings
from kgrec.ratings.attributes.taste import (
    AttributeRows,
    AttributeTaste,
    own_tastes,
    token_matrices,
)
from kgrec.ratings.blend import BlendFeatures
from kgrec.ratings.evidence import RatingEvidence
from kgrec.ratings.model import RatedItems, RatingModel
from kgrec.ratings.pools import RatedEvents, RatingPairs, RatingPools, user_means
from kgrec.scoring.context.rating_effects import ContextEffects, ContextPairs
from kgrec.sparse import SparseMatrix

_ROWS = 16_384  # pairs at once; each is answered on its own
_PAST_ROWS = 2_048  # where every row may have a history of its own


@dataclass(frozen=True, eq=False)
class RatingPredictor:
    """Predicts ratings; slots of ``events`` are the rows of ``user_tokens``.

    Without ``evidence`` the ratings are the model's own, not blended. ``effects`` are those of
    circumstances. ``scores`` gives the relative scores of pairs, from user and item rows and codes
    of scenarios (``kgrec.scoring.relative_scores``); without it likes are blended without scores.
    """

    model: RatingModel
    inputs: ItemInputs
    user_tokens: SparseMatrix
    events: RatedEvents
    device: torch.device
    evidence: RatingEvidence | None = None
    effects: ContextEffects | None = None
    scores: Callable[[Ints, Ints, Ints], Floats] | None = None

    @cached_property
    def items(self) -> RatedItems:
        """The items' vectors, computed once."""
        self.model.eval()
        with torch.no_grad():
            return self.model.items(self.inputs)

    @cached_property
    def attribute_rows(self) -> AttributeRows | None:
        """The tokens that the blend reads; None without a blend that reads attributes."""
        blend = self.model.blend
        return None if blend is None or blend.taste is None else self.rows_for(blend.taste)

    def rows_for(self, taste: AttributeTaste) -> AttributeRows | None:
        """The tokens of users and items that ``taste`` reads; None where items have none."""
        tokens = token_matrices(self.inputs, self.user_tokens)
        return None if tokens is None else AttributeRows.of(*tokens, taste.items)

    @cached_property
    def user_attributes(self) -> Tensor:
        """Vectors of users' attributes, float32 ``[m, d + 1]``, computed once."""
        with torch.no_grad():
            return self.model.attributes(self.user_tokens)

    def warm_up(self) -> None:
        """Compute now what the first prediction needs."""
        _ = (self.items, self.user_attributes, self.attribute_rows)

    def predict(
        self,
        pairs: RatingPairs,
        user: Ints,
        scenario: Ints,
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
        context: Mapping[str, Strings] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits of a like float ``[R]`` and ratings float64 ``[R]``.

        ``user`` int64 ``[R]`` rows (-1: not stored), ``scenario`` int64 ``[R]`` codes (-1: none). A
        pair's history leaves out the pair itself, and its prediction does not depend on the other
        pairs. ``events``, in which the slots of ``pairs`` then count, replace the stored ones.
        ``context``: the circumstances of each pair, whose effects are of all stored ratings, so
        that they add nothing with ``past_only``.
        """
        known = self.events if events is None else events
        logit = np.empty(len(pairs), dtype=np.float32)
        standard = np.empty(len(pairs), dtype=np.float32)
        order = np.argsort(pairs.slot, kind="stable")  # each user's history is read once
        size = _PAST_ROWS if past_only else _ROWS
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            logit[rows], standard[rows] = self._answer(
                known, pairs.select(rows), user[rows], scenario[rows], past_only
            )
        rating = self._rating(pairs, user, standard, past_only, events)
        if self.model.like_blend is not None:
            score = self._score(pairs, user, scenario, past_only)
            standard_rating = self.model.shape.scale.standard(rating)
            logit = self.model.like_blend.logit(logit, standard_rating, score)
        if self.effects is None or past_only or context is None:
            return logit, rating
        stored = np.where(pairs.slot == user, user, -1)
        added = self.effects.of(ContextPairs(stored, pairs.item, context))
        return logit, self.model.shape.scale.within(rating + added)

    def _score(self, pairs: RatingPairs, user: Ints, scenario: Ints, past_only: bool) -> Floats:
        """Relative scores float64 ``[R]``; NaN where the pair is not answered from the whole stored
        history."""
        if self.scores is None or past_only:
            return np.full(len(pairs), np.nan)
        return self.scores(np.where(pairs.slot == user, user, -1), pairs.item, scenario)

    def _rating(
        self,
        pairs: RatingPairs,
        user: Ints,
        standard: np.ndarray,
        past_only: bool,
        events: RatedEvents | None,
    ) -> np.ndarray:
        """Predicted ratings float64 ``[R]``, blended where the model has a blend."""
        scale, blend = self.model.shape.scale, self.model.blend
        if blend is None or self.evidence is None:
            return scale.rating(standard)
        features = self.blend_features(
            pairs, user, standard, blend.shrinkage, past_only=past_only, events=events
        )
        return scale.within(blend.rating(features))

    def blend_features(
        self,
        pairs: RatingPairs,
        user: Ints,
        standard: np.ndarray,
        shrinkage: tuple[float, float],
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
        taste: AttributeTaste | None = None,
    ) -> BlendFeatures:
        """Inputs of the blend for each pair.

        ``standard`` float32 ``[R]``: the model's rating, standardised; ``taste``: that of the
        blend, unless another one is given; for the rest see ``predict`` and ``RatingBlend``.
        """
        evidence, scale = self.evidence, self.model.shape.scale
        assert evidence is not None
        of_user, of_item = self.means(pairs, user, shrinkage, past_only=past_only, events=events)
        words = evidence.words(pairs.item, user, pairs.time)
        if taste is None and self.model.blend is not None:
            taste = self.model.blend.taste
        return BlendFeatures(
            user=of_user,
            item=of_item,
            model=standard.astype(np.float64) * scale.deviation + scale.mean - evidence.mean,
            item_words=words[0],
            user_words=words[1],
            taste=None
            if taste is None
            else self.taste(taste, pairs, user, past_only=past_only, events=events),
        )

    def taste(
        self,
        taste: AttributeTaste,
        pairs: RatingPairs,
        user: Ints,
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
    ) -> np.ndarray | None:
        """The rating from attributes minus m, float64 ``[R]``; None where items have no tokens."""
        blend, evidence = self.model.blend, self.evidence
        kept = blend is not None and blend.taste is taste
        rows = self.attribute_rows if kept else self.rows_for(taste)
        if rows is None:
            return None
        assert evidence is not None
        known, numbered = (self.events if events is None else events).of_pairs(pairs)
        of_slot = np.full(len(known.indptr) - 1, -1)
        of_slot[numbered.slot] = user
        rater = of_slot[known.slot]
        rest = known.rating - evidence.mean - rows.crossed(rater, known.item, taste.cross)
        rest -= evidence.item_means(known.item, rater, taste.shrinkage)
        own = own_tastes(taste, rows, known, rest, numbered, past_only)
        shared = rows.crossed(user, pairs.item, taste.cross)
        return np.asarray(evidence.item_means(pairs.item, user, taste.shrinkage) + shared + own)

    def means(
        self,
        pairs: RatingPairs,
        user: Ints,
        shrinkage: tuple[float, float],
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Shrunk means of the user and of the item, float64 ``[R]`` each; see ``RatingBlend``."""
        evidence = self.evidence
        assert evidence is not None
        known, numbered = (self.events if events is None else events).of_pairs(pairs)
        nobody = np.full(evidence.n_items, -1)
        of_items = evidence.item_means(np.arange(evidence.n_items), nobody, shrinkage[1])
        rest = known.rating - evidence.mean - of_items[known.item]
        return (
            user_means(known, rest, numbered, shrinkage[0], past_only),
            evidence.item_means(pairs.item, user, shrinkage[1]),
        )

    def _answer(
        self, events: RatedEvents, pairs: RatingPairs, user: Ints, scenario: Ints, past_only: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        rated, numbered = events.of_pairs(pairs)
        shape = self.model.shape
        self.model.eval()
        with torch.no_grad():
            pools = RatingPools.build(
                rated,
                numbered,
                shape.windows,
                past_only=past_only,
                device=self.device,
            )
            vectors = self.model.events(
                self.items, self._tensor(rated.item), self._tensor(shape.scale.level(rated.rating))
            )
            known = self._tensor((user >= 0).astype(np.float32)).unsqueeze(1)
            attributes = self.user_attributes[self._tensor(np.maximum(user, 0))] * known
            users, bias = self.model.users(vectors, pools, attributes)
            logit, standard = self.model.answers(
                self.items, self._tensor(pairs.item), users, bias, self._tensor(scenario)
            )
        return logit.cpu().numpy(), standard.cpu().numpy()

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values).to(self.device)
