"""Counterfactual: changes of the history that take an item out of the list or bring it in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kgrec.visualization.notebook import fragment, paragraphs


@dataclass(frozen=True)
class Change:
    """A history event that is removed, or an item that is chosen now.

    Attributes
    ----------
    item_id, name : str
        The item of the event.
    own_rank : int
        Its own rank in the user's list from 1, 0 for an item of the history.
    rank : int
        The rank of the explained item after this change, 0 for a removed event.
    """

    item_id: str
    name: str
    own_rank: int = 0
    rank: int = 0

    def __str__(self) -> str:
        return f"“{self.name}”"


@dataclass(frozen=True)
class Counterfactual:
    """Changes of the history that change whether an item is among the ``k`` best.

    Items of the history are no candidates, before and after the change.

    Attributes
    ----------
    user_id : str or None
        None for a history that was given with the request.
    item_id, item_name : str
        The item.
    k : int
        Length of the list.
    added : bool
        False: without ``events``, the smallest set found, the item is no longer among the k best.
        True: each of ``events`` alone, chosen now, brings the item in; the one that the user is
        most likely to choose comes first.
    rank, score : int, float
        The item's rank from 1 and its score without a change.
    events : tuple of Change
        Empty if nothing was found.
    rank_then, score_then : int or None, float or None
        Rank and score with the change (the first one, if ``added``), by a whole forward pass.
    entered : Change or None
        The item that takes the free place in the list.
    tried : int
        How many changed histories were scored.
    reason : str
        Why nothing was found, "" if something was.
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
        """Whether a change was found."""
        return bool(self.events)

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types."""
        return {**asdict(self), "events": [asdict(event) for event in self.events]}

    def __str__(self) -> str:
        return f"{self._heading()}\n  {self.result}"

    def _repr_html_(self) -> str:
        """The rank and what would change it, for notebooks."""
        return fragment(self._heading(), paragraphs(self.result.splitlines()))

    def _heading(self) -> str:
        owner = "this history" if self.user_id is None else f"user {self.user_id}"
        return f"“{self.item_name}” for {owner}: rank {self.rank:,}, score {self.score:.3f}"

    @property
    def result(self) -> str:
        """What the changes do, in words, or why none was found."""
        if not self.found:
            return self.reason
        return self._with() if self.added else self._without()

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
