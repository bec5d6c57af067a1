"""``python -m benchmarks.privacy_people``: what explanations lose when other people are numbers.

The ten best items of some users are explained twice by one model: with other people named, as an
operator sees them, and with them counted. Scores and contributions are the same; what is compared
is how many pairs of user and item have a path, and how much of the score is on paths.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.explanations.pairs import DRAWN_WITH, K, sample_users
from benchmarks.harness.datasets import NAMES, load_dataset
from benchmarks.harness.report import finish, run
from kgrec import Recommender, show_people
from kgrec.explain import Explanation
from kgrec.explain.ablation import CARRIES, best_share

NAMED: Final = "named"
FEWEST: Final = (2, 5, 10, 20)
TARGET: Final = 0.97  # of the pairs have a path


@dataclass
class Seen:
    """What is counted of the explanations in one setting; one value for each pair."""

    paths: list[int] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    attributed: list[float] = field(default_factory=list)
    withheld: list[float] = field(default_factory=list)
    through_people: list[int] = field(default_factory=list)
    error: float = 0.0
    seconds: float = 0.0

    def add(self, one: Explanation) -> None:
        self.paths.append(len(one.paths))
        self.covered.append(best_share(one) >= CARRIES)
        self.attributed.append(1 - abs(one.rest / one.gain))
        self.withheld.append(one.withheld / abs(one.gain))
        self.through_people.append(sum(path.people > 0 for path in one.paths))
        added = math.fsum([one.baseline, one.shown, one.not_shown, one.rest, one.boost])
        self.error = max(self.error, abs(added - one.score))

    def figures(self) -> dict[str, float]:
        """Shares of the pairs, and means over them."""
        return {
            "explained": _mean([count > 0 for count in self.paths]),
            "coverage": _mean(self.covered),
            "paths": _mean(self.paths),
            "paths_through_people": _mean(self.through_people),
            "attributed": _mean(self.attributed),
            "withheld": _mean(self.withheld),
            "sum_error": self.error,
            "ms_cpu": round(1000 * self.seconds / max(len(self.paths), 1), 2),
        }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 5)


def measure(model: Recommender, users: Sequence[str]) -> dict[str, Seen]:
    """The explanations of the users' ``K`` best items, in every setting, user by user."""
    settings = {NAMED: show_people(model)}
    settings |= {str(few): show_people(model, names=False, fewest=few) for few in FEWEST}
    seen = {name: Seen() for name in settings}
    for user in users:
        items = model.recommend(user, k=K)["item_id"].tolist()
        for name, shown in settings.items():
            started = time.process_time()
            found = shown.explain_all(user, items)
            seen[name].seconds += time.process_time() - started
            for one in found:
                if one.gain:
                    seen[name].add(one)
    return seen


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy_people")
    parser.add_argument("dataset", nargs="?", choices=NAMES, default="ml-1m-kg")
    parser.add_argument("--users", type=int, default=200, help="how many, with 10 items each")
    parser.add_argument("--effort", choices=("quick", "normal"), default="quick")
    parser.add_argument("--model", type=Path, help="folder of a saved model (default: fit one)")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    asked = parser.parse_args(arguments)
    if asked.model is not None:
        model = Recommender.load(asked.model)
    else:
        model = Recommender().fit(load_dataset(asked.dataset).catalog, seed=0, effort=asked.effort)
    users = model.snapshot.users.ids[sample_users(model.state.engine, asked.users)].tolist()
    figures = {name: seen.figures() for name, seen in measure(model, users).items()}
    counted = figures[str(FEWEST[1])]
    result: dict[str, Any] = {
        "data": asked.dataset,
        "protocol": f"{len(users)} users drawn with default_rng({DRAWN_WITH}), their {K} best "
        f"items, 5 paths each; others {NAMED}, or counted from so many on",
        "kgrec": figures,
        "target": TARGET,
        "met": counted["explained"] >= TARGET,
        "seeds": [0],
        "effort": asked.effort if asked.model is None else str(asked.model.name),
    }
    rows = [{"others": name, **one} for name, one in figures.items()]
    finish(f"privacy-people-{asked.dataset}", result, rows, asked.save)


if __name__ == "__main__":
    run(main)
