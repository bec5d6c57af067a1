"""``python -m benchmarks.few_shot``: a scenario left out, then added by a few examples."""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.scenario_data.few_shot import KS, PROTOCOL, LeftOut, Ndcg, load_events
from kgrec import Recommender, RecommenderConfig

DATA: Final = ("xmrec-markets", "age-groups")
HEADS: Final = ("auto", "none")  # the adapted model, and one that was trained without a head
MAIN: Final = "adapted"
SETTINGS: Final[dict[str, Any]] = {
    "model": {"embedding_size": 64, "temperature": 0.08, "use_text": False},
    "training": {"epochs": 15, "examples": "masks", "meta_epochs": 30},
}


def run(
    data: str,
    leave_out: Sequence[str],
    draws: int = 20,
    seed: int = 0,
    ks: Sequence[int] = KS,
    settings: dict[str, Any] = SETTINGS,
    models: dict[str, Recommender] | None = None,
) -> dict[str, Any]:
    """Leave each of ``leave_out`` out in turn; ``models`` are fitted ones by head, where they are
    at hand and none has seen any of these. Raises SourceError for data that isn't there."""
    events = load_events(data)
    found = {}
    for name in leave_out:
        trial = LeftOut.build(events, name)
        ready = models or {head: _fit(trial, head, seed, settings) for head in HEADS}
        found[name] = _measure(trial, ready, draws, ks)
    return {
        "data": data,
        "protocol": PROTOCOL,
        "draws": draws,
        "seed": seed,
        "settings": settings,
        "kgrec": found,
    }


def _fit(trial: LeftOut, head: str, seed: int, settings: dict[str, Any]) -> Recommender:
    chosen = {**settings, "model": {**settings["model"], "head": head}}
    return Recommender(RecommenderConfig.model_validate(chosen)).fit(trial.catalog(), seed=seed)


def _measure(
    trial: LeftOut, models: dict[str, Recommender], draws: int, ks: Sequence[int]
) -> dict[str, Any]:
    asked = trial.known_to(models["auto"])
    control = asked.ndcg(models["auto"], None)
    no_head = asked.ndcg(models["none"], None)
    ways = _ways(models["auto"])
    rows = [_point(asked, ways, control, no_head, k, draws) for k in ks]
    return {
        "users": len(asked.wanted),
        "items": len(trial.items),
        "unknown_items": len(trial.items) - len(asked.items),
        "control": round(float(control.mean()), 5),
        "no_head": round(float(no_head.mean()), 5),
        "others_bit_identical": all(asked.others_stay(way) for way in ways.values()),
        "by_examples": rows,
    }


def _ways(model: Recommender) -> dict[str, Recommender]:
    """The same model, adapting by the others' spread, as meta-training found, and without either:
    from the shared answer, held by nothing."""
    plain = replace(model.state, start=None)
    free = copy.copy(plain.engine.model)
    free.shape = replace(free.shape, pull=0.0, lean=0.0)
    bare = replace(plain, engine=plain.engine.with_scenarios(model=free))
    return {
        MAIN: Recommender.of(plain),
        "meta_trained": Recommender.of(model.state),
        "without_prior": Recommender.of(bare),
    }


def _point(
    asked: LeftOut,
    ways: dict[str, Recommender],
    control: Ndcg,
    no_head: Ndcg,
    k: int,
    draws: int,
) -> dict[str, Any]:
    """The figures for ``k`` examples: means over draws, with half the width of 95% intervals."""
    values: dict[str, list[float]] = {}
    seconds = []
    for draw in range(draws if k else 1):
        examples = asked.draw(k, draw)
        for name, model in ways.items():
            fresh = asked.copy(model)
            started = time.perf_counter()
            fresh.adapt(asked.name, examples, candidates=asked.items)
            seconds.append(time.perf_counter() - started)
            values.setdefault(name, []).append(float(asked.ndcg(fresh, asked.name).mean()))
        alone = {"popularity": asked.popularity(examples), "cosine": asked.cosine(examples)}
        for name, found in alone.items():
            values.setdefault(f"{name}_of_examples", []).append(float(found.mean()))
    figures = {name: np.array(of) for name, of in values.items()}
    figures["gain_on_control"] = figures[MAIN] - control.mean()
    figures["gain_on_no_head"] = figures[MAIN] - no_head.mean()
    figures["meta_trained_gain"] = figures["meta_trained"] - figures[MAIN]
    point: dict[str, Any] = {"examples": k, "draws": len(figures[MAIN])}
    for name, of in figures.items():
        point[name] = round(float(of.mean()), 5)
        point[f"{name}_±"] = round(_half_width(of), 5)
    point["adapt_seconds"] = round(float(np.mean(seconds)), 2)
    point["adapt_seconds_most"] = round(float(np.max(seconds)), 2)
    return point


def _half_width(values: np.ndarray) -> float:
    return 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=DATA, default=DATA[0])
    parser.add_argument("--leave-out", default="", help="scenarios, each in turn: jp,in")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=SETTINGS["training"]["epochs"])
    parser.add_argument("--model", nargs=2, help="folders of fitted models: with head, without")
    parser.add_argument("--save", action="store_true", help="keep results/few_shot_DATA.json")
    given = parser.parse_args(arguments)
    default = {"xmrec-markets": "in,jp", "age-groups": "under 25"}[given.data]
    left = (given.leave_out or default).split(",")
    settings = {
        **SETTINGS, "training": {**SETTINGS["training"], "epochs": given.epochs}
    }  # fmt: skip
    models = None
    if given.model:
        models = {
            head: Recommender.load(path) for head, path in zip(HEADS, given.model, strict=True)
        }
    result = run(given.data, left, given.draws, given.seed, settings=settings, models=models)
    rows = [
        {"left out": name, **{k: v for k, v in point.items() if k[-1] != "±" and k != "draws"}}
        for name, found in result["kgrec"].items()
        for point in found["by_examples"]
    ]
    report.finish(f"few_shot_{given.data}", result, rows, given.save)


if __name__ == "__main__":
    report.run(main)
