"""What a training chose: its plan, its epoch, and whether its network reads texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kgrec.config import RecommenderConfig
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.training import METRIC, Plan


def keep_plan(evidence: Evidence, plan: Plan, n_users: int, n_events: int) -> None:
    """Keep what the plan follows from: whether events follow in time, and how many there are."""
    examples = "histories cut in time" if plan.temporal else "hidden events"
    steps = "steps over a sample of the items" if plan.sampled else "steps over all items"
    chosen = (
        f"{examples}; {steps}; {plan.embedding_size} columns, at most {plan.epochs} epochs, "
        f"learning rate {plan.learning_rate:g}, temperature {plan.temperature:g}, dropout "
        f"{plan.dropout:g}"
    )
    note = f"{n_events:,} training events of {n_users:,} users"
    evidence.add(Decision("plan", chosen, "data", note=note))


def keep_epoch(
    evidence: Evidence, log: Sequence[Mapping[str, float]], best: int, plan: Plan, *, behind: bool
) -> None:
    """Keep the epoch that validation chose, beside the others that were validated next to it, the
    first and the last."""
    found = [(int(record["epoch"]), record[METRIC]) for record in log if METRIC in record]
    chosen = _epoch(best)
    if not found:
        note = f"no validation rows; the last of {len(log)}"
        evidence.add(Decision("epoch", chosen, "few", note=note))
        return
    at = next((place for place, (epoch, _) in enumerate(found) if epoch == best), 0)
    reported = sorted({0, at - 1, at, at + 1, len(found) - 1} & set(range(len(found))))
    ended = f"ended after {len(log)} of {plan.epochs} epochs" if len(log) < plan.epochs else ""
    if behind:
        ended += ", far behind the other kind of examples"
    tried = [(_epoch(epoch), value) for epoch, value in (found[one] for one in reported)]
    evidence.means("epoch", tried, chosen, note=ended)
    if len(reported) == 1:
        note = ended or "no other epoch was validated"
        evidence.add(Decision("epoch", chosen, "measured", note=note))


def keep_texts(evidence: Evidence, config: RecommenderConfig, n_texts: int) -> None:
    """Keep that the network reads texts, which the settings alone decide."""
    if n_texts and config.model.use_text:
        note = "not compared; whether the item–item weights read words is"
        evidence.add(Decision("texts", "read by the network", "set", note=note))


def _epoch(number: int) -> str:
    return f"epoch {number}"
