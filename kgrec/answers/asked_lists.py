"""AskedLists: lists of items as they were asked for, resolved once for the verbs that make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from kgrec.answers.explored_lists import Exploration, answer_frame, explored_items
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.lists import ItemSearch, best_items
from kgrec.scoring.ranked_lists import ListOptions, Ranked, RankedRows
from kgrec.scoring.request import Request


@dataclass(frozen=True, eq=False)
class AskedLists:
    """Lists of items that were asked for.

    Attributes
    ----------
    engine : Engine
        The model over the graph.
    request : Request
        Who asks, in which circumstances, under which rules.
    options : ListOptions
        Length of the lists, and the items that may be in them.
    search : ItemSearch or None
        The search in clusters of items; None where all items are scored.
    """

    engine: Engine
    request: Request
    options: ListOptions
    search: ItemSearch | None

    def rows(self, request: Request | None = None) -> RankedRows:
        """The lists as rows of items; with ``request`` those of another one."""
        asked = self.request if request is None else request
        return best_items(self.engine, asked, self.options, self.search)

    def ranked(self, explore: Any = None, seed: Any = None) -> Ranked:
        """The lists as ids and scores; ``ExploredLists`` with ``explore``.

        ``explore``, ``seed``: as in ``Recommender.recommend``. Raises RequestError for those that
        can't be, and where rules set places of explored lists.
        """
        exploration = Exploration.build(explore, seed, self.options.k)
        if exploration is None:
            return self.rows().with_ids(self.engine, self.request.integers)
        return explored_items(self.engine, self.request, self.options, self.search, exploration)

    def frame(self, explore: Any = None, seed: Any = None) -> pd.DataFrame:
        """``ranked`` as a frame: user_id, item_id, score and rank, and of explored lists also
        probability and list_id."""
        return answer_frame(self.request, self.ranked(explore, seed))
