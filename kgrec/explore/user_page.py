"""The page of one user: the recommended items, the reasons for each, and the graph around them."""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.names import ITEM, USER
from kgrec.config.explain import FEWEST_PEOPLE
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.explained_request import Case
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.explore.attributes import attribute_texts, short_texts
from kgrec.explore.page_graph import PageGraph
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Constraints, PathIndex
from kgrec.visualization.html_page import write_page
from kgrec.visualization.layout import Box
from kgrec.visualization.page_list import PageEvent, PageItem, PageList, PagePath

COLUMN, ROW = 2.6, 0.9  # inches between two columns and two rows of a path's nodes
MOST_FACTS = 3  # paths of facts alone that are added to the strongest ones
MOST_EVENTS = 300
Key = tuple[str, str]
Step = tuple[Key, str, Key]


@dataclass(frozen=True, eq=False)
class UserPage:
    """What the page is made of.

    Attributes
    ----------
    index : PathIndex
        The graph.
    explanations : sequence of Explanation
        Of each recommended item, best first.
    through_facts : sequence of sequence of ExplainedPath
        Further paths to each item, of facts alone.
    history : Ints
        Item rows of the user's events, int64 ``[n]``, oldest first.
    user : int or None
        The user's row where the history is the one in the graph, else None.
    fewest : int
        Other users are counted where they are at least this many.
    """

    index: PathIndex
    explanations: Sequence[Explanation]
    through_facts: Sequence[Sequence[ExplainedPath]]
    history: Ints
    user: int | None
    fewest: int = FEWEST_PEOPLE

    @staticmethod
    def of(case: Case, rows: Sequence[int], k: int) -> UserPage:
        """The page of the item rows ``rows``, with the ``k`` strongest paths to each."""
        shown = replace(case.explainer.people, named=False)  # a page is for its user
        case = replace(case, explainer=case.explainer.showing(shown))
        found = case.explain(rows, k)
        through = [_through_facts(case, row, one) for row, one in zip(rows, found, strict=True)]
        index, history = case.explainer.index, case.history.items
        return UserPage(index, found, through, history, case.stored, shown.fewest)

    def write(self, path: Path, *, title: str | None = None, foot: str = "") -> Path:
        """Save the page. Raises RequestError without items, or for a name that isn't .html."""
        if not self.explanations:
            raise RequestError("no item is left to recommend, so there is nothing to show.")
        part = PageGraph(self.index, Writer(), self._ratings, self.fewest)
        both = zip(self.explanations, self.through_facts, strict=True)
        items = [self._item(part, one, facts) for one, facts in both]
        part.add_neighbours()
        earlier = max(len(set(self.history.tolist())) - MOST_EVENTS, 0)
        past = "Rated" if self._ratings else "Chosen"
        lists = PageList(items, self._events(part), past, earlier, foot)
        counts = (
            f"{_counted(items, 'recommendation')} from {_counted(self.history, 'earlier choice')}"
        )
        return write_page(
            part.graph,
            path,
            title=title or "Recommended for you",
            note=f"{counts}. Choose one to see its reasons; click a box for its facts.",
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

    def _item(self, part: PageGraph, one: Explanation, facts: Sequence[ExplainedPath]) -> PageItem:
        key = part.add_item(one.item_id)
        shown = list(one.paths)
        for path in facts:
            if all(path.nodes != other.nodes for other in shown):
                shown.append(path)
        reasons = tuple(part.add_path(path) for path in shown)
        rows = _rows(reasons)
        return PageItem(
            node=key,
            details=self._details(one.item_id),
            score=one.score,
            reasons=reasons,
            rest=_rest(one, shown),
            boxes={key: Box(0, 0, 1, 1), **_boxes(rows)},
            bends=_bends(rows),
        )

    def _details(self, item_id: str) -> str:
        items = self.index.snapshot.items
        texts = attribute_texts(items.attributes, int(items.rows([item_id])[0]))
        return " · ".join(short_texts(texts, 3))

    def _events(self, part: PageGraph) -> list[PageEvent]:
        """The latest events first, each item once."""
        offset, items = self.index.space.offsets[ITEM], self.index.snapshot.items
        found = []
        for row in list(dict.fromkeys(self.history[::-1].tolist()))[:MOST_EVENTS]:
            node = offset + row
            rating = self._ratings.get(node)
            details = [] if rating is None else [f"rated {rating:g}"]
            details += short_texts(attribute_texts(items.attributes, row), 2)
            title = self.index.space.display_name(node)
            found.append(PageEvent(title, " · ".join(details), part.known(node)))
        return found


def _counted(what: Sized, name: str) -> str:
    return f"{len(what):,} {name}{'' if len(what) == 1 else 's'}"


def _through_facts(case: Case, row: int, one: Explanation) -> list[ExplainedPath]:
    """The strongest path of facts through each of the nodes that contribute most to a score."""
    about = (
        f for f in case.explainer.index.snapshot.facts if USER not in (f.head_label, f.tail_label)
    )
    relations = sorted({facts.relation for facts in about})
    found = []
    for influence in one.entities[:MOST_FACTS]:
        via = (influence.label, influence.id)
        limits = Constraints(relations=relations, via=[via], max_hops=3)
        found += [path for path in case.explain([row], 1, limits)[0].paths if all(path.stored)]
    return found


def _rest(one: Explanation, shown: Sequence[ExplainedPath]) -> str:
    """What the score consists of besides the reasons shown."""
    left = one.gain - math.fsum(path.contribution for path in shown)
    further = one.hidden + len(one.paths) - len(shown)
    word = "path" if further == 1 else "paths"
    parts = [f"{signed(left)} in {further:,} further {word}"] if further > 0 else []
    score = f"Score {one.score:.2f}: {one.baseline:.2f} without your history"
    return "; ".join([*one.reasons, ", ".join([score, *parts])]) + "."


def _rows(reasons: Sequence[PagePath]) -> list[PagePath]:
    """The reasons as rows from top to bottom: those that begin with the same item are together."""
    first: dict[Key, int] = {}
    for row, path in enumerate(reasons):
        first.setdefault(path.nodes[1], row)
    return sorted(reasons, key=lambda path: first[path.nodes[1]])


def _boxes(rows: Sequence[PagePath]) -> dict[Key, Box]:
    """About where the nodes are: the user on the left, the item on the right, those between on the
    row of their reason, and what was chosen beside its rows."""
    levels: dict[Key, list[int]] = {}
    columns: dict[Key, float] = {}
    for row, path in enumerate(rows):
        last = len(path.nodes) - 1
        for place, key in enumerate(path.nodes):
            levels.setdefault(key, []).append(row)
            columns.setdefault(key, place if place < 2 else 1 + 2 * (place - 1) / (last - 1))
    middle = (len(rows) - 1) / 2
    ends = {path.nodes[0] for path in rows} | {path.nodes[-1] for path in rows}
    return {
        key: Box(
            COLUMN * columns[key], -ROW * (middle if key in ends else float(np.mean(at))), 1, 1
        )
        for key, at in levels.items()
    }


def _bends(rows: Sequence[PagePath]) -> dict[Step, Box]:
    """The points between two columns through which lines without a node between them lead."""
    return {
        path.steps[-1]: Box(2 * COLUMN, -ROW * row, 1, 1)
        for row, path in enumerate(rows)
        if len(path.nodes) == 3
    }
