"""``python -m benchmarks.age_groups``: likes on ml-1m by age group, each head against no head."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from benchmarks.controls import CONTROLS, choose_control
from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from benchmarks.scenario_data.ages import LIKE, PROTOCOL, AgeGroups, Metrics, draw, metrics_of
from kgrec.config.ratings import RatingConfig
from kgrec.evaluation import paired_bootstrap, rmse
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import COLUMNS, NO_TIME, Interactions
from kgrec.graph.source import read_source
from kgrec.metrics.calibration import expected_calibration_error
from kgrec.ratings.fit import fit_rating_model
from kgrec.ratings.like_blend import log_losses
from kgrec.ratings.model import RatingModel
from kgrec.ratings.pools import RatedEvents, RatingPairs
from kgrec.ratings.predictor import RatingPredictor

DATA: Final = "ml-1m-kg"
HEADS: Final = (
    "auto",
    "none",
    "adapter",
    "shared_bottom",
    "mmoe",
    "ple",
    "star",
    "pepnet",
    "hyper",
)
_RESAMPLES: Final = 1_000


def run(
    seeds: Sequence[int] = (0,),
    heads: Sequence[str] = HEADS,
    *,
    snapshot: GraphSnapshot | None = None,
    controls: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Fit and measure; "auto" and "none" are always among the heads. ``settings`` are of
    ``RatingConfig``. Raises SourceError where the data isn't there."""
    if snapshot is None:
        snapshot = read_source(draw(load_dataset(DATA).catalog), None)
    trial = AgeGroups.build(snapshot)
    runs: dict[str, list[np.ndarray]] = {}
    whole: list[Metrics] = []
    seconds: list[float] = []
    for seed in seeds:
        started = time.perf_counter()
        model = _fit(trial, "auto", seed, settings)
        seconds.append(round(time.perf_counter() - started, 1))
        whole.append(_aspects(trial, model))
        _keep(runs, "auto", _logits(trial, model))
        whole[-1]["scenarios_with_head"] = _with_head(trial, model)
        model.uses_head.fill_(False)  # the same model without a head is the control
        _keep(runs, "none", _logits(trial, model))
        for head in heads:
            if head not in ("auto", "none"):
                _keep(runs, head, _logits(trial, _fit(trial, head, seed, settings)))
    ours = {**_mean_metrics(trial, runs["auto"]), "by_head": _by_head(trial, runs)}
    peers = _peers(trial, seeds[0]) if controls else {}
    return {
        "data": DATA,
        "protocol": PROTOCOL,
        "kgrec": {**ours, **_mean(whole)},
        "peers": peers,
        "rows": {"train": len(trial.data.train), "test": len(trial.test)},
        "fit_seconds": seconds,
        "seeds": list(seeds),
    }


def _fit(trial: AgeGroups, head: str, seed: int, settings: dict[str, Any]) -> RatingModel:
    config = RatingConfig.model_validate({**settings, "head": head, "like": LIKE})
    fitted = fit_rating_model(trial.data, config, seed=seed, device=torch.device("cpu"))
    losses = ", ".join(f"{record['valid_logloss']:.4f}" for record in fitted.history)
    print(f"{head}, seed {seed}: valid {losses}", file=sys.stderr, flush=True)
    return fitted.model


def _predictor(trial: AgeGroups, model: RatingModel, rows: Interactions) -> RatingPredictor:
    inputs, data = trial.data.inputs, trial.data
    events = RatedEvents.of_users(rows, data.n_users)
    return RatingPredictor(model, inputs.items, inputs.user_tokens, events, torch.device("cpu"))


def _logits(trial: AgeGroups, model: RatingModel) -> np.ndarray:
    return _answers(trial, _predictor(trial, model, trial.data.train))[0]


def _answers(
    trial: AgeGroups, predictor: RatingPredictor, *, times: bool = True, past_only: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    rows = trial.test
    time_ = rows.timestamp if times else np.full(len(rows), NO_TIME)
    pairs = RatingPairs(rows.user, rows.item, time_)
    return predictor.predict(pairs, rows.user, trial.codes(rows), past_only=past_only)


def _aspects(trial: AgeGroups, model: RatingModel) -> Metrics:
    """The calibration of the chosen model, and its answers with less input, or more."""
    predictor = _predictor(trial, model, trial.data.train)
    logits, rating = _answers(trial, predictor)
    like = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    both = np.stack([1.0 - like, like], axis=1)
    now = _predictor(trial, model, _joined(trial.data.train, trial.data.valid))
    return {
        "ece": expected_calibration_error(both, trial.like.astype(np.int64)),
        "rmse": rmse(trial.test.rating, rating),
        "time_blind": metrics_of(trial.like, _answers(trial, predictor, times=False)[0]),
        "past_only": metrics_of(trial.like, _answers(trial, predictor, past_only=True)[0]),
        "history_now": metrics_of(trial.like, _answers(trial, now)[0]),
    }


def _joined(one: Interactions, other: Interactions) -> Interactions:
    """Both, in the order of a snapshot's interactions."""
    parts = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in COLUMNS}
    whole = replace(one, context={}, **parts)
    return whole.select(np.lexsort((whole.item, whole.timestamp, whole.user)))


def _with_head(trial: AgeGroups, model: RatingModel) -> float:
    return float(model.uses_head.float().mean()) if len(trial.names) else 0.0


def _peers(trial: AgeGroups, seed: int) -> dict[str, Metrics]:
    data, found = trial.controls(), {}
    for name, (kind, options) in CONTROLS.items():
        best = choose_control(kind, data, options, seed)
        found[name] = {
            **trial.metrics(best.logits),
            "valid_logloss": round(best.valid, 5),
            "settings": dict(best.settings),
            "tries": len(options),
            "fit_seconds": round(best.seconds, 1),
        }
    return found


def _by_head(trial: AgeGroups, runs: dict[str, list[np.ndarray]]) -> dict[str, Metrics]:
    """Each head's figures; its logloss less the control's with a 95 % interval over rows, whose
    losses are averaged over seeds."""
    losses = {
        head: np.mean([log_losses(trial.like, logits) for logits in of], axis=0)
        for head, of in runs.items()
    }
    codes = trial.codes(trial.test)
    found = {}
    for head, of in runs.items():
        metrics = _mean_metrics(trial, of)
        for code, name in enumerate(trial.names):
            rows = codes == code
            against = paired_bootstrap(
                losses["none"][rows], losses[head][rows], resamples=_RESAMPLES
            )
            answer = [round(value, 6) for value in (against.mean, against.low, against.high)]
            metrics["by_scenario"][name]["logloss_less_none"] = answer
        found[head] = metrics
    return found


def _keep(runs: dict[str, list[np.ndarray]], head: str, logits: np.ndarray) -> None:
    runs.setdefault(head, []).append(logits)


def _mean_metrics(trial: AgeGroups, logits: Sequence[np.ndarray]) -> Metrics:
    return _mean([trial.metrics(one) for one in logits])


def _mean(runs: Sequence[Metrics]) -> Metrics:
    """Each number's mean over the runs, also inside of dictionaries."""
    return {
        name: _mean([run[name] for run in runs])
        if isinstance(value, dict)
        else round(float(np.mean([run[name] for run in runs])), 5)
        for name, value in runs[0].items()
    }


def table(result: dict[str, Any]) -> pd.DataFrame:
    """A row for each head and control: AUC and logloss of all and by scenario."""
    models = {f"kgrec, {name}": of for name, of in result["kgrec"]["by_head"].items()}
    models.update(result["peers"])
    for name in ("time_blind", "past_only", "history_now"):
        models[f"kgrec, auto, {name}"] = result["kgrec"][name]
    rows = []
    for name, of in models.items():
        row = {"model": name, "auc": of["auc"], "logloss": of["logloss"]}
        for scenario, metrics in of.get("by_scenario", {}).items():
            row[f"auc {scenario}"] = metrics["auc"]
            row[f"logloss {scenario}"] = metrics["logloss"]
        rows.append(row)
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    heads = HEADS if asked.heads is None else tuple(asked.heads.split(","))
    settings = {} if asked.epochs is None else {"epochs": asked.epochs}
    result = run(range(asked.seeds), heads, controls=not asked.without_controls, **settings)
    report.finish("age-groups", result, table(result), asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.age_groups",
        description=f"Likes on {DATA} by age group: every scenario head, and two controls.",
    )
    parser.add_argument("--heads", help=f"some of {','.join(HEADS)} (default: all)")
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--epochs", type=int, help="fewer epochs, for a quick look")
    parser.add_argument("--without-controls", action="store_true", help="kgrec alone")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    report.run(main)
