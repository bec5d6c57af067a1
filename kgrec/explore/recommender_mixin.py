"""Exploring: what can be asked of the graph behind a Recommender, and of the model as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.explain.attribution.attribute import attribute
from kgrec.explain.attribution.model_breakdown import break_down
from kgrec.explore import GraphExplorer
from kgrec.explore.importance import Tally
from kgrec.query import Asked, ask, check_k, id_list, known_users
from kgrec.scoring.ranked_lists import rank_items

if TYPE_CHECKING:
    from kgrec.scoring.engine import Engine


class Exploring:
    """The part of Recommender that looks around in the graph it answers from."""

    _explorer: GraphExplorer | None = None

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    @property
    def graph(self) -> GraphExplorer:
        """The graph to look around in: ``neighbours``, ``paths`` and ``subgraph`` of any nodes."""
        explainer = self._engine.explainer
        if self._explorer is None or self._explorer.explainer is not explainer:
            self._explorer = GraphExplorer(explainer)
        return self._explorer

    def importance(
        self,
        by: str = "relation",
        *,
        scenario: str | Sequence[str] | None = None,
        users: int | Sequence[str] = 100,
        k: int = 10,
        seed: int = 0,
    ) -> pd.DataFrame:
        """What moves scores most: by "relation", "part" (of the model), "entity" (or other node
        between history and item) or "text" (the history items whose texts did).

        The scores are those of the top ``k`` of ``users``: ids, or how many with a history to draw
        (``seed``). Each is taken apart exactly as ``explain`` does. One row each, columns scenario
        ("" without one), name, kind, node ("Item:588" or ""), mean and mean_absolute (of the
        contribution to a score, float64), share (signed, of score − baseline over all) and scores
        (in how many it had a part). By relation and part the means add up to the mean gain: what
        no relation carried has rows too. Several scenarios are told one after another. Raises
        RequestError.
        """
        engine = self._engine
        wanted = [scenario] if scenario is None or isinstance(scenario, str) else list(scenario)
        if not wanted:
            raise RequestError("scenario is an empty list; pass names, or None for none.")
        ids = _sample(engine, users, seed) if isinstance(users, int) else id_list(users, "users")
        known_users(engine.snapshot.users, ids)
        frames = [_importance(engine, by, ids, check_k(k), one) for one in wanted]
        return pd.concat(frames, ignore_index=True)


def _sample(engine: Engine, count: int, seed: int) -> list[str]:
    """Ids of users with a history, drawn without replacement, in the graph's order."""
    if isinstance(count, bool) or count < 1:
        raise RequestError(f"users is {count!r}; ask for at least one, or pass their ids.")
    rows = np.unique(engine.snapshot.interactions.user)
    if not len(rows):
        raise RequestError("no user has a history, so nothing moves a score; add interactions.")
    drawn = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)
    return [str(user) for user in engine.snapshot.users.ids[np.sort(drawn)]]


def _importance(
    engine: Engine, by: str, ids: list[str], k: int, scenario: str | None
) -> pd.DataFrame:
    index = engine.explainer.index
    tally = Tally(index, by)
    asked = ask(engine, ids, None, scenario)
    ranked = rank_items(engine, asked, k, mask=None, exclude_seen=True)
    for place in range(len(ids)):
        _add_user(engine, tally, asked.part(place, place + 1), ranked.ids[place])
    return tally.frame(scenario or "")


def _add_user(engine: Engine, tally: Tally, asked: Asked, items: np.ndarray) -> None:
    """What made up the scores of one user's items."""
    times = engine.sequences.times(int(asked.histories.user[0]))
    for item in items[items != np.array(None)]:
        row = engine.item_row[item]
        told = break_down(engine, asked.histories, times, row)
        node = int(engine.item_nodes(np.array([row]))[0])
        tally.add(attribute(engine.explainer.index, told, node), told.gain)
