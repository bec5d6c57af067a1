"""RatingPredictor: a rating model bound to items, users and their ratings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.features.inputs import ItemInputs
from kgrec.graph.snapshot import Ints
from kgrec.ratings.blend import RatingSigns
from kgrec.ratings.evidence import RatingEvidence
from kgrec.ratings.model import RatedItems, RatingModel
from kgrec.ratings.pools import AskedPairs, RatedEvents, RatingPools, user_means
from kgrec.sparse import SparseMatrix

_ROWS = 16_384  # asked at once; each is answered on its own
_PAST_ROWS = 2_048  # where every row may have a history of its own


@dataclass(frozen=True, eq=False)
class RatingPredictor:
    """Answers for stored users: slots of ``events`` are the rows of ``user_tokens``.

    Without ``evidence`` ratings are the model's alone, not blended.
    """

    model: RatingModel
    inputs: ItemInputs
    user_tokens: SparseMatrix
    events: RatedEvents
    device: torch.device
    evidence: RatingEvidence | None = None

    @cached_property
    def items(self) -> RatedItems:
        """The items' vectors, computed once."""
        self.model.eval()
        with torch.no_grad():
            return self.model.items(self.inputs)

    @cached_property
    def told(self) -> Tensor:
        """What users' attributes say, float32 ``[m, d + 1]``, computed once."""
        with torch.no_grad():
            return self.model.attributes(self.user_tokens)

    def warm_up(self) -> None:
        """Compute now what the first prediction needs."""
        _ = (self.items, self.told)

    def predict(
        self,
        asked: AskedPairs,
        user: Ints,
        scenario: Ints,
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits of a like float32 ``[R]`` and ratings float64 ``[R]``, each of its row alone.

        ``user`` int64 ``[R]`` rows (-1: not stored), ``scenario`` int64 ``[R]`` codes (-1: none).
        A row's history leaves out the pair itself. ``events``, which the slots of ``asked`` then
        count, take the place of the stored ones.
        """
        known = self.events if events is None else events
        logit = np.empty(len(asked), dtype=np.float32)
        standard = np.empty(len(asked), dtype=np.float32)
        order = np.argsort(asked.slot, kind="stable")  # users' histories are read once
        size = _PAST_ROWS if past_only else _ROWS
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            logit[rows], standard[rows] = self._answer(
                known, asked.select(rows), user[rows], scenario[rows], past_only
            )
        scale, blend = self.model.shape.scale, self.model.blend
        if blend is None or self.evidence is None:
            return logit, scale.rating(standard)
        signs = self.signs(asked, user, standard, blend.worth, past_only=past_only, events=events)
        return logit, scale.within(blend.rating(signs))

    def signs(
        self,
        asked: AskedPairs,
        user: Ints,
        standard: np.ndarray,
        worth: tuple[float, float],
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
    ) -> RatingSigns:
        """What the blend reads of each row; ``standard`` float32 ``[R]`` is the model's rating, for
        the others see ``predict`` and ``RatingBlend``."""
        evidence, scale = self.evidence, self.model.shape.scale
        assert evidence is not None
        of_user, of_item = self.means(asked, user, worth, past_only=past_only, events=events)
        words = evidence.words(asked.item, user, asked.time)
        return RatingSigns(
            user=of_user,
            item=of_item,
            model=standard.astype(np.float64) * scale.deviation + scale.mean - evidence.mean,
            item_words=words[0],
            user_words=words[1],
        )

    def means(
        self,
        asked: AskedPairs,
        user: Ints,
        worth: tuple[float, float],
        *,
        past_only: bool = False,
        events: RatedEvents | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The user's and the item's shrunk means, float64 ``[R]`` each; see ``signs``."""
        evidence = self.evidence
        assert evidence is not None
        known, pairs = (self.events if events is None else events).asked(asked)
        nobody = np.full(evidence.n_items, -1)
        of_items = evidence.item_means(np.arange(evidence.n_items), nobody, worth[1])
        rest = known.rating - evidence.mean - of_items[known.item]
        return (
            user_means(known, rest, pairs, worth[0], past_only),
            evidence.item_means(asked.item, user, worth[1]),
        )

    def _answer(
        self, events: RatedEvents, asked: AskedPairs, user: Ints, scenario: Ints, past_only: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        own, pairs = events.asked(asked)
        shape = self.model.shape
        self.model.eval()
        with torch.no_grad():
            pools = RatingPools.build(
                own,
                pairs,
                scales=shape.scales,
                reach=shape.reach,
                past_only=past_only,
                device=self.device,
            )
            said = self.model.events(
                self.items, self._tensor(own.item), self._tensor(shape.scale.level(own.rating))
            )
            known = self._tensor((user >= 0).astype(np.float32)).unsqueeze(1)
            told = self.told[self._tensor(np.maximum(user, 0))] * known
            vectors, bias = self.model.users(said, pools, told)
            logit, standard = self.model.answers(
                self.items, self._tensor(asked.item), vectors, bias, self._tensor(scenario)
            )
        return logit.cpu().numpy(), standard.cpu().numpy()

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values).to(self.device)
