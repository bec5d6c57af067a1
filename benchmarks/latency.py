"""How long an answer takes: the best 20 of all items for one history and for a thousand.

Everything is timed from lists of item ids to arrays of item ids and scores, seen items left out,
on one thread (or one accelerator); kgrec's also from ids of stored users, and to frames. Peers
answer the same histories in the same process, all in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.harness import report
from benchmarks.harness.datasets import NAMES, load_dataset
from benchmarks.peers.answers import AlsAnswers, EaseAnswers
from benchmarks.speed.bandwidth import measure_bandwidth
from kgrec import Recommender, RecommenderConfig
from kgrec.cli._progress import say
from kgrec.cli.evaluate import peak_memory_gb

K: Final = 20
USERS: Final = 1_000
ROUNDS: Final = 15
TURN: Final = 50  # lists that one is asked for before it is another's turn
HistoryIds = list[list[str]]
Asked: TypeAlias = "tuple[Callable[[Any], Any], list[Any]]"  # what answers, and what it is asked
_PEERS: Final = (AlsAnswers, EaseAnswers)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    say(f"fitting on {asked.dataset} for {asked.epochs} epochs")
    recommender, fit_seconds = fitted(asked.dataset, asked.epochs, asked.device)
    histories = stored_histories(recommender, USERS)
    result, rows = measure(recommender, histories, rounds=asked.rounds)
    say("the share of the memory's bandwidth")
    with threadpool_limits(1), one_torch_thread():
        share = measure_bandwidth(recommender, asked.items)
    whole = {
        "data": asked.dataset,
        "protocol": f"best {K} of {len(recommender.snapshot.items)} items, seen items left out, "
        f"from lists of item ids (mean {np.mean([len(h) for h in histories]):.0f}) to arrays of "
        "ids and scores; medians",
        **result,
        "bandwidth": share,
        "fit_seconds": round(fit_seconds, 1),
        "peak_memory_gb": round(peak_memory_gb(), 3),
        "seeds": [0],
        "threads": 1,
        "device": str(recommender.state.engine.device),
    }
    print(report.table(share))
    report.finish(_file(asked), whole, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency", description="How long answers take."
    )
    parser.add_argument("--dataset", choices=NAMES, default="ml-100k-split")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument(
        "--epochs", type=int, default=2, help="how long to fit first; no answer gets slower by it"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often all is timed")
    parser.add_argument(
        "--items", type=int, help="items for the share of bandwidth (cpu: 2e5, cuda: 1e6)"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _file(asked: argparse.Namespace) -> str:
    parts = ["latency"]
    parts += [asked.dataset] if asked.dataset != "ml-100k-split" else []
    parts += [asked.device] if asked.device != "cpu" else []
    return "-".join(parts)


def fitted(dataset: str, epochs: int, device: str) -> tuple[Recommender, float]:
    """A recommender of the default shape and how many seconds it took, texts left out: cached
    vectors are as wide without them."""
    config = RecommenderConfig.model_validate(
        {"model": {"use_text": False}, "training": {"epochs": epochs, "valid_every": epochs}}
    )
    catalog = load_dataset(dataset).catalog
    started = time.perf_counter()
    recommender = Recommender(config).fit(catalog, device=device)
    return recommender, time.perf_counter() - started


def stored_histories(recommender: Recommender, count: int) -> HistoryIds:
    """The histories of the first users as lists of item ids, from the start again after the last
    user."""
    snapshot = recommender.snapshot
    indptr = snapshot.interactions.indptr(len(snapshot.users))
    items = snapshot.items.ids[snapshot.interactions.item]
    rows = np.arange(count) % len(snapshot.users)
    return [items[indptr[row] : indptr[row + 1]].tolist() for row in rows]


def measure(
    recommender: Recommender, histories: HistoryIds, *, rounds: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Milliseconds of every answer, as the JSON's part and as the table's rows."""
    asked = _asked(recommender, histories)
    with threadpool_limits(1), one_torch_thread():
        times = answer_times(asked, rounds)
    rows = [{"model": name, **figures} for name, figures in times.items()]
    own = {
        **times["kgrec, arrays"],
        "stored": times["kgrec, stored"],
        "frame_ms": _difference(times["kgrec, DataFrame"], times["kgrec, arrays"]),
        "stored_frame_ms": _difference(times["kgrec, stored, DataFrame"], times["kgrec, stored"]),
    }
    return {"kgrec": own, "peers": {name: times[name] for name in ("als", "ease")}}, rows


def _asked(recommender: Recommender, histories: HistoryIds) -> dict[str, Asked]:
    """All that is timed, by name: the answers to the histories, and to the stored users whose
    histories these are."""
    snapshot = recommender.snapshot
    shape = (len(snapshot.users), len(snapshot.items))
    users = snapshot.users.ids[np.arange(len(histories)) % len(snapshot.users)].tolist()
    als, ease = (kind(snapshot.interactions, shape, snapshot.items.ids, K) for kind in _PEERS)
    return {
        "kgrec, arrays": (lambda given: recommender.rank(histories=given, k=K), histories),
        "kgrec, DataFrame": (lambda given: recommender.recommend(histories=given, k=K), histories),
        "kgrec, stored": (lambda given: recommender.rank(given, k=K), users),
        "kgrec, stored, DataFrame": (lambda given: recommender.recommend(given, k=K), users),
        "als": (als.of_histories, histories),
        "ease": (ease.of_histories, histories),
    }


def _difference(more: dict[str, float], less: dict[str, float]) -> dict[str, float]:
    names = ("one_user_ms", "thousand_users_ms")
    return {name: round(more[name] - less[name], 4) for name in names}


def answer_times(asked: Mapping[str, Asked], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds by name: the median and the 95th percentile for one at a time, each round with
    all of them, the median for all at once, and the ratios of the medians to those of EASE.

    All are asked in turns, so that other programs on the machine slow down each of them alike: of
    lists one by one ``TURN`` in a turn, since the caches belong to whom they are asked of.
    """
    single: dict[str, list[float]] = {name: [] for name in asked}
    together: dict[str, list[float]] = {name: [] for name in asked}
    for answer, given in asked.values():
        answer(given[:1]), answer(given)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: one by one and all at once, in turns")
        for start in range(0, max(len(given) for _, given in asked.values()), TURN):
            for name, (answer, given) in asked.items():
                part = given[start : start + TURN]
                single[name] += [_milliseconds(answer, [one]) for one in part]
        for name, (answer, given) in asked.items():
            together[name].append(_milliseconds(answer, given))
    return {name: _figures(single, together, name) for name in asked}


def _figures(
    single: Mapping[str, list[float]], together: Mapping[str, list[float]], name: str
) -> dict[str, float]:
    one, all_at_once = (float(np.median(times[name])) for times in (single, together))
    figures = {
        "one_user_ms": round(one, 4),
        "one_user_p95_ms": round(float(np.quantile(single[name], 0.95)), 4),
        "thousand_users_ms": round(all_at_once, 2),
    }
    if "ease" in single:
        figures["one_user_to_ease"] = round(one / float(np.median(single["ease"])), 3)
        figures["thousand_users_to_ease"] = round(
            all_at_once / float(np.median(together["ease"])), 3
        )
    return figures


def _milliseconds(answer: Callable[[Any], Any], given: Sequence[Any]) -> float:
    started = time.perf_counter()
    answer(given)
    return 1e3 * (time.perf_counter() - started)


class one_torch_thread:
    """PyTorch with one thread, as long as the block lasts."""

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self._before)


if __name__ == "__main__":
    report.run(main)
