"""Comparison: why two items have different scores; WhyNot: why an item is not in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from torch import Tensor

from kgrec.explain.attribution.score_breakdown import MATCH, ScoreBreakdown
from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.counterfactuals.rank_position import RankPosition
from kgrec.explain.counterfactuals.search import find_additions
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.explanation import Explanation, owner_text
from kgrec.features.blocks import name_in
from kgrec.features.names import IDS
from kgrec.paths.index import PathIndex
from kgrec.scoring.engine import Engine
from kgrec.visualization.notebook import bullets, fragment, html_table, paragraphs

BASELINE = "no history"
_MAX_LISTED = 5  # differences in the text


@dataclass(frozen=True)
class Difference:
    """Contributions of a part of the model, or of a history item, to two items' scores.

    Attributes
    ----------
    name : str
        The part of the model, or the history item's name.
    a, b : float
        Its contributions to the scores of items a and b.
    id : str
        The history item's id, "" for a part of the model.
    """

    name: str
    a: float
    b: float
    id: str = ""

    @property
    def difference(self) -> float:
        """Contribution to a − contribution to b."""
        return self.a - self.b

    def __str__(self) -> str:
        return f"{self.name} {signed(self.difference)} ({signed(self.a)} and {signed(self.b)})"


@dataclass(frozen=True)
class Comparison:
    """Why item a has another score than item b for one user.

    Attributes
    ----------
    a, b : Explanation
        The explanations of the two scores.
    parts : tuple of Difference
        ``difference`` by part of the model, "no history" (the items' scores with an empty history)
        first, and by rule ("rule NAME") where rules add to the scores. They sum to
        ``difference`` − ``rest``.
    events : tuple of Difference
        The same without "no history", by history item, largest first.
    """

    a: Explanation
    b: Explanation
    parts: tuple[Difference, ...]
    events: tuple[Difference, ...]

    @property
    def difference(self) -> float:
        """Score of a − score of b."""
        return self.a.score - self.b.score

    @property
    def rest(self) -> float:
        """Part of the difference that the model attributes to none of ``events``."""
        one, other = (answer.rest - answer.withheld for answer in (self.a, self.b))
        return one - other

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types."""
        return {
            "difference": self.difference,
            "rest": self.rest,
            "parts": [{**asdict(d), "difference": d.difference} for d in self.parts],
            "events": [{**asdict(d), "difference": d.difference} for d in self.events],
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
        }

    def __str__(self) -> str:
        lines = [self._heading()]
        lines += _listed("by part", self.parts) + _listed("by what was chosen", self.events)
        return "\n".join([*lines, *(f"  {reason}" for reason in self._best())])

    def _repr_html_(self) -> str:
        """The differences as tables, for notebooks."""
        return fragment(self._heading(), *self._tables(), bullets(self._best()))

    def _tables(self) -> tuple[str, str]:
        """The differences by part of the model, and by history item, as HTML."""
        return (
            self._table("part of the model", self.parts),
            self._table("chosen before", self.events),
        )

    def _table(self, what: str, found: Sequence[Difference]) -> str:
        head = (what, self.a.item_name, self.b.item_name, "difference")
        rows = [(d.name, signed(d.a), signed(d.b), signed(d.difference)) for d in found]
        return html_table([head, *rows])

    def _heading(self) -> str:
        return (
            f"“{self.a.item_name}” and “{self.b.item_name}” for {owner_text(self.a.user_id)}: "
            f"scores {self.a.score:.3f} and {self.b.score:.3f}, {signed(self.difference)}"
        )

    def _best(self) -> list[str]:
        """The best reason of each item with its contribution; a negative event is none."""
        found = ([path for path in one.paths if not path.negative] for one in (self.a, self.b))
        best = [paths[0] for paths in found if paths]
        return [f"{signed(path.contribution)}  {path.sentence}" for path in best]


@dataclass(frozen=True)
class WhyNot:
    """Why an item is not among the ``k`` best of a user.

    Attributes
    ----------
    user_id : str or None
        None for a history that was given with the request.
    item_id, item_name : str
        The item.
    k : int
        Length of the list.
    rank, candidates : int
        The item's rank from 1, and the number of items ranked.
    score : float
        The item's score.
    gap : float
        The k-th best score − ``score``.
    comparison : Comparison or None
        The k-th best item (a) compared with the item (b); None if the item is among the best,
        can't be in the list or has no place by rules alone, or there is no k-th item.
    against : tuple of ExplainedPath
        Paths that lowered the score.
    missing : tuple of str
        What the model does not know about the item or the user, and which rules give the item's
        place to others.
    entry : Counterfactual
        The event that would bring the item into the list, if one was found.
    """

    user_id: str | None
    item_id: str
    item_name: str
    k: int
    rank: int
    candidates: int
    score: float
    gap: float
    comparison: Comparison | None
    against: tuple[ExplainedPath, ...]
    missing: tuple[str, ...]
    entry: Counterfactual

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types."""
        return {
            "user_id": self.user_id,
            "item_id": self.item_id,
            "item_name": self.item_name,
            "k": self.k,
            "rank": self.rank,
            "candidates": self.candidates,
            "score": self.score,
            "gap": self.gap,
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
            "against": [path.to_dict() for path in self.against],
            "missing": list(self.missing),
            "entry": self.entry.to_dict(),
        }

    def _repr_html_(self) -> str:
        """The rank, the differences from the last item of the list, and the reasons, for
        notebooks."""
        parts = [] if self.comparison is None else [paragraphs([self._gap()])]
        parts += [] if self.comparison is None else self.comparison._tables()
        against = [f"{signed(path.contribution)}  {path.sentence}" for path in self.against]
        reasons = bullets([*against, *self.missing])
        return fragment(
            self._heading(), *parts, reasons, paragraphs(self.entry.result.splitlines())
        )

    def _heading(self) -> str:
        return (
            f"“{self.item_name}” for {owner_text(self.user_id)}: rank {self.rank:,} of "
            f"{self.candidates:,}, score {self.score:.3f}"
        )

    def _gap(self) -> str:
        assert self.comparison is not None
        best = self.comparison.a.item_name
        return f"{self.gap:.3f} below “{best}”, the last of the {self.k} best:"

    def __str__(self) -> str:
        lines = [self._heading()]
        if self.comparison is not None:
            lines.append(f"  {self._gap()}")
            lines += _listed("by part", self.comparison.parts)
            lines += _listed("by what was chosen", self.comparison.events)
        lines += [f"  {signed(path.contribution)}  {path.sentence}" for path in self.against]
        lines += [f"  {reason}" for reason in self.missing]
        return "\n".join([*lines, *str(self.entry).splitlines()[1:]])


def _listed(heading: str, found: Sequence[Difference]) -> list[str]:
    """One line with the first differences that do not round to zero, if there are any."""
    texts = [str(d) for d in found if round(d.difference, 3)]
    more = len(texts) - _MAX_LISTED
    tail = f"; {more} more" if more > 0 else ""
    return [f"  {heading}: {'; '.join(texts[:_MAX_LISTED])}{tail}"] if texts else []


class ExplainedScore(NamedTuple):
    """The score of one item, divided among events, and its explanation."""

    breakdown: ScoreBreakdown
    explanation: Explanation


ExplainScore: TypeAlias = Callable[[int], ExplainedScore]  # by the item's row


def compare_items(
    engine: Engine, index: PathIndex, a: ExplainedScore, b: ExplainedScore
) -> Comparison:
    """Why two items have different scores for the same history."""
    names = [*dict.fromkeys((*a.breakdown.parts, *b.breakdown.parts))]
    of_a, of_b = a.explanation.parts, b.explanation.parts
    parts = [Difference(BASELINE, a.breakdown.baseline, b.breakdown.baseline)]
    parts += [Difference(name, of_a.get(name, 0.0), of_b.get(name, 0.0)) for name in names]
    parts += _by_rule(a.explanation, b.explanation)
    first, *others = parts
    ordered = [first, *sorted(others, key=lambda d: -abs(d.difference))]
    events = _by_event(engine, index, a.breakdown, b.breakdown)
    return Comparison(a.explanation, b.explanation, tuple(ordered), events)


def _by_rule(a: Explanation, b: Explanation) -> list[Difference]:
    """What each rule adds to the two scores."""
    of_a, of_b = ({rule.name: rule.amount for rule in one.rules if rule.amount} for one in (a, b))
    return [
        Difference(f"rule {name}", of_a.get(name, 0.0), of_b.get(name, 0.0))
        for name in dict.fromkeys((*of_a, *of_b))
    ]


def _by_event(
    engine: Engine, index: PathIndex, a: ScoreBreakdown, b: ScoreBreakdown
) -> tuple[Difference, ...]:
    """Contributions of each history item to the two scores, largest difference first."""
    rows, place = np.unique(a.history, return_inverse=True)
    contributions = [
        np.bincount(place, weights=one.per_event(), minlength=len(rows)).tolist() for one in (a, b)
    ]
    nodes = engine.messages.item_nodes(rows).tolist()
    found = [
        Difference(index.space.display_name(node), left, right, str(item))
        for node, item, left, right in zip(
            nodes, engine.item_ids[rows], *contributions, strict=True
        )
    ]
    return tuple(sorted(found, key=lambda d: -abs(d.difference)))


def find_why_not(position: RankPosition, user_id: str | None, explain: ExplainScore) -> WhyNot:
    """Why the item is not among the k best: compare it with the last of them."""
    engine, item = position.engine, position.item
    explained = explain(item)
    breakdown, explanation = explained
    rank, last = position.rank, _last(position)
    ruled = position.by_rules_alone
    out = last is not None and rank > position.k and not position.never and not ruled
    comparison = None
    if out and last is not None:
        comparison = compare_items(engine, position.index, explain(last), explained)
    return WhyNot(
        user_id=user_id,
        item_id=explanation.item_id,
        item_name=explanation.item_name,
        k=position.k,
        rank=rank,
        candidates=int(position.allowed.sum()),
        score=position.score,
        gap=0.0 if comparison is None else comparison.difference,
        comparison=comparison,
        against=tuple(path for path in explanation.paths if path.contribution < 0),
        missing=(*filter(None, [ruled]), *_missing(engine, position, breakdown)),
        entry=find_additions(position, user_id),
    )


def _last(position: RankPosition) -> int | None:
    """The row of the k-th best item, None where there are fewer."""
    best = position.best(position.scores)
    return int(best[-1]) if len(best) == position.k else None


def _missing(engine: Engine, position: RankPosition, breakdown: ScoreBreakdown) -> list[str]:
    """What the model does not know about the item or the user."""
    item, found = position.item, []
    if not len(position.history):
        found.append("There is no history, so the score is the same for every user.")
    if not engine.private and not (engine.snapshot.interactions.item == item).any():
        found.append("No user has chosen it yet.")
    for part, present in engine.inputs.items.present.items():
        if part != IDS and part in engine.model.shape.parts and _absent(present, item):
            found.append(f"It has no data for “{name_in(part)}”.")
    if len(position.history) and MATCH in breakdown.parts and not len(breakdown.matches):
        found.append("No node of the graph connects it with the history.")
    return found


def _absent(present: Tensor | None, item: int) -> bool:
    return present is not None and not bool(present[item].any())
