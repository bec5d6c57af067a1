"""``python -m benchmarks.copies``: fakes that copy real users, where near-identical histories count
as one user in the fit (``kgrec.poisoning.without_copies``)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.attacks.measure import People, fitted, with_events
from benchmarks.attacks.profiles import Attack, fake_events
from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from benchmarks.poisoning import _targets
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.graph.source import read_source
from kgrec.poisoning import without_copies

DATA: Final = "ml-100k-split"
COUNTED: Final = "ml-1m-kg"  # real users alone: how many are taken for copies
TARGETS: Final = 3
SHARE: Final = 0.05  # of the users


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copies", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    asked = parser.parse_args(arguments)
    catalog = load_dataset(DATA).catalog
    people = People.of(catalog.interactions)
    rows = [
        _attacked(catalog, people, Attack("copy", SHARE, target, times), asked.seed + number)
        for times in ("late", "spread")
        for number, target in enumerate(_targets(catalog, TARGETS, asked.seed))
    ]
    fewer, copies = _fit(catalog, asked.seed)
    models = {"as it is": _plain(catalog, asked.seed), "without copies": fewer}
    ndcg = {name: people.ndcg(people.lists(model)) for name, model in models.items()}
    clean = {"copies": copies, "ndcg@10": ndcg}
    real = read_source(load_dataset(COUNTED).catalog, None)
    result = {
        "data": DATA,
        "effort": "quick",
        "protocol": "copies of real users are 5 % of the users, in training rows; late: they join "
        "at the times of the newest users, spread: of any users; HR@50: share of the real users "
        "without the target who find it in 50 items; NDCG@10 of the test rows of real users",
        "seed": asked.seed,
        "rows": rows,
        "worst_hr@50": max(row["hr@50"] for row in rows),
        "without_fakes": clean,
        "real_users_taken_for_copies": {COUNTED: len(without_copies(real)[1])},
    }
    report.finish("poisoning-copies", result, rows, asked.save)


def _attacked(catalog: Catalog, people: People, attack: Attack, seed: int) -> dict[str, Any]:
    fakes = fake_events(catalog.interactions, attack, np.random.default_rng(seed))
    whole = with_events(catalog, pd.concat([catalog.interactions, fakes], ignore_index=True))
    model, copies = _fit(whole, seed)
    lists, names = people.lists(model), set(fakes["user_id"])
    return {
        "times": attack.times,
        "target": attack.target,
        "fakes": len(names),
        "fakes_found": len(names & set(copies)),
        "real_found": len(set(copies) - names),
        "hr@50": people.hit_rate(lists, attack.target),
        "ndcg@10": people.ndcg(lists),
    }


def _plain(catalog: Catalog, seed: int) -> Recommender:
    return fitted(catalog, "quick", seed, user_cap=RecommenderConfig().training.user_cap)


def _fit(catalog: Catalog, seed: int) -> tuple[Recommender, list[str]]:
    """A model fitted without copies and bound to all events, and the copies."""
    whole = read_source(catalog, None)
    left, copies = without_copies(whole)
    config = RecommenderConfig.model_validate({"model": {"use_text": False}})
    model = Recommender(config).fit(left, effort="quick", seed=seed)
    return Recommender.of(model.state.over(whole)), copies["user_id"].tolist()


if __name__ == "__main__":
    report.run(main)
