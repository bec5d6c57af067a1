"""New items known by their text: nothing that anybody did with the candidates is trained on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.cold_start import items as cold_items
from benchmarks.cold_start.items import DRAWN_WITH, ColdItemTrial, at_random, text_cosine
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish
from benchmarks.harness.rows import read_rows
from benchmarks.texts.review_rows import WITH_METADATA, review_catalog
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.evaluation import paired_bootstrap
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.graph import GraphSnapshot

MOVIES: Final = "ml-1m-kg"
NAMES: Final = (*WITH_METADATA, MOVIES)
TIMES_RANDOM: Final = 2.0
_ORDERS: Final = 50  # random orders, whose mean is the value of a random order for each user
_METRIC: Final = "ndcg@10"
PROTOCOL: Final = (
    "exact repeats of a review dropped; ids of the items with metadata sorted, "
    "numpy.random.default_rng(2026).permutation: the first fifth are the candidates and leave "
    "training with all their rows and reviews; a user's history is all else; NDCG@10 over the "
    "users who have a candidate and a history; text cosine: between the mean vector of the "
    f"history items' documents and the candidate's; random: mean of {_ORDERS} orders"
)
Values = np.ndarray  # float64 [users]


@dataclass(frozen=True, eq=False)
class Trial:
    """Cold items, and which users with a candidate are asked: bool ``[users]``."""

    cold: ColdItemTrial
    asked: np.ndarray

    @staticmethod
    def draw(snapshot: GraphSnapshot) -> Trial:
        """A fifth of the items with metadata, of data that say nothing of a split."""
        events = snapshot.interactions
        whole = replace(
            snapshot, interactions=replace(events, split=np.full_like(events.split, ""))
        )
        said = snapshot.items.attributes
        answer = np.flatnonzero(((said != "") & said.notna()).any(axis=1))
        answer = answer[np.argsort(snapshot.items.ids[answer].astype(str), kind="stable")]
        drawn = np.random.default_rng(DRAWN_WITH).permutation(len(answer))[: len(answer) // 5]
        test = np.sort(answer[drawn])
        fit = whole.without(np.isin(events.item, test))
        return Trial.of(ColdItemTrial(whole, fit, np.empty(0, dtype=np.int64), test))

    @staticmethod
    def of(cold: ColdItemTrial) -> Trial:
        """Everybody with a candidate and a history."""
        events = cold.whole.interactions
        users = np.unique(events.user[np.isin(events.item, cold.test)])
        return Trial(cold, np.isin(users, cold.fit.interactions.user))

    def of_model(self, model: Recommender) -> Values:
        return np.asarray(self.cold.users_ndcg_of(model, self.cold.test)[self.asked])

    def of_cosine(self, texts: np.ndarray) -> Values:
        found = self.cold.users_ndcg(self.cold.test, text_cosine(self.cold, texts))
        return np.asarray(found[self.asked])

    def of_chance(self) -> Values:
        orders = (at_random(self.cold, seed) for seed in range(_ORDERS))
        found = [self.cold.users_ndcg(self.cold.test, order) for order in orders]
        return np.asarray(np.mean(found, axis=0)[self.asked])


def measure(trial: Trial, seeds: Sequence[int], epochs: int | None) -> dict[str, Any]:
    """kgrec with text and without, beside text's cosine and chance."""
    texts = TextReader(RecommenderConfig()).read(trial.cold.fit).items[TEXT]
    ours, without = (_fitted(trial, seeds, epochs, use_text=answer) for answer in (True, False))
    cosine, chance = trial.of_cosine(texts), trial.of_chance()
    mean = np.mean(ours, axis=0)
    return {
        "kgrec": {
            _METRIC: _round(mean.mean()),
            f"{_METRIC}_by_seed": [_round(run.mean()) for run in ours],
            f"{_METRIC}_without_text": _round(np.mean(without)),
            "text_adds": _told(np.mean(without, axis=0), mean),
            "times_random": round(float(mean.mean() / chance.mean()), 3),
            "above_twice_random": _told(TIMES_RANDOM * chance, mean),
            "above_text_cosine": _told(cosine, mean),
        },
        "peers": {
            "text cosine": {_METRIC: _round(cosine.mean())},
            "random": {_METRIC: _round(chance.mean())},
        },
        "candidates": len(trial.cold.test),
        "users": int(trial.asked.sum()),
    }


def _fitted(
    trial: Trial, seeds: Sequence[int], epochs: int | None, *, use_text: bool
) -> list[Values]:
    settings = {"model": {"use_text": use_text}, "training": {"epochs": epochs}}
    found = []
    for seed in seeds:
        model = Recommender(RecommenderConfig.model_validate(settings))
        found.append(trial.of_model(model.fit(trial.cold.fit, seed=seed)))
        answer = f"use_text={use_text}, seed {seed}: {found[-1].mean():.4f}"
        print(answer, file=sys.stderr, flush=True)
    return found


def _told(one: Values, other: Values) -> dict[str, Any]:
    """How much more ``other`` is, and the paired interval."""
    found = paired_bootstrap(one, other)
    return {"mean": _round(found.mean), "interval": [_round(found.low), _round(found.high)]}


def _round(value: Any) -> float:
    return round(float(value), 5)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    found = {}
    for name in asked.data:
        rows, _ = read_rows(lambda name=name: _catalog(name), _kept(asked.snapshots, name))  # type: ignore[misc]
        movies = name == MOVIES
        trial = Trial.of(ColdItemTrial.draw(rows.snapshot)) if movies else Trial.draw(rows.snapshot)
        seeds = range(min(asked.seeds, asked.movie_seeds) if movies else asked.seeds)
        answer = measure(trial, seeds, asked.epochs)
        protocol = cold_items.PROTOCOL if movies else PROTOCOL
        found[name] = {"protocol": protocol, "seeds": list(seeds), **answer}
    result = {"kgrec": {name: answer["kgrec"] for name, answer in found.items()}, "data": found}
    finish("text-cold", result, [_row(name, answer) for name, answer in found.items()], asked.save)


def _row(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    ours, peers = answer["kgrec"], answer["peers"]
    return {
        "data": name,
        _METRIC: ours[_METRIC],
        "without text": ours[f"{_METRIC}_without_text"],
        **{peer: figures[_METRIC] for peer, figures in peers.items()},
        "times random": ours["times_random"],
        "text adds": str(ours["text_adds"]["interval"]),
        "above cosine": str(ours["above_text_cosine"]["interval"]),
    }


def _catalog(name: str) -> Catalog:
    return load_dataset(MOVIES).catalog if name == MOVIES else review_catalog(name)


def _kept(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text cold", description="Items that training never saw."
    )
    parser.add_argument("--data", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument(
        "--movie-seeds", type=int, default=1, help=f"of {MOVIES}, which takes long (default 1)"
    )
    parser.add_argument("--epochs", type=int, help="fewer epochs, for a quick look")
    parser.add_argument(
        "--snapshots", type=Path, help="keep the data here as arrays; read it from here if it is"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser
