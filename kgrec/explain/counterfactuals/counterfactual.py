"""Counterfactual: which events keep an item in the list, or which one would bring it in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """A history event that is taken away, or an item that is chosen now. ``own_rank`` is where
    the item itself stands in the user's list (0: it is in the history), ``rank`` where the item
    asked about comes to stand with it."""

    item_id: str
    name: str
    own_rank: int = 0
    rank: int = 0

    def __str__(self) -> str:
        return f"“{self.name}”"


@dataclass(frozen=True)
class Counterfactual:
    """What would have been otherwise with an item's place among the ``k`` best.

    With ``added`` false, ``events`` is the smallest set found without which the item is no longer
    among the k best; with it, each of ``events`` alone, chosen now, brings it in, the one that the
    user would most readily choose first. ``rank`` and ``score`` are the item's now, ``rank_then``
    and ``score_then`` with the change (the first one, if added), by a whole forward pass.
    Items of the history never count as candidates, with the change neither. ``entered`` is the
    item that takes the place. ``tried`` histories were scored; ``reason`` says why there is
    nothing, "" where there is.
    """

    user_id: str | None
    item_id: str
    item_name: str
    k: int
    added: bool
    rank: int
    score: float
    events: tuple[Change, ...] = ()
    rank_then: int | None = None
    score_then: float | None = None
    entered: Change | None = None
    tried: int = 0
    reason: str = ""

    @property
    def found(self) -> bool:
        """Whether there is such a change."""
        return bool(self.events)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return {**asdict(self), "events": [asdict(event) for event in self.events]}

    def __str__(self) -> str:
        who = "this history" if self.user_id is None else f"user {self.user_id}"
        head = f"“{self.item_name}” for {who}: rank {self.rank:,}, score {self.score:.3f}"
        if not self.found:
            return f"{head}\n  {self.reason}"
        return f"{head}\n  {self._with() if self.added else self._without()}"

    def _without(self) -> str:
        *first, last = map(str, self.events)
        names = f"{', '.join(first)} and {last}" if first else last
        text = f"Without {names} it would be at rank {self.rank_then:,}, score "
        text += f"{self.score_then:.3f}, and no longer among the best {self.k}"
        return text + (f"; {self.entered} would take its place." if self.entered else ".")

    def _with(self) -> str:
        first, *others = self.events
        text = f"After choosing {first} it would be at rank {first.rank:,}, among the best {self.k}"
        if not others:
            return f"{text}."
        listed = "; ".join(f"{other} (rank {other.rank:,})" for other in others)
        return f"{text}.\n  Or after one of: {listed}."
