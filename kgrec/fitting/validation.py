"""What a model is judged by while it is chosen: held-out rows, each user in each scenario apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from kgrec.arrays import Csr, pairs_to_csr, take_rows
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.metrics.evaluate import EvaluationReport, evaluate_ranking
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import mask_other_items, scenario_codes


@dataclass(frozen=True, eq=False)
class ValidationQueries:
    """q users (int64 rows), each in a ``scenario`` (int64 codes, -1: none) in which rows are held
    out: the items ``wanted`` there, and those ``seen`` anywhere, by query.

    ``scenario_items`` are the items that scenarios choose among; see ``Engine.scenario_items``.
    """

    user: Ints
    scenario: Ints
    wanted: Csr
    seen: Csr
    n_items: int
    names: tuple[str, ...]
    scenario_items: np.ndarray | None

    @staticmethod
    def build(engine: Engine, valid: Interactions, *, most: int, seed: int) -> ValidationQueries:
        """Those of ``valid``; ``most`` of them, drawn with ``seed``, where there are more."""
        names, seen = tuple(engine.vocabulary.scenarios), engine.snapshot.interactions
        width = len(names) + 1
        keys, query = np.unique(
            valid.user * width + scenario_codes(valid.scenario, engine.vocabulary) + 1,
            return_inverse=True,
        )
        chosen = np.arange(len(keys))
        if len(keys) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
        user = keys[chosen] // width
        known = pairs_to_csr(seen.user, seen.item, len(engine.snapshot.users))
        return ValidationQueries(
            user=user,
            scenario=keys[chosen] % width - 1,
            wanted=take_rows(pairs_to_csr(query, valid.item, len(keys)), chosen),
            seen=take_rows(known, user),
            n_items=len(engine.snapshot.items),
            names=names,
            scenario_items=engine.scenario_items,
        )

    def __len__(self) -> int:
        return len(self.user)

    def score(self, engine: Engine, rows: Ints) -> Tensor:
        """The engine's scores for queries ``rows``, float32 ``[B, n]``."""
        return engine.score(engine.stored(self.user[rows], self.scenario[rows]))

    def evaluate(self, score: Callable[[Ints], Tensor]) -> EvaluationReport:
        """NDCG@10 of what ``score`` says of queries (int64 rows), of all and by scenario."""
        labels = np.array([*self.names, ""], dtype=object)[self.scenario]
        return evaluate_ranking(
            lambda rows: mask_other_items(score(rows), self.scenario_items, self.scenario[rows]),
            n_items=self.n_items,
            targets=self.wanted,
            seen=self.seen,
            ks=(10,),
            groups=labels if self.names else None,
        )
