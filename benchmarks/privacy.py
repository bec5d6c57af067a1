"""What differential privacy costs on ml-1m with its graph: ``python -m benchmarks.privacy``.

NDCG@10 of private models by epsilon, each with several draws of noise, beside popularity, the graph
alone (which nobody's data enter), and the quick model without privacy; and an attack on 500 planted
users. Delta is one over the users. Fixed rules of the private fit were chosen on validation rows of
half of the users.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy.stats import t
from torch import Tensor, from_numpy

from benchmarks.controls.canaries import attack
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, run
from kgrec import ModelConfig, PrivacyConfig, Recommender, RecommenderConfig
from kgrec.arrays import pairs_to_csr
from kgrec.differential_privacy.mechanism import noise_of
from kgrec.differential_privacy.public import public_part
from kgrec.evaluation import evaluate_ranking
from kgrec.fitting.private.fit import similarities
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.metrics.baselines import History, Popularity, recent_history

DATA: Final = "ml-1m-kg"
HISTORIES: Final = ("train", "now")
ALL_ROWS: Final = "now, all rows"  # of training and validation in the release
GRAPH_SCALES: Final = {"train": np.inf, "now": 16.0}  # in events; best on validation rows
_METRIC: Final = "ndcg@10"
_EPSILONS: Final = (10.0, 5.0, 2.0, 1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, rank, attack, and report."""
    asked = _parser().parse_args(arguments)
    full = read_source(load_dataset(DATA).catalog, None)
    delta = 1 / len(full.users)
    rows = [{"model": name, **found} for name, found in _controls(full).items()]
    if not asked.without_quick:
        rows.append({"model": "quick, without privacy", **_model(full, None)})
    private = {str(one): _private(full, one, delta, asked.draws) for one in asked.epsilons}
    rows += [
        {"model": f"epsilon {epsilon}"}
        | {name: found[name]["mean"] for name in (*HISTORIES, ALL_ROWS)}
        for epsilon, found in private.items()
    ]
    result = {
        "data": DATA,
        "protocol": "split by time per user; fit on train, all items ranked for the test rows; "
        "now: validation rows are in the histories, and in no release; now, all rows: in both",
        "metric": _METRIC,
        "delta": delta,
        "draws": asked.draws,
        "controls": rows[: len(rows) - len(private)],
        "private": private,
        "canaries": _attacked(full, asked.epsilons, delta),
    }
    finish("privacy", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__)
    parser.add_argument("--epsilons", type=float, nargs="+", default=list(_EPSILONS))
    parser.add_argument("--draws", type=int, default=5, help="draws of noise for each epsilon")
    parser.add_argument("--without-quick", action="store_true", help="leave that model out")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _private(full: GraphSnapshot, epsilon: float, delta: float, draws: int) -> dict[str, Any]:
    """Mean, standard deviation and values of NDCG@10 over fits that differ in the noise alone."""
    privacy = PrivacyConfig(epsilon=epsilon, delta=delta)
    found = [_model(full, privacy) for _ in range(draws)]
    return {"noise": noise_of(epsilon, delta)} | {
        history: _spread([one[history] for one in found]) for history in (*HISTORIES, ALL_ROWS)
    }


def _spread(values: list[float]) -> dict[str, Any]:
    """The mean of ``values`` with its 95 % interval by the t distribution."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "values": values}
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1)) / len(values) ** 0.5
    return {"mean": mean, "low": mean - half, "high": mean + half, "values": values}


def _model(full: GraphSnapshot, privacy: PrivacyConfig | None) -> dict[str, float]:
    """NDCG@10 of one quick fit by history; no texts are encoded."""
    settings = {"training": {"effort": "quick"}, "model": {"use_text": False}}
    config = RecommenderConfig(privacy=privacy, **settings)
    model = Recommender(config).fit(full)
    found = {history: float(model.evaluate(history=history)[_METRIC]) for history in HISTORIES}
    if privacy is not None:
        model = Recommender(config).fit(_without_validation(full))
        found[ALL_ROWS] = float(model.evaluate(history="now")[_METRIC])
    return found


def _without_validation(full: GraphSnapshot) -> GraphSnapshot:
    """The snapshot with its validation rows as training rows: a private fit chooses nothing, so
    that it needs none."""
    events = full.interactions
    split = np.asarray(events.split)
    split = np.where(split == "valid", "train", split).astype(object)
    return replace(full, interactions=replace(events, split=split))


def _controls(full: GraphSnapshot) -> dict[str, dict[str, float]]:
    """NDCG@10 of popularity, and of cosines of facts with the history, by history."""
    train = full.without_splits(("valid", "test"))
    popular = Popularity().fit(train.interactions, len(full.users), len(full.items))
    facts = similarities(public_part(full), ModelConfig(use_text=False)).facts
    found: dict[str, dict[str, float]] = {"popularity": {}, "graph alone": {}}
    for history in HISTORIES:
        events = (train if history == "train" else full.without_splits(("test",))).interactions
        read = recent_history(events, len(full.users), len(full.items), GRAPH_SCALES[history])
        found["popularity"][history] = _ranked(full, read, popular.score)
        found["graph alone"][history] = _ranked(full, read, lambda rows: rows @ facts)
    return found


def _ranked(
    full: GraphSnapshot, histories: History, score: Callable[[History], np.ndarray]
) -> float:
    """NDCG@10 of the test rows among all items that are not of the training or validation rows."""
    events, n_users, n_items = full.interactions, len(full.users), len(full.items)
    held = np.asarray(events.split == "test")
    rows = {name: events.select(mask) for name, mask in (("held", held), ("seen", ~held))}

    def scores(users: np.ndarray) -> Tensor:
        return from_numpy(np.asarray(score(histories[users]), dtype=np.float32))

    report = evaluate_ranking(
        scores,
        n_items=n_items,
        targets=pairs_to_csr(rows["held"].user, rows["held"].item, n_users),
        seen=pairs_to_csr(rows["seen"].user, rows["seen"].item, n_users),
        ks=(10,),
    )
    return float(report[_METRIC])


def _attacked(full: GraphSnapshot, epsilons: Sequence[float], delta: float) -> dict[str, Any]:
    """What an attack on 500 planted users finds in a release of them and all training rows."""
    train = full.without_splits(("valid", "test")).interactions
    found = {}
    for epsilon in epsilons:
        privacy = PrivacyConfig(epsilon=epsilon, delta=delta)
        seen = attack(privacy, 0, 500, train, len(full.users), len(full.items))
        true, false = seen.rates(float(np.median(seen.outside)))
        found[str(epsilon)] = {
            "true_at_the_median": true,
            "false_at_the_median": false,
            "allowed": min(float(np.exp(epsilon)) * false + delta, 1.0),
            "most_above_the_bound_in_standard_errors": seen.excess(epsilon, delta),
        }
    return found


if __name__ == "__main__":
    run(main)
