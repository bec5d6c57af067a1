"""ScoreBreakdown: one score as the model divides it among history events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graph_schema.errors import ModelError
from kgrec.features.blocks import FEATURE_BLOCKS
from kgrec.graph.snapshot import NO_TIME, Floats, Ints

# Parts of a score besides those of the feature blocks.
MATCH = "match"  # nodes of the graph that a history item and the candidate share
TOGETHER = "together"  # item–item weights, from items chosen together
ASSUMED = "assumed"  # defaults for parts that an item lacks; the mean prediction for cold items
PARTS = (*(block.name for block in FEATURE_BLOCKS), MATCH, TOGETHER)


@dataclass(frozen=True, eq=False)
class Matches:
    """Entities that a history item and the candidate share, all arrays ``[m]``.

    ``event`` int64: position in the history; ``entity`` int64: entity row; ``history_relation`` and
    ``candidate_relation`` int64: positions in ``snapshot.facts``; ``contribution`` float64, which
    sums per event to ``parts["match"]``.
    """

    event: Ints
    entity: Ints
    history_relation: Ints
    candidate_relation: Ints
    contribution: Floats

    def __len__(self) -> int:
        return len(self.event)

    @staticmethod
    def none() -> Matches:
        """No shared entity."""
        empty = np.empty(0, dtype=np.int64)
        return Matches(empty, empty, empty, empty, np.empty(0, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class NodeMatches:
    """Nodes of any kind that a history item and the candidate share, all arrays ``[m]``.

    In the numbers of the snapshot's PathIndex: ``link`` int64: node, -1 where one fact joins
    history item and candidate directly; ``near`` int64: edge code history item → link (or →
    candidate); ``far``: link → candidate (-1 for a direct fact), as from ``find_links``.
    """

    event: Ints
    link: Ints
    near: Ints
    far: Ints
    contribution: Floats

    def __len__(self) -> int:
        return len(self.event)

    @staticmethod
    def none() -> NodeMatches:
        """No shared node."""
        empty = np.empty(0, dtype=np.int64)
        return NodeMatches(empty, empty, empty, empty, np.empty(0, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class ScoreBreakdown:
    """One score as a sum over history events and the parts of the model.

    ``score``: the model's score of the candidate; ``baseline``: the score with an empty history;
    ``history`` int64 ``[n]``: item rows, oldest first; ``timestamps`` int64 ``[n]``: unix seconds,
    NO_TIME if absent; ``parts``: by part (see PARTS; others are allowed) the contribution of each
    event, float64 ``[n]``. With a part "match" the model itself gives the contributions of shared
    nodes, and "knowledge" is the rest of the graph's. ``weight`` float32 ``[n]``: what each event
    says, below 0 for a negative one; None where each says the same. ``context``: what the
    circumstances of the request add to the baseline, by their names. Raises ModelError when lengths
    differ or a number is not finite.
    """

    score: float
    baseline: float
    history: Ints
    timestamps: Ints
    parts: Mapping[str, Floats]
    matches: Matches | NodeMatches
    weight: np.ndarray | None = None
    context: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.history)
        lengths = {"timestamps": len(self.timestamps), **{k: len(v) for k, v in self.parts.items()}}
        for name, length in lengths.items():
            if length != n:
                raise ModelError(f"score breakdown: {name} has {length} values for {n} events")
        numbers = [np.array([self.score, self.baseline]), *self.parts.values()]
        if not all(np.isfinite(values).all() for values in numbers):
            raise ModelError("score breakdown: a contribution or the score is not a finite number")
        self._check_matches(n)

    def _check_matches(self, n: int) -> None:
        found = self.matches
        if len({len(column) for column in vars(found).values()}) > 1:
            raise ModelError("score breakdown: the columns of matches differ in length")
        if len(found) and (found.event.min() < 0 or found.event.max() >= n):
            raise ModelError(f"score breakdown: a match names an event outside 0..{n - 1}")
        if not np.isfinite(found.contribution).all():
            raise ModelError("score breakdown: a match contribution is not a finite number")

    @property
    def gain(self) -> float:
        """score − baseline: what the history adds."""
        return self.score - self.baseline

    @property
    def rest(self) -> float:
        """score − baseline − all contributions of events."""
        return self.gain - sum(float(np.sum(part)) for part in self.parts.values())

    def per_event(self) -> Floats:
        """The contribution of each history event over all parts, float64 ``[n]``."""
        total = np.zeros(len(self.history), dtype=np.float64)
        for part in self.parts.values():
            total += part
        return total

    def negative_items(self) -> Ints:
        """int64: the items of the history whose newest event is negative, ascending."""
        if self.weight is None:
            return np.empty(0, dtype=np.int64)
        said = np.flatnonzero(self.weight != 0)[::-1]  # newest first
        items, newest = np.unique(self.history[said], return_index=True)
        return np.asarray(items[self.weight[said][newest] < 0])

    @staticmethod
    def empty(score: float) -> ScoreBreakdown:
        """The breakdown for a user without a history: the score is the baseline."""
        rows = np.empty(0, dtype=np.int64)
        return ScoreBreakdown(score, score, rows, rows, {}, Matches.none())


def average_breakdowns(weighted: Sequence[tuple[float, ScoreBreakdown]]) -> ScoreBreakdown:
    """The breakdown of a weighted sum of scores of one item for one history.

    Matches are not merged: an event and a node may have one row for each of the breakdowns.
    """
    first = weighted[0][1]
    names = list(dict.fromkeys(name for _, one in weighted for name in one.parts))
    parts = {
        name: np.sum([w * one.parts[name] for w, one in weighted if name in one.parts], axis=0)
        for name in names
    }
    found = [(w, one.matches) for w, one in weighted if len(one.matches)]
    matches: Matches | NodeMatches = first.matches
    if found:
        kind = type(found[0][1])
        columns = {
            name: np.concatenate([vars(one)[name] for _, one in found])
            for name in vars(found[0][1])
        }
        columns["contribution"] = np.concatenate([w * one.contribution for w, one in found])
        matches = kind(**columns)
    return replace(
        first,
        score=sum(w * one.score for w, one in weighted),
        baseline=sum(w * one.baseline for w, one in weighted),
        parts=parts,
        matches=matches,
        context={
            name: sum(w * one.context.get(name, 0.0) for w, one in weighted)
            for name in dict.fromkeys(name for _, one in weighted for name in one.context)
        },
    )


__all__ = ["NO_TIME", "PARTS", "Matches", "NodeMatches", "ScoreBreakdown", "average_breakdowns"]
