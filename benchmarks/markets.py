"""``python -m benchmarks.markets``: one model for seven markets, beside a model for each."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from benchmarks import report
from benchmarks.few_shot_rows import load_events
from benchmarks.market_rows import PROTOCOL, Market
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.evaluation import paired_bootstrap

DATA: Final = "xmrec-markets"
CONTROL: Final = "none"
ALONE: Final = "single"
# nDCG@10 of a matrix factorisation among 99 sampled negatives, published with the markets: the
# larger of two figures, with and without the US market.
PUBLISHED: Final = {
    "de": 0.3442,
    "jp": 0.2212,
    "in": 0.4778,
    "fr": 0.3052,
    "ca": 0.3112,
    "mx": 0.5536,
    "uk": 0.4604,
}
Found = dict[str, dict[str, list[tuple[np.ndarray, np.ndarray]]]]  # model → market → a seed each


def run(
    seeds: Sequence[int] = (0,),
    heads: Sequence[str] = ("adapter",),
    *,
    markets: Sequence[str] = tuple(PUBLISHED),
    settings: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Fit a joint model with every head and without one, and a model for each market, and rank the
    market's items. Raises SourceError where the data isn't there."""
    catalog, events = load_events(DATA)
    events = events[events["scenario"].isin(list(markets))]
    asked = [
        Market.build(_catalog(catalog, events, [name]), events, name, place)
        for place, name in enumerate(sorted(markets))
    ]
    whole = _catalog(catalog, events, markets)
    found: Found = {}
    seconds: dict[str, list[float]] = {}
    for seed in seeds:
        for head in (CONTROL, *heads):
            model = _fit(whole, head, seed, settings or {}, seconds)
            for market in asked:
                scenario = None if head == CONTROL else market.name
                _keep(found, head, market, market.positions(model, scenario))
        for market in asked:
            model = _fit(market.catalog, ALONE, seed, settings or {}, seconds)
            _keep(found, ALONE, market, market.positions(model, None))
    for market in asked:
        for name, positions in market.baselines().items():
            _keep(found, name, market, positions)
    return {
        "data": DATA,
        "protocol": PROTOCOL,
        "kgrec": {"by_head": {head: _figures(found, head) for head in (CONTROL, *heads)}},
        "peers": {name: _figures(found, name) for name in (ALONE, "popularity", "ease")},
        "published": PUBLISHED,
        "fit_seconds": seconds,
        "settings": settings or {},
        "seeds": list(seeds),
    }


def _catalog(catalog: Catalog, events: Any, markets: Sequence[str]) -> Catalog:
    scenarios = catalog.scenarios
    return Catalog.from_frames(
        interactions=events[events["scenario"].isin(list(markets))],
        scenarios=scenarios[scenarios["scenario_id"].isin(list(markets))],
    )


def _fit(
    catalog: Catalog,
    name: str,
    seed: int,
    settings: dict[str, dict[str, Any]],
    seconds: dict[str, list[float]],
) -> Recommender:
    head = CONTROL if name == ALONE else name
    given = {**settings, "model": {**settings.get("model", {}), "head": head}}
    started = time.perf_counter()
    model = Recommender(RecommenderConfig.model_validate(given)).fit(catalog, seed=seed)
    seconds.setdefault(name, []).append(round(time.perf_counter() - started, 1))
    print(f"{name}, seed {seed}: {seconds[name][-1]} s", file=sys.stderr, flush=True)
    return model


def _keep(found: Found, model: str, market: Market, positions: np.ndarray) -> None:
    found.setdefault(model, {}).setdefault(market.name, []).append(market.measured(positions))


def _figures(found: Found, model: str) -> dict[str, Any]:
    """Per market NDCG@10 full and sampled, means over seeds, and what the model is ahead of the
    control and of single models by, with 95 % intervals over users (their means over seeds)."""
    figures: dict[str, Any] = {}
    for market, runs in found[model].items():
        full, sampled = (np.mean([run[part] for run in runs], axis=0) for part in (0, 1))
        figures[market] = {
            "ndcg@10": round(float(full.mean()), 5),
            "sampled_ndcg@10": round(float(sampled.mean()), 5),
            "by_seed": [round(float(run[0].mean()), 5) for run in runs],
        }
        for other in (CONTROL, ALONE):
            if other != model:
                base = np.mean([run[0] for run in found[other][market]], axis=0)
                gap = paired_bootstrap(base, full, resamples=2_000)
                figures[market][f"over_{other}"] = {
                    "mean": round(gap.mean, 5),
                    "low": round(gap.low, 5),
                    "high": round(gap.high, 5),
                    "share": round(gap.mean / max(float(base.mean()), 1e-9), 4),
                }
    return figures


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """A line a model, a column a market."""
    models = {**result["kgrec"]["by_head"], **result["peers"]}
    return [
        {"model": name, **{market: one["ndcg@10"] for market, one in figures.items()}}
        for name, figures in models.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    training = {"epochs": asked.epochs, "examples": asked.examples}
    settings = {"training": {name: value for name, value in training.items() if value}}
    result = run(
        range(asked.seeds),
        asked.heads.split(","),
        markets=asked.markets.split(","),
        settings=settings if settings["training"] else None,
    )
    report.finish("markets", result, rows(result), asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.markets", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--heads", default="adapter", help="by comma; the control is always there")
    parser.add_argument("--markets", default=",".join(PUBLISHED), help="by comma")
    parser.add_argument("--epochs", type=int, help="fewer, for a quick look")
    parser.add_argument("--examples", choices=("auto", "masks"), help="how models are trained")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    report.run(main)
