"""What the steps of a fit chose between whole trainings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kgrec.config import RecommenderConfig
from kgrec.feedback.defaults import describe
from kgrec.fitting.evidence.decision import Decision, Evidence

if TYPE_CHECKING:
    from kgrec.fitting.fit import Fitted

_MOST_TRIALS = 5  # of a search that are reported
_EXAMPLES = {"auto": "histories cut in time", "masks": "hidden events"}


def keep_feedback(evidence: Evidence, config: RecommenderConfig, note: str) -> None:
    """Keep what events say, where they don't all say the same; ``note`` says what was read off the
    data."""
    said = describe(config.feedback)
    if said:
        evidence.add(Decision("feedback", said, "data" if note else "set"))


def keep_trials(evidence: Evidence, trials: Sequence[Mapping[str, Any]]) -> None:
    """Keep the best trials of a search over settings."""
    done = [trial for trial in trials if trial["metric"] is not None]
    if done:
        done.sort(key=lambda trial: (-trial["metric"], trial["number"]))
        tried = [(_trial(one), one["metric"]) for one in done[:_MOST_TRIALS]]
        note = f"{len(trials)} trials"
        evidence.add(Decision("tuning", tried[0][0], "measured", note=note))
        evidence.means("tuning", tried, tried[0][0], note=note)


def keep_examples(
    evidence: Evidence, kinds: Sequence[str], fits: Sequence[Fitted], best: int
) -> None:
    """Keep which kind of training examples was better, where several were compared."""
    names = [_EXAMPLES[kind] for kind in kinds]
    evidence.means(
        "examples",
        [(name, one.ndcg) for name, one in zip(names, fits, strict=True)],
        names[best],
        note="a whole training each" if len(fits) > 1 else "",
    )


def keep_refit(evidence: Evidence, *, again: bool, whole: bool) -> None:
    """Keep whether a second training, on all rows, followed."""
    if not again:
        note = "the catalog marks validation rows, the settings say so, or no row was held out"
        evidence.add(Decision("refit", "no", "data", note=note))
        return
    how = "from the start" if whole else "where training can continue, from the chosen weights"
    evidence.add(Decision("refit", f"yes, {how}", "data", note="validation rows were held out"))


def _trial(trial: Mapping[str, Any]) -> str:
    return f"trial {trial['number'] + 1} {json.dumps(trial['values'])}"
