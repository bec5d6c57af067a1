"""Ablation: how much a score drops without a path's events, and why no path matters much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgrec.explain.explanation import Explanation

CARRIES = 0.05  # smallest share of score − baseline that explains a recommendation
_NEGLIGIBLE = 0.01  # shares below are not named


def with_score_drops(explanation: Explanation, drops: Sequence[float]) -> Explanation:
    """The explanation with each path's score drop in ``fall``.

    Adds a reason where no path alone contributes much.
    """
    paths = [replace(path, fall=fall) for path, fall in zip(explanation.paths, drops, strict=True)]
    updated = replace(explanation, paths=paths)
    if not paths:
        return updated
    return replace(updated, reasons=updated.reasons + _reasons(updated))


def best_share(explanation: Explanation) -> float:
    """The largest share of score − baseline of a path of stored edges whose removal lowers the
    score.

    0 without such a path, and where the history did not raise the score.
    """
    if explanation.gain <= 0:
        return 0.0
    return max(
        (path.share for path in explanation.paths if all(path.stored) and (path.fall or 0.0) > 0),
        default=0.0,
    )


def _reasons(explanation: Explanation) -> tuple[str, ...]:
    if explanation.gain <= 0:
        return (
            "The history did not raise this score: the item has its rank from its score without a "
            "history.",
        )
    if max(path.fall or 0.0 for path in explanation.paths) < CARRIES * explanation.gain:
        return (_none_decides(max(path.share for path in explanation.paths)),)
    if best_share(explanation) < CARRIES:
        return (
            "No path shown that consists of edges of the graph contributes 5% of what the history "
            "adds to the score: similar texts or attributes, which are no edges, and many small "
            "paths contribute it.",
        )
    return ()


def _none_decides(share: float) -> str:
    """The reason, by the largest share of score − baseline of a path shown."""
    if share < _NEGLIGIBLE:
        return (
            "None of these events decides alone: no path shown contributes 1% of what the history "
            "adds to the score."
        )
    return (
        f"None of these events decides alone: the largest path contributes {share:.0%} of what the "
        f"history adds to the score, and without its events the others would replace most of it."
    )
