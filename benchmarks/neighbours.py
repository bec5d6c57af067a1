"""Lists among many items, found in clusters or by scoring all: ``python -m benchmarks.neighbours``.

Recommenders over 1e5 and 1e6 items with generated vectors, and one that is trained on a generated
graph, answer by both ways, one after the other in the same process. Times are processor seconds,
so that other programs on the machine matter little; recall counts how many of the 20 items that are
best by exact scores are in the lists of users by whom the search was not set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from kgrec import Recommender

Figures = dict[str, Any]

K: Final = 20
KINDS: Final = ("vectors", "with weights", "trained")
ALONE: Final = 100  # requests for one user
TURN: Final = 20
TOGETHER: Final = 1_000  # users of one request
TRAINED_ITEMS: Final = 1e5  # the largest size that is trained
CASES: Final = ((20, 1.0), (100, 1.0), (20, 0.5), (20, 0.1), (20, 0.04))  # k, share of items left


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size and kind, each in a process of its own, and report."""
    asked = _parser().parse_args(arguments)
    if asked.stage:
        print(json.dumps(_measure(int(asked.items[0]), asked.stage, asked)))
        return
    rows = []
    for items in asked.items:
        for kind in asked.kinds:
            if kind == "trained" and items > TRAINED_ITEMS:
                continue
            rows.append(_in_process(int(items), kind, asked))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    _report(rows, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbours", description=__doc__)
    parser.add_argument("--items", type=float, nargs="+", default=[1e5, 1e6], metavar="N")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--epochs", type=int, default=3, help="of the trained model")
    parser.add_argument("--users", type=int, default=TOGETHER, help="of one request")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    parser.add_argument("--stage", choices=KINDS, help=argparse.SUPPRESS)
    return parser


def _in_process(items: int, kind: str, asked: argparse.Namespace) -> Figures:
    command = [sys.executable, "-m", "benchmarks.neighbours", "--stage", kind]
    command += ["--items", str(items), "--epochs", str(asked.epochs)]
    command += ["--users", str(asked.users), "--seed", str(asked.seed)]
    print(f"{items:,} items, {kind}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"error: {items:,} items ended with code {done.returncode} (see above; -9: out of "
            "memory). Cure: leave this size out with --items."
        )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _measure(n_items: int, kind: str, asked: argparse.Namespace) -> Figures:
    from benchmarks.speed.many_items import trained, with_generated_vectors

    if kind == "trained":
        exact = trained(n_items, asked.seed, asked.epochs)
    else:
        exact = with_generated_vectors(n_items, asked.seed, weights=kind == "with weights")
    exact.state.engine.warm_up()
    found, built = _with_clusters(exact)
    users = _fresh_users(exact, asked.users, asked.seed)
    return {
        "items": len(exact.snapshot.items),
        "kind": kind,
        **built,
        **_times(exact, found, users),
        "recall": {
            f"k {k}, {left:.0%} of the items": recall(exact, found, users, k, left)
            for k, left in CASES
        },
    }


def _with_clusters(exact: Recommender) -> tuple[Recommender, Figures]:
    """The same recommender with clusters, and what these cost."""
    from kgrec import Recommender
    from kgrec.scoring.item_clusters.build import divided, measured

    state = exact.state
    started = time.process_time()
    made = divided(state.engine)
    made_at = time.process_time()
    clusters = measured(state.engine, made)
    measured_at = time.process_time()
    config = state.config.model_copy(update={"ranking": "clusters"})
    found = Recommender.of(replace(state, config=config, item_clusters=clusters))
    _ = found.state.item_search
    loaded_at = time.process_time()
    return found, {
        "clusters": clusters.count,
        "searched": clusters.whole._asdict(),
        "searched_where_5%_are_left": clusters.few._asdict(),
        "described": clusters.described(),
        "kmeans_seconds": round(made_at - started, 2),
        "measuring_seconds": round(measured_at - made_at, 2),
        "load_seconds": round(loaded_at - measured_at, 2),
        "memory_mb": round(_index_bytes(found) / 1e6, 1),
        "folder_mb": round(sum(a.nbytes for a in clusters.arrays().values()) / 1e6, 2),
    }


def _index_bytes(found: Recommender) -> int:
    """Bytes of the search's numbers: 8-bit vectors and rows of the items, and the centroids."""
    search = found.state.item_search
    assert search is not None
    return sum(
        part.index.ntotal * (part.index.code_size + 8) + part.count * part.index.d * 4
        for part in search.parts
    )


def _fresh_users(exact: Recommender, count: int, seed: int) -> list[str]:
    """Users with a history, drawn at random: few of those by whom the search was set."""
    filled = np.flatnonzero(exact.state.engine.sequences.lengths())
    rng = np.random.default_rng(seed + 1)
    drawn = rng.permutation(filled)[:count]
    return [str(exact.snapshot.users.ids[row]) for row in drawn]


def _times(exact: Recommender, found: Recommender, users: list[str]) -> Figures:
    """Processor milliseconds of one list, alone and as one of many.

    The ways take turns of ``TURN`` requests: the first of a turn finds none of its vectors in the
    processor's caches, which another way has filled.
    """
    figures: Figures = {}
    ways = {"exact": exact, "clusters": found}
    for way in ways.values():
        way.rank(users[:2], k=K)
        way.rank(users[0], k=K)
    alone: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(0, min(ALONE, len(users)), TURN):
        for name, way in ways.items():
            for user in users[turn : turn + TURN]:
                started = time.process_time()
                way.rank(user, k=K)
                alone[name].append(time.process_time() - started)
    for name, way in ways.items():
        started = time.process_time()
        way.rank(users, k=K)
        seconds = time.process_time() - started
        figures[f"{name}_ms"] = round(1e3 * float(np.median(alone[name])), 4)
        figures[f"{name}_ms_of_many"] = round(1e3 * seconds / len(users), 4)
    figures["times_faster"] = round(figures["exact_ms"] / figures["clusters_ms"], 1)
    figures["times_faster_of_many"] = round(
        figures["exact_ms_of_many"] / figures["clusters_ms_of_many"], 1
    )
    return figures


def recall(exact: Recommender, found: Recommender, users: list[str], k: int, left: float) -> float:
    """Mean share of the exact lists of ``k`` that are found, with ``left`` of the items allowed."""
    from kgrec.scoring.item_clusters.build import recall_of
    from kgrec.scoring.item_clusters.lists import best_items
    from kgrec.scoring.ranked_lists import ListOptions, rank_items

    state = found.state
    n = len(state.snapshot.items)
    mask = None if left == 1 else np.random.default_rng(0).random(n) < left
    options = ListOptions(k, mask)
    request = state.resolver.resolve(_query(users))
    truth = rank_items(exact.state.engine, request, options).rows
    lists = best_items(state.engine, request, options, state.item_search).rows
    return round(recall_of(lists, truth), 4)


def _query(users: list[str]) -> Any:
    from kgrec.query import Query

    return Query(users)


def _report(rows: list[Figures], asked: argparse.Namespace) -> None:
    from benchmarks.harness.report import finish

    finish(
        "neighbours",
        {
            "data": "generated",
            "protocol": f"lists of {K} by rank(): {ALONE} requests for one user (median) and one "
            f"for {asked.users:,}, processor milliseconds a list with one thread; recall of users "
            "drawn at random, against exact scores",
            "kgrec": rows,
            "peers": {},
            "seeds": [asked.seed],
        },
        [_plain(row) for row in rows],
        asked.save,
    )


def _plain(row: Figures) -> Figures:
    """A row of the table."""
    names = ("exact_ms", "clusters_ms", "times_faster", "exact_ms_of_many", "clusters_ms_of_many")
    first = next(iter(row["recall"]))
    return {
        "items": row["items"],
        "kind": row["kind"],
        "recall@20": row["recall"][first],
        **{name: row[name] for name in (*names, "times_faster_of_many", "memory_mb")},
    }


if __name__ == "__main__":
    main()
