"""The page of one user: the recommended items, the reasons for each, and the graph around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.names import ITEM, USER
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.explained_request import Case
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.explore.attributes import attribute_texts
from kgrec.explore.page_graph import PageGraph
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Constraints, PathIndex
from kgrec.visualization.html_page import write_page
from kgrec.visualization.layout import Box
from kgrec.visualization.page_list import PageEvent, PageItem, PageList, PagePath

COLUMN, ROW = 2.6, 1.1  # inches between two columns and two rows of a path's nodes
FACT_KINDS = ("shared entity", "item fact", "graph neighbourhood")
MOST_FACTS = 3  # reasons through facts alone that are added to the first ones
MOST_EVENTS = 300
Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class UserPage:
    """What the page is made of.

    Attributes
    ----------
    index : PathIndex
        The graph.
    explanations, through_facts : sequence of Explanation
        Of each recommended item, best first: by the strongest paths of all, and by the strongest
        of facts alone.
    history : Ints
        Item rows of the user's events, int64 ``[n]``, oldest first.
    user : int or None
        The user's row where the history is the one in the graph, else None.
    """

    index: PathIndex
    explanations: Sequence[Explanation]
    through_facts: Sequence[Explanation]
    history: Ints
    user: int | None

    @staticmethod
    def of(case: Case, rows: Sequence[int], k: int) -> UserPage:
        """The page of the item rows ``rows``, with the ``k`` strongest paths to each."""
        index = case.explainer.index
        found = case.explain(rows, k)
        about = (
            one for one in index.snapshot.facts if USER not in (one.head_label, one.tail_label)
        )
        relations = sorted({one.relation for one in about})
        through = [replace(one, paths=[]) for one in found]
        if relations:
            through = case.explain(rows, k + MOST_FACTS, Constraints(relations=relations))
        return UserPage(index, found, through, case.history.items, case.stored)

    def write(self, path: Path, *, title: str | None = None, foot: str = "") -> Path:
        """Save the page. Raises RequestError without items, or for a name that isn't .html."""
        if not self.explanations:
            raise RequestError("no item is left to recommend, so there is nothing to show.")
        part = PageGraph(self.index, Writer(), self._ratings)
        both = zip(self.explanations, self.through_facts, strict=True)
        items = [self._item(part, one, facts) for one, facts in both]
        part.add_neighbours()
        lists = PageList(items, self._events(part), "Rated" if self._ratings else "Chosen", foot)
        counts = f"{len(items)} recommendations from {len(self.history):,} earlier choices. "
        return write_page(
            part.graph,
            path,
            title=title or "Recommended for you",
            note=counts + "Choose one to see its reasons; click a box for its facts.",
            lists=lists,
        )

    @property
    def _ratings(self) -> dict[int, float]:
        """The user's last rating of each item node."""
        events = self.index.snapshot.interactions
        rows = np.flatnonzero((events.user == self.user) & ~np.isnan(events.rating))
        offset = self.index.space.offsets[ITEM]
        nodes = (offset + events.item[rows]).tolist()
        return dict(zip(nodes, events.rating[rows].tolist(), strict=True))

    def _item(self, part: PageGraph, one: Explanation, facts: Explanation) -> PageItem:
        key = part.add_item(one.item_id)
        shown = [path for path in one.paths if _is_discreet(path)]
        shown += [path for path in facts.paths if _is_discreet(path) and _is_new(path, shown)]
        shown = shown[: len(one.paths) + MOST_FACTS]
        reasons = tuple(part.add_path(path) for path in shown)
        return PageItem(
            node=key,
            details=self._details(one.item_id),
            score=one.score,
            reasons=reasons,
            rest=_rest(one, shown),
            boxes={key: Box(0.0, 0.0, 1.0, 1.0), **_boxes(reasons)},
        )

    def _details(self, item_id: str) -> str:
        items = self.index.snapshot.items
        texts = attribute_texts(items.attributes, int(items.rows([item_id])[0]))
        return " · ".join(sorted(texts.values(), key=len)[:3])

    def _events(self, part: PageGraph) -> list[PageEvent]:
        """The latest events first, each item once."""
        offset, items = self.index.space.offsets[ITEM], self.index.snapshot.items
        found = []
        for row in list(dict.fromkeys(self.history[::-1].tolist()))[:MOST_EVENTS]:
            node = offset + row
            rating = self._ratings.get(node)
            details = [] if rating is None else [f"rated {rating:g}"]
            details += sorted(attribute_texts(items.attributes, row).values(), key=len)[:2]
            title = self.index.space.display_name(node)
            found.append(PageEvent(title, " · ".join(details), part.known(node)))
        return found


def _is_discreet(path: ExplainedPath) -> bool:
    """Whether the sentence of a path names no other user."""
    others = any(label == USER for label, _, _ in path.nodes[1:])
    return not others or (path.kind == "collaborative" and path.people > 0)


def _is_new(path: ExplainedPath, shown: Sequence[ExplainedPath]) -> bool:
    through_facts = path.kind in FACT_KINDS and all(path.stored)
    return through_facts and all(path.nodes != other.nodes for other in shown)


def _rest(one: Explanation, shown: Sequence[ExplainedPath]) -> str:
    """What the score consists of besides the reasons shown."""
    left = one.gain - math.fsum(path.contribution for path in shown)
    further = one.hidden + len(one.paths) - len(shown)
    word = "path" if further == 1 else "paths"
    parts = [f"{signed(left)} in {further:,} further {word}"] if further > 0 else []
    score = f"Score {one.score:.2f}: {one.baseline:.2f} without your history"
    return "; ".join([*one.reasons, ", ".join([score, *parts])]) + "."


def _boxes(reasons: Sequence[PagePath]) -> dict[Key, Box]:
    """About where the nodes are: the user on the left, the item on the right, a row per reason."""
    boxes: dict[Key, Box] = {}
    middle = -ROW * (len(reasons) - 1) / 2
    for row, path in enumerate(reasons):
        last = len(path.nodes) - 1
        for place, key in enumerate(path.nodes):
            column = _column(place, last)
            level = middle if place in (0, last) else -ROW * row
            boxes.setdefault(key, Box(COLUMN * column, level, 1.0, 1.0))
    return boxes


def _column(place: int, last: int) -> float:
    """0 for the user, 1 for what was chosen, 3 for the item, and those between at equal steps."""
    if place < 2:
        return place
    return 1 + 2 * (place - 1) / (last - 1)
