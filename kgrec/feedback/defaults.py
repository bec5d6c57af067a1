"""What feedback means where settings leave it open: read off the events, and said in a note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from kgrec.config.feedback import AUTO, FeedbackConfig
from kgrec.errors import TrainingError
from kgrec.feedback.weights import EventWeights
from kgrec.graph.snapshot import Floats, Interactions

# Kinds of events that are negative wherever they occur, in lower case with blanks for signs.
NEGATIVE_KINDS: Final = frozenset(
    (
        *("block", "cancel", "dislike", "disliked", "downvote", "hidden", "hide", "not interested"),
        *("refund", "refunded", "reject", "rejected", "remove", "remove from cart", "removed"),
        *("report", "return", "returned", "skip", "skipped", "thumbs down", "unfollow"),
        *("uninstall", "unlike", "unsubscribe"),
    )
)
_WEAK_KINDS: Final = {"skip": -0.2, "skipped": -0.2}
_UPPER: Final = 0.75  # of a scale: where its likes begin, if nobody says


def with_defaults(config: FeedbackConfig, events: Interactions) -> FeedbackConfig:
    """The settings with what the ``events`` say where nothing is set: weights of well-known
    negative kinds, ratings below zero, and the rating from which one is a like. Where all ratings
    are 0 or 1, a 0 is an item that was shown, or drawn, and not chosen."""
    changed: dict[str, object] = {}
    if not config.events:
        negative = _negative_kinds(pd.unique(events.event))
        changed["events"] = {**negative, "*": 1.0} if negative else {}
    values = rating_values(events)
    if config.like is None and config.ratings == AUTO and _are_clicks(values):
        changed["like"] = 1.0
    elif config.like == AUTO:
        changed["like"] = like_of(values) if len(values) > 1 else None
    if config.ratings == AUTO and config.like is None and len(values) > 1 and values[0] < 0:
        changed["ratings"] = {"<0": -1.0}
    return config.model_copy(update=changed)


def rating_values(events: Interactions) -> Floats:
    """float32: the distinct ratings, ascending."""
    return np.unique(events.rating[np.isfinite(events.rating)])


def like_of(values: Floats) -> float:
    """The lowest of the ratings ``values`` (ascending) in the upper part of their scale."""
    least = values[0] + _UPPER * (values[-1] - values[0])
    return float(values[np.searchsorted(values, least)])


def rating_weights(values: Floats, like: float) -> list[dict[str, float]]:
    """The weights of ratings to compare on validation rows, where ``like`` and above are likes.

    Ratings below count like others in a history; half; a quarter in the lower part; negative in
    the lower part; or negative in all. Where one value alone lies below, it is negative; a 0 beside
    1 may also say nothing.
    """
    below = values[values < like]
    if not len(below):
        return [{}]
    if _are_clicks(values):
        return [{_below(like): 0.0}, {_below(like): -1.0}]
    if len(below) == 1:
        return [{_below(like): -1.0}]
    middle = _text((float(below[0]) + like) / 2)
    return [
        {_below(like): 1.0},
        {_below(like): 0.5},
        {f"<{middle}": 0.25, _below(like): 0.5},
        {f"<{middle}": -1.0, _below(like): 0.5},
        {_below(like): -1.0},
    ]


def check_feedback(config: FeedbackConfig, events: Interactions) -> None:
    """Raise TrainingError where no event could be a target."""
    weights = EventWeights.of(config)
    if weights is None or not len(events) or weights.targets_of(events).any():
        return
    said = weights.of_interactions(events)
    if not (said > 0).any():
        raise TrainingError(
            f"all {len(events):,} events are negative or weigh 0, so there is nothing that lists "
            "could learn to find; give a kind of event or a rating a weight above 0 in feedback."
        )
    raise TrainingError(
        f"none of the {len(events):,} events is a target; check feedback.like "
        f"({config.like}) and feedback.targets ({config.targets})."
    )


def describe(config: FeedbackConfig) -> str:
    """What was chosen or set, in words; "" where all events count alike."""
    weights = EventWeights.of(config)
    if weights is None:
        return ""
    parts = [f"{kind or 'no kind'} {weight:g}" for kind, weight in weights.kinds]
    parts += [f"rating {text} {weight:g}" for text, weight in weights.ratings]
    if weights.like is not None:
        parts.append(f"targets are ratings of at least {weights.like:g}")
    if weights.targets is not None:
        parts.append(f"targets are {', '.join(weights.targets)}")
    return "; ".join(parts)


def note_of(config: FeedbackConfig, events: Interactions) -> str:
    """``describe``; where ratings differ and all count alike, that they do. "" where there is
    nothing to say."""
    values = rating_values(events)
    words = describe(config)
    if words or len(values) < 2:
        return words
    return (
        f"ratings of {values[0]:g} to {values[-1]:g} all count as liked (feedback.like = "
        f"{like_of(values):g} would take those below as less)"
    )


def _negative_kinds(kinds: Sequence[str] | np.ndarray) -> dict[str, float]:
    found = {}
    for kind in sorted(map(str, kinds)):
        plain = re.sub(r"[^a-z]+", " ", kind.lower()).strip()
        if plain in NEGATIVE_KINDS:
            found[kind] = _WEAK_KINDS.get(plain, -1.0)
    return found


def _are_clicks(values: Floats) -> bool:
    return list(map(float, values)) == [0.0, 1.0]


def _below(like: float) -> str:
    return f"<{_text(like)}"


def _text(value: float) -> str:
    return f"{value:.7g}" if abs(value) >= 1e-4 or not value else f"{value:.7f}"
