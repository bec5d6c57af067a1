"""What the choice of item–item weights compared, by setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.graph.snapshot import Floats
from kgrec.training.item_weights import has_gram, nearest_items


class WeightChoice(Protocol):
    """Settings of item–item weights; see ``ItemWeightSettings``."""

    @property
    def graph(self) -> float: ...
    @property
    def strength(self) -> float: ...
    @property
    def ridge(self) -> float: ...
    @property
    def words(self) -> bool: ...


class OwnWeightChoice(Protocol):
    """Settings of the weights of single scenarios; see ``ScenarioWeightSettings``."""

    @property
    def outside_weight(self) -> float: ...
    @property
    def ridge(self) -> float: ...


class RecencyChoice(Protocol):
    """How much recent events count; see ``Recency``."""

    @property
    def vectors(self) -> int: ...
    @property
    def decay(self) -> float: ...


# Settings, each with the NDCG@10 of the same queries, float64 ``[q]``.
Tried: TypeAlias = Sequence[tuple[WeightChoice, Floats]]


def keep_weights(evidence: Evidence, tried: Tried, best: WeightChoice) -> None:
    """Keep whether weights are used, and what else they read, by the best settings of each."""
    with_or_without = [(_used(one), values) for one, values in tried]
    evidence.compared("weights", with_or_without, _used(best))
    if not best.strength:
        return
    used = [(one, values) for one, values in tried if one.strength]
    evidence.compared("weights_graph", [(_graph(one), v) for one, v in used], _graph(best))
    evidence.compared("weights_words", [(_words(one), v) for one, v in used], _words(best))
    evidence.compared(
        "weights_ridge", [(f"{one.ridge:g}", v) for one, v in used], f"{best.ridge:g}"
    )
    strengths = [(one.strength, values) for one, values in used]
    keep_strengths(evidence, strengths, best.strength)


def keep_strengths(
    evidence: Evidence, tried: Iterable[tuple[float, Floats]], strength: float
) -> None:
    """Keep how much the weights count."""
    named = [(f"{one:g}", values) for one, values in tried]
    evidence.compared("weights_strength", named, f"{strength:g}")


def keep_defaults(evidence: Evidence, settings: WeightChoice, note: str) -> None:
    """Keep that weights have their first settings, since nothing could be compared."""
    evidence.add(Decision("weights", _used(settings), "few", note=note))


def keep_neighbours(evidence: Evidence, n_items: int) -> None:
    """Keep on how many others each of ``n_items`` items is regressed."""
    all_others = has_gram(n_items)
    said = "all others" if all_others else f"the {nearest_items(n_items)} nearest"
    evidence.add(Decision("neighbours", said, "data", note=f"{n_items:,} items"))


def keep_recency(
    evidence: Evidence,
    tried: Iterable[tuple[RecencyChoice, Floats]],
    best: RecencyChoice,
    *,
    later: bool,
) -> None:
    """Keep how much recent events count: for the next event, or (``later``) what comes later."""
    found = list(tried)
    pooled = [(_pooling(one), values) for one, values in found]
    decays = [(_decay(one), values) for one, values in found]
    evidence.compared("pooling_later" if later else "pooling", pooled, _pooling(best))
    evidence.compared("weights_decay_later" if later else "weights_decay", decays, _decay(best))


def scenario_name(settings: OwnWeightChoice | None) -> str:
    """The settings of the weights of single scenarios, in words."""
    if settings is None:
        return "one set for all scenarios"
    return (
        f"a set for each scenario, users outside it count {settings.outside_weight:g}, "
        f"ridge {settings.ridge:g}"
    )


def _used(settings: WeightChoice) -> str:
    return "with" if settings.strength else "without"


def _graph(settings: WeightChoice) -> str:
    if not settings.graph:
        return "not read"
    return f"read, a node counts {settings.graph:g} times as much as a user"


def _words(settings: WeightChoice) -> str:
    return "read" if settings.words else "not read"


def _pooling(recency: RecencyChoice) -> str:
    return "all events alike" if recency.vectors else "recent events more"


def _decay(recency: RecencyChoice) -> str:
    return "all events alike" if recency.decay == float("inf") else f"over {recency.decay:g} events"
