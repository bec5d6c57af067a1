"""Comparison: why two items have different scores; WhyNot: why an item is not in the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.explanation import Explanation, owner_text

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
        first. They sum to ``difference`` − ``rest``.
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
        """Part of the difference that is not attributed to any path."""
        return self.a.rest - self.b.rest

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
        owner = owner_text(self.a.user_id)
        lines = [
            f"“{self.a.item_name}” and “{self.b.item_name}” for {owner}: scores {self.a.score:.3f} "
            f"and {self.b.score:.3f}, {signed(self.difference)}"
        ]
        lines += _listed("by part", self.parts) + _listed("by what was chosen", self.events)
        for explanation in (self.a, self.b):
            if explanation.paths:
                best = explanation.paths[0]
                lines.append(f"  {signed(best.contribution)}  {best.sentence}")
        return "\n".join(lines)


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
        The k-th best item (a) compared with the item (b); None if the item is among the best or
        in the history, or there is no k-th item.
    against : tuple of ExplainedPath
        Paths that lowered the score.
    missing : tuple of str
        What the model does not know about the item or the user.
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

    def __str__(self) -> str:
        owner = owner_text(self.user_id)
        lines = [
            f"“{self.item_name}” for {owner}: rank {self.rank:,} of {self.candidates:,}, "
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
    """One line with the first differences that do not round to zero, if there are any."""
    texts = [str(d) for d in found if round(d.difference, 3)]
    more = len(texts) - _MAX_LISTED
    tail = f"; {more} more" if more > 0 else ""
    return [f"  {heading}: {'; '.join(texts[:_MAX_LISTED])}{tail}"] if texts else []
