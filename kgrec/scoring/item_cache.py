"""ItemCache: the vectors that scores are computed from, made once and shared by all scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from kgrec.nn import ItemVectors
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.cold_items import ColdItems, ColdOrigin, ColdRegression
from kgrec.scoring.message_index import share


@dataclass(frozen=True, eq=False)
class ItemCache:
    """Vectors of the items and users of a bound model.

    With ``predicts_cold`` False, and in a private model, cold items keep the vectors that the model
    gives them: predictions read all users' rows. ``given_origin`` is that of another graph, whose
    regression holds here too.
    """

    bound: BoundModel
    predicts_cold: bool = True
    given_origin: ColdOrigin | None = None

    @cached_property
    def origin(self) -> ColdOrigin:
        """Where the regression of cold items comes from: by default, from this graph."""
        return self.given_origin or ColdOrigin(self.bound)

    def over(self, bound: BoundModel) -> ItemCache:
        """The vectors over a later snapshot, of which ``bound`` is; those whose inputs are the same
        are shared."""
        later, mine = ItemCache(bound, given_origin=self.origin), self.bound.inputs
        if self.predicts_cold and bound.inputs.items is mine.items:
            share(self, later, "cold_items", "items")
            if bound.inputs is mine:
                share(self, later, "known")
        return later

    def learn_cold(self) -> None:
        """Learn the regression now, so that the first new item comes as fast as the next."""
        if self.predicts_cold and not self.bound.model.shape.private:
            _ = self.origin.regression

    @property
    def is_own_regression(self) -> bool:
        """Whether the regression is learned from this graph, and not from an earlier one."""
        return self.origin.of_graph(self.bound.snapshot)

    def kept_regression(self, *, again: bool = False) -> ColdRegression | None:
        """The regression that is to be saved: the one that predicted the cold items, where this
        graph alone does not give it, else the one that was learned, so that no load learns it.

        ``again``: every load learns the latter, as the saved parameters are rounded.
        """
        if self.is_own_regression:
            return None if again else self.origin.known
        return None if self.cold_items is None else self.origin.regression

    @cached_property
    def cold_items(self) -> ColdItems | None:
        """Predicted vectors of cold items; None where there are none."""
        bound = self.bound
        if not self.predicts_cold or bound.model.shape.private:
            return None
        if len(bound.trained_rows) == len(bound.snapshot.items):
            return None
        regression = self.origin.regression
        return None if regression is None else regression.predict(bound)

    @cached_property
    def items(self) -> ItemVectors:
        """The items' vectors, float32; for cold items, vectors predicted from similar items."""
        trained = self.bound.trained_items
        return trained if self.cold_items is None else self.cold_items.replace_in(trained)

    @cached_property
    def known(self) -> Tensor:
        """The part of every stored user's vector that needs no history, float32 ``[m, d]``."""
        with torch.inference_mode():
            return self.bound.model.known(self.items.query, self.bound.inputs)
