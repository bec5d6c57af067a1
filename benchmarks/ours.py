"""kgrec itself through its public surface: defaults, and one part taken away at a time."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.rows import Rows
from benchmarks.running import METRICS, Outcome
from kgrec import Recommender, RecommenderConfig
from kgrec.evaluation import Difference, paired_bootstrap
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import NO_TIME, Facts
from kgrec.recommender.texts import has_texts

BRAND_AND_CATEGORY: Final = ("belongs_to", "produced_by")


@dataclass(frozen=True)
class Variant:
    """kgrec with one part taken away, by a setting or by leaving data out."""

    name: str
    applies: Callable[[GraphSnapshot], bool]
    settings: dict[str, dict[str, Any]]
    data: Callable[[GraphSnapshot], GraphSnapshot] = lambda snapshot: snapshot


def run_kgrec(
    rows: Rows,
    *,
    seeds: Sequence[int],
    device: str | None,
    read_seconds: float,
    texts: Path | None,
    variant: Variant | None = None,
) -> Outcome:
    """Fit with every seed and rank the test rows with each history.

    fit_seconds run from an opened store to a model ready to answer; the first seed's hold the
    texts' encoding unless ``texts`` (a folder) has them already.
    """
    snapshot = rows.snapshot if variant is None else variant.data(rows.snapshot)
    outcome = Outcome("kgrec" if variant is None else variant.name, "kgrec", list(seeds))
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        config = _config(texts or Path(scratch), {} if variant is None else variant.settings)
        for seed in seeds:
            started = time.perf_counter()
            model = Recommender(config).fit(snapshot, seed=seed, device=device)
            outcome.fit_seconds.append(read_seconds + time.perf_counter() - started)
            for history in rows.histories():
                report = model.evaluate(history=history, keep_users=True)
                outcome.add(history, report)
            outcome.notes["epochs"] = len(model.history)
    return outcome


def _config(texts: Path, settings: dict[str, dict[str, Any]]) -> RecommenderConfig:
    given = {part: dict(values) for part, values in settings.items()}
    given.setdefault("text", {})["cache_dir"] = str(texts)
    return RecommenderConfig.model_validate(given)


def difference(without: Outcome, whole: Outcome, history: Any) -> dict[str, Difference]:
    """How much taking the part away changes each metric; users are paired, seeds averaged first."""
    return {
        metric: paired_bootstrap(whole.users[history][metric], without.users[history][metric])
        for metric in METRICS
    }


def without_facts(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The data without its graph; entities stay, but nothing leads to them."""
    return replace(snapshot, facts=())


def only_relations(names: Sequence[str]) -> Callable[[GraphSnapshot], GraphSnapshot]:
    """The data with the facts of these relations alone."""

    def keep(snapshot: GraphSnapshot) -> GraphSnapshot:
        return replace(snapshot, facts=tuple(f for f in snapshot.facts if f.relation in names))

    return keep


def one_relation(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The same edges, all called the same: nothing can be learned of a relation."""
    ends = lambda facts: (facts.head_label, facts.tail_label)  # noqa: E731
    merged = [
        _united(head, tail, list(parts))
        for (head, tail), parts in groupby(sorted(snapshot.facts, key=ends), key=ends)
    ]
    return replace(snapshot, facts=tuple(merged))


def _united(head_label: str, tail_label: str, parts: Sequence[Facts]) -> Facts:
    pairs = np.stack([np.concatenate([getattr(p, end) for p in parts]) for end in ("head", "tail")])
    head, tail = np.unique(pairs, axis=1)
    return Facts(head_label, "RELATED", tail_label, head, tail)


def _has_attributes(snapshot: GraphSnapshot) -> bool:
    return any(len(t.attributes.columns) for t in (snapshot.users, snapshot.items))


def _has_times(snapshot: GraphSnapshot) -> bool:
    return bool((snapshot.interactions.timestamp != NO_TIME).any())


def _names(snapshot: GraphSnapshot) -> set[str]:
    return {facts.relation for facts in snapshot.facts}


VARIANTS: Final = (
    Variant("without graph", lambda s: bool(s.facts), {}, without_facts),
    Variant("without text", has_texts, {"model": {"use_text": False}}),
    Variant("without attributes", _has_attributes, {"model": {"use_attributes": False}}),
    Variant("one time scale", _has_times, {"model": {"time_scales": (math.inf,)}}),
    Variant("one relation", lambda s: len(_names(s)) > 1, {}, one_relation),
    Variant(
        "brand and category alone",
        lambda s: _names(s) > set(BRAND_AND_CATEGORY),
        {},
        only_relations(BRAND_AND_CATEGORY),
    ),
)
