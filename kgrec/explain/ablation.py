"""What an explanation's paths carry once they were tried; and why, where none carries much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgrec.explain.explanation import Explanation

CARRIES = 0.05  # of score − baseline: what a path must carry to explain a recommendation
_HARDLY = 0.01  # too little to name


def with_score_drops(told: Explanation, drops: Sequence[float]) -> Explanation:
    """The explanation with each path's fall; and why, where no path on its own carries much."""
    paths = [replace(path, fall=fall) for path, fall in zip(told.paths, drops, strict=True)]
    tried = replace(told, paths=paths)
    return replace(tried, reasons=told.reasons + _reasons(tried)) if paths else tried


def best_share(told: Explanation) -> float:
    """The largest share of score − baseline, where the history raised the score, that a path of the
    graph carries without whose edges the score drops; 0 without one."""
    if told.gain <= 0:
        return 0.0
    return max(
        (path.share for path in told.paths if all(path.stored) and (path.fall or 0.0) > 0),
        default=0.0,
    )


def _reasons(told: Explanation) -> tuple[str, ...]:
    if told.gain <= 0:
        return (
            "The history did not raise this score: the item stands where it does by what it scores "
            "for anybody.",
        )
    if max(path.fall or 0.0 for path in told.paths) < CARRIES * told.gain:
        return (_none_decides(max(path.share for path in told.paths)),)
    if best_share(told) < CARRIES:
        return (
            "No path shown that is in the graph step by step carries a twentieth of what the "
            "history made of the score: likenesses of texts or attributes, which have no edge, and "
            "many small paths carry it.",
        )
    return ()


def _none_decides(share: float) -> str:
    """The reason, by the largest share that a path shown has of what the history gave."""
    if share < _HARDLY:
        return (
            "None of these events decides alone: no path shown carries a hundredth of what the "
            "history made of the score."
        )
    return (
        f"None of these events decides alone: the largest path carries {share:.0%} of what the "
        f"history made of the score, and without its events the others would make up for most of "
        f"it."
    )
