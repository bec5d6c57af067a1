"""``python -m benchmarks.poisoning``: three attacks by fake users who push an item."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.attacks.kept_rows import KeptRows
from benchmarks.attacks.measure import People, attacked, clean, replayed
from benchmarks.attacks.profiles import DESCRIBED, KINDS, Attack
from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from graph_schema import Catalog
from kgrec.cli._progress import say
from kgrec.config import Effort
from kgrec.poisoning import NEWEST, THRESHOLD

SHARES: Final = (0.01, 0.03, 0.05)
TARGETS: Final = {"ml-100k-split": 3, "ml-1m-kg": 1}  # items to push, one after the other
_CUTS: Final = {"ml-100k-split": 5, "ml-1m-kg": 1}
_EVENTS: Final = (3, 10)  # of a target, in training
PROTOCOL: Final = (
    "Targets have 3 to 10 training events. Fakes are 1, 3, 5 % of the users, all in training rows. "
    "HR@50: share of the real users without the target who find it in 50 items, with nothing held, "
    "and with all items held that suspicious_items flags; NDCG@10 of the test rows of real users. "
    "AUC of items: the target against all others; of users: fakes against real users by the most "
    "suspicious of their items. New items: the first event in the newest tenth of the time"
)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    names, shares = asked.data.split(","), [float(one) for one in asked.shares.split(",")]
    kept = KeptRows(asked.rows)
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for name in names:
        rows += _attacks(name, shares, asked.seed, kept)
        found[name] = _without_fakes(name, asked.seed, kept)
    if not asked.no_normal:
        found["normal_effort"], table = _normal(asked.seed, kept)
        rows += table
    result = {
        "data": names,
        "effort": "quick",
        "seed": asked.seed,
        "protocol": PROTOCOL,
        "attacks": DESCRIBED,
        "newest": NEWEST,
        "threshold": THRESHOLD,
        "worst": _worst(rows),
        "found": found,
        "rows": rows,
    }
    usual = asked.data == ",".join(TARGETS)
    file = "poisoning" if usual else f"poisoning-{asked.data}"
    report.finish(file, result, [_short(row) for row in rows], asked.save)


def _without_fakes(name: str, seed: int, kept: KeptRows) -> dict[str, Any]:
    catalog = load_dataset(name).catalog
    people = People.of(catalog.interactions)
    of = {"data": name, "effort": "quick", "seed": seed}
    found = {
        "clean": kept.get({**of, "part": "clean"}, lambda: clean(catalog, people, "quick", seed)),
        "replayed": kept.get(
            {**of, "part": "replayed"}, lambda: replayed(catalog, _CUTS[name], "quick", seed)
        ),
    }
    say(f"{name}: {found}")
    return found


def _attacks(name: str, shares: Sequence[float], seed: int, kept: KeptRows) -> list[dict[str, Any]]:
    """Each attack, the largest share first; a patient one at that share on small data."""
    catalog = load_dataset(name).catalog
    people = People.of(catalog.interactions)
    targets = _targets(catalog, TARGETS[name], seed)
    times = [("late", share) for share in sorted(shares, reverse=True)]
    times += [("spread", max(shares))] if TARGETS[name] > 1 else []
    rows = []
    for when, share in times:
        for kind in KINDS:
            for number, target in enumerate(targets):
                attack = Attack(kind, share, target, when)
                rows.append(_row(name, catalog, people, attack, "quick", seed + number, kept))
    return rows


def _row(
    name: str,
    catalog: Catalog,
    people: People,
    attack: Attack,
    effort: Effort,
    seed: int,
    kept: KeptRows,
) -> dict[str, Any]:
    of = {"data": name, "effort": effort, "seed": seed, **asdict(attack)}
    row = kept.get(of, lambda: attacked(catalog, people, attack, effort, seed))
    say(str({**of, **row}))
    return {"data": name, "effort": effort, **row}


def _normal(seed: int, kept: KeptRows) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A trained model on small data, without fakes and with copies."""
    name = "ml-100k-split"
    catalog = load_dataset(name).catalog
    people = People.of(catalog.interactions)
    attack = Attack("copy", SHARES[-1], _targets(catalog, 1, seed)[0])
    row = _row(name, catalog, people, attack, "normal", seed, kept)
    of = {"data": name, "effort": "normal", "seed": seed, "part": "clean"}
    found = {"clean": kept.get(of, lambda: clean(catalog, people, "normal", seed))}
    say(f"{name}, normal effort: {found}")
    return found, [row]


def _targets(catalog: Catalog, count: int, seed: int) -> list[str]:
    events = catalog.interactions
    counts = events.loc[events["split"] == "train", "item_id"].value_counts().sort_index()
    few = counts.index[counts.between(*_EVENTS)]
    return [str(one) for one in np.random.default_rng(seed).choice(few, count, replace=False)]


def _worst(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over attacks in the newest tenth: at the largest share the mean HR@50 of each kind and its
    maximum, and the least AUC of each share."""
    late = [row for row in rows if row["times"] == "late" and row["effort"] == "quick"]
    shares = sorted({row["share"] for row in late})
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in late:
        if row["share"] == shares[-1]:
            groups.setdefault((row["data"], row["attack"]), []).append(row)
    means = {
        part: max(float(np.mean([row[part] for row in some])) for some in groups.values())
        for part in ("hr@50", "hr@50_held")
    }
    least = {
        f"{part}_{share:g}": min(row[part] for row in late if row["share"] == share)
        for part in ("auc_items", "auc_users")
        for share in shares
    }
    return {**means, **least, "others_flagged": max(row["others_flagged"] for row in late)}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("fakes", "target")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.poisoning", description="Fake users who push an item."
    )
    parser.add_argument("--data", default=",".join(TARGETS), help="data sets, separated by commas")
    parser.add_argument(
        "--shares", default="0.05,0.03,0.01", help="fakes as shares of the users, by commas"
    )
    parser.add_argument(
        "--rows", type=Path, help="a .jsonl file that keeps each result, to continue from"
    )
    parser.add_argument("--no-normal", action="store_true", help="only models of effort quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    report.run(main)
