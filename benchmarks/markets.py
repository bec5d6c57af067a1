"""``python -m benchmarks.markets``: one model for seven markets, beside a model for each.

The rows are heads, or ways of training one of them (``--models heads``, ``training``, or names by
comma); ``--settings`` are what a user gets, short fits of 15 epochs, or narrow models in these.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.scenario_data.few_shot import load_events
from benchmarks.scenario_data.market_models import (
    CONTROL,
    HEAD,
    HEADS,
    MODELS,
    SETTINGS,
    TRAINING,
    Settings,
    config_of,
)  # fmt: skip
from benchmarks.scenario_data.market_picture import draw_markets
from benchmarks.scenario_data.markets import PROTOCOL, Market, Measured
from graph_schema import Catalog
from kgrec import Recommender
from kgrec.evaluation import paired_bootstrap

DATA: Final = "xmrec-markets"
ALONE: Final = "single"
GROUPS: Final = {"heads": HEADS, "training": (HEAD, *TRAINING)}
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
PEERS: Final = ("popularity", "ease", "als")
_RESAMPLES: Final = 2_000


@dataclass(eq=False)
class Found:
    """What was measured: by model and market a seed each; by market of training and market asked
    NDCG@10 of the first seed; and the seconds of every fit."""

    measured: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    transfer: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def keep(self, model: str, market: Market, positions: np.ndarray) -> None:
        of = self.measured.setdefault(model, {}).setdefault(market.name, [])
        of.append(market.measured(positions))


def run(
    seeds: Sequence[int] = (0,),
    models: Sequence[str] = HEADS,
    *,
    markets: Sequence[str] = tuple(PUBLISHED),
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Fit a joint model with every head and without one, and a model for each market, and rank the
    market's items. Raises SourceError where the data isn't there."""
    catalog, events = load_events(DATA)
    events = events[events["scenario"].isin(list(markets))]
    asked = [
        Market.build(_catalog(catalog, events, [name]), events, name, place)
        for place, name in enumerate(sorted(markets))
    ]
    whole, found, given = _catalog(catalog, events, markets), Found(), settings or {}
    for seed in seeds:
        for name in (CONTROL, *models):
            model = _fit(whole, name, name, seed, given, found)
            for market in asked:
                found.keep(name, market, market.positions(model, market.name))
        for market in asked:
            others = asked if seed == seeds[0] else (market,)
            _measure_alone(market, others, seed, given, found)
    for market in asked:
        for name, positions in market.baselines().items():
            found.keep(name, market, positions)
    return {
        "data": DATA,
        "protocol": PROTOCOL,
        "kgrec": {"by_head": {n: _figures(found, n) for n in (CONTROL, *models) if len(seeds)}},
        "peers": {n: _figures(found, n) for n in (ALONE, *PEERS) if n in found.measured},
        "transfer": {
            name: {other: round(value, 5) for other, value in row.items()}
            for name, row in found.transfer.items()
        },
        "published": PUBLISHED,
        "fit_seconds": found.seconds,
        "settings": given,
        "seeds": list(seeds),
    }


def _measure_alone(
    market: Market, asked: Sequence[Market], seed: int, settings: Settings, found: Found
) -> None:
    """A model of ``market`` alone, asked there and in all other markets."""
    model = _fit(market.catalog, CONTROL, ALONE, seed, settings, found)
    row = found.transfer.setdefault(market.name, {})
    for other in asked:
        if other is market:
            positions = other.positions(model, None)
            found.keep(ALONE, market, positions)
        else:
            positions = other.positions_of_stranger(model)
        row.setdefault(other.name, float(other.measured(positions).full.mean()))


def _catalog(catalog: Catalog, events: Any, markets: Sequence[str]) -> Catalog:
    scenarios = catalog.scenarios
    return Catalog.from_frames(
        interactions=events[events["scenario"].isin(list(markets))],
        scenarios=scenarios[scenarios["scenario_id"].isin(list(markets))],
    )


def _fit(
    catalog: Catalog, name: str, shown: str, seed: int, settings: Settings, found: Found
) -> Recommender:
    started = time.perf_counter()
    model = Recommender(config_of(name, settings)).fit(catalog, seed=seed)
    found.seconds.setdefault(shown, []).append(round(time.perf_counter() - started, 1))
    print(f"{shown}, seed {seed}: {found.seconds[shown][-1]} s", file=sys.stderr, flush=True)
    return model


def _figures(found: Found, model: str) -> dict[str, Any]:
    """Per market NDCG@10 full and sampled, and of targets that are popular or rare there, means
    over seeds; and what the model is ahead of the control, of single models and of EASE by, with
    95 % intervals over users (their means over seeds)."""
    figures: dict[str, Any] = {}
    for market, runs in found.measured[model].items():
        full, sampled = _mean_full(runs), np.mean([run.sampled for run in runs], axis=0)
        figures[market] = {
            "ndcg@10": round(float(full.mean()), 5),
            "sampled_ndcg@10": round(float(sampled.mean()), 5),
            "by_seed": [round(float(run.full.mean()), 5) for run in runs],
        }
        for group in ("head", "tail"):
            mask = runs[0].popularity == group
            if mask.any():
                figures[market][f"{group}_ndcg@10"] = round(float(full[mask].mean()), 5)
        for other in (CONTROL, ALONE, *PEERS):
            if other != model and other in found.measured:
                base = _mean_full(found.measured[other][market])
                figures[market][f"over_{other}"] = _ahead(base, full)
    return figures


def _mean_full(runs: Sequence[Measured]) -> np.ndarray:
    return np.asarray(np.mean([run.full for run in runs], axis=0))


def _ahead(base: np.ndarray, full: np.ndarray) -> dict[str, float]:
    gap = paired_bootstrap(base, full, resamples=_RESAMPLES)
    return {
        **report.interval(gap),
        "share": round(gap.mean / max(float(base.mean()), 1e-9), 4),
    }


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """A line a model, a column a market; then a line a market of training, reported as transfer."""
    models = {**result["kgrec"]["by_head"], **result["peers"]}
    table = [
        {"model": name, **{market: one["ndcg@10"] for market, one in figures.items()}}
        for name, figures in models.items()
    ]
    return [*table, *({"model": f"{of} alone", **row} for of, row in result["transfer"].items())]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    models = GROUPS.get(asked.models) or tuple(asked.models.split(","))
    for name in models:
        if name not in MODELS:
            sys.exit(f"error: no model {name!r}; there are {', '.join(MODELS)}")
    result = run(
        range(asked.seeds),
        models,
        markets=asked.markets.split(","),
        settings=SETTINGS[asked.settings],
    )
    group = asked.models if asked.models in GROUPS else "some"
    name = f"markets.{group}.{asked.settings}" if asked.seeds else "markets.controls"
    report.finish(name, result, rows(result), asked.save)
    if asked.save and asked.seeds:
        draw_markets(result, report.result_path(name).with_suffix(".png"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.markets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="0 to N-1 (default 1); 0: controls alone"
    )
    parser.add_argument(
        "--models",
        default=HEAD,
        help=f"heads, training, or some of {','.join(MODELS)}; the control is always there",
    )
    parser.add_argument("--markets", default=",".join(PUBLISHED), help="by comma")
    parser.add_argument("--settings", choices=tuple(SETTINGS), default="defaults")
    parser.add_argument("--save", action="store_true", help="keep figures and picture")
    return parser


if __name__ == "__main__":
    report.run(main)
