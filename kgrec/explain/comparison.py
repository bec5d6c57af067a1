"""Comparison: where two items' scores part ways; WhyNot: why an item is not in the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.explanation import Explanation

_TOLD = 5  # differences in the text


@dataclass(frozen=True)
class Difference:
    """What a part of the model, or a history item (``id``), gave to two items."""

    name: str
    a: float
    b: float
    id: str = ""

    @property
    def difference(self) -> float:
        return self.a - self.b

    def __str__(self) -> str:
        return f"{self.name} {signed(self.difference)} ({signed(self.a)} and {signed(self.b)})"


@dataclass(frozen=True)
class Comparison:
    """Why item a scores other than item b for one user, all in units of the score.

    ``a`` and ``b`` are the explanations. ``parts`` divides ``difference`` by part of the model,
    "no history" (what the items score for anybody) first; ``events`` divides what history made of
    it by history item, largest first. Either sums to its whole, with ``rest`` unattributed.
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
        """What neither explanation attributes."""
        return self.a.rest - self.b.rest

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return {
            "difference": self.difference,
            "rest": self.rest,
            "parts": [{**asdict(d), "difference": d.difference} for d in self.parts],
            "events": [{**asdict(d), "difference": d.difference} for d in self.events],
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
        }

    def __str__(self) -> str:
        who = "this history" if self.a.user_id is None else f"user {self.a.user_id}"
        lines = [
            f"“{self.a.item_name}” and “{self.b.item_name}” for {who}: scores {self.a.score:.3f} "
            f"and {self.b.score:.3f}, {signed(self.difference)}"
        ]
        lines += _listed("by part", self.parts) + _listed("by what was chosen", self.events)
        for told in (self.a, self.b):
            if told.paths:
                best = told.paths[0]
                lines.append(f"  {signed(best.contribution)}  {best.sentence}")
        return "\n".join(lines)


@dataclass(frozen=True)
class WhyNot:
    """Why an item is not among a user's ``k`` best.

    ``rank`` of ``candidates`` items and ``score`` are the item's, ``gap`` what it lacks to the
    k-th best, which ``comparison`` sets beside it (None where the item is among the best, or seen,
    or there is no k-th). ``against`` are paths that lowered its score, ``missing`` what the model
    lacks to place it higher, ``entry`` the event that would bring it in, if one was found.
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
        """Everything as JSON-safe values."""
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

    def __str__(self) -> str:
        who = "this history" if self.user_id is None else f"user {self.user_id}"
        lines = [
            f"“{self.item_name}” for {who}: rank {self.rank:,} of {self.candidates:,}, "
            f"score {self.score:.3f}"
        ]
        if self.comparison is not None:
            best = self.comparison.a
            lines.append(
                f"  {self.gap:.3f} below “{best.item_name}”, the last of the {self.k} best:"
            )
            lines += _listed("by part", self.comparison.parts)
            lines += _listed("by what was chosen", self.comparison.events)
        lines += [f"  {signed(path.contribution)}  {path.sentence}" for path in self.against]
        lines += [f"  {reason}" for reason in self.missing]
        return "\n".join([*lines, *str(self.entry).splitlines()[1:]])


def _listed(heading: str, found: Sequence[Difference]) -> list[str]:
    """One line with the largest of them."""
    told = [str(d) for d in found if round(d.difference, 3)]
    more = len(told) - _TOLD
    tail = f"; {more} more" if more > 0 else ""
    return [f"  {heading}: {'; '.join(told[:_TOLD])}{tail}"] if told else []
