"""What the choice of the weights for circumstances and repeats compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from kgrec.fitting.context.ranking import Ranking
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.graph.snapshot import Floats

WITHOUT = "without"
_NO_GAIN = "no weight gained more than half its standard error"


def keep_few(evidence: Evidence, subject: Literal["context", "repeats"], rows: int) -> None:
    """Keep that there were too few ``rows`` to choose weights on."""
    note = f"{rows:,} validation rows to choose on"
    evidence.add(Decision(subject, WITHOUT, "few", note=note))


def keep_weights(
    evidence: Evidence,
    subject: Literal["context", "repeats"],
    ranking: Ranking,
    before: float,
    weights: Floats,
    names: Sequence[str],
) -> None:
    """Keep the chosen weights (float64 ``[C]``) with the NDCG@10 ``before`` and with them, which
    the scores of ``ranking`` have."""
    used = [f"{name} {weight:.3g}" for name, weight in zip(names, weights, strict=True) if weight]
    if not used:
        rows = len(ranking.user)
        evidence.add(Decision(subject, WITHOUT, "measured", queries=rows, note=_NO_GAIN))
        return
    chosen = ", ".join(used)
    after = ranking.mean_ndcg()
    tried = [(WITHOUT, before), (chosen, after)]
    evidence.means(subject, tried, chosen, len(ranking.user))
