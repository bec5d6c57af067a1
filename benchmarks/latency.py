"""How long an answer takes: the best 20 of all items for one history and for a thousand.

Everything is timed from lists of item ids to arrays of item ids and scores, seen items left out,
on one thread (or one accelerator). Peers answer the same histories in the same process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

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
HistoryIds = list[list[str]]
Answer = Callable[[HistoryIds], tuple[np.ndarray, np.ndarray]]


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
    interactions, items = recommender.snapshot.interactions, recommender.snapshot.items
    shape = (len(recommender.snapshot.users), len(items))
    peers: dict[str, Answer] = {
        "als": AlsAnswers(interactions, shape, items.ids, K).of_histories,
        "ease": EaseAnswers(interactions, shape, items.ids, K).of_histories,
    }
    with threadpool_limits(1), one_torch_thread():
        ours = answer_times(_arrays(recommender), histories, rounds, "kgrec, arrays")
        framed = answer_times(_frame(recommender), histories, rounds, "kgrec, DataFrame")
        theirs = {name: answer_times(peer, histories, rounds, name) for name, peer in peers.items()}
    frame_ms = {
        name: round(framed[name] - ours[name], 4) for name in ("one_user_ms", "thousand_users_ms")
    }
    rows = [
        {"model": "kgrec, arrays", **ours},
        {"model": "kgrec, DataFrame", **framed},
        *({"model": name, **times} for name, times in theirs.items()),
    ]
    return {"kgrec": {**ours, "frame_ms": frame_ms}, "peers": theirs}, rows


def _arrays(recommender: Recommender) -> Answer:
    return lambda histories: recommender.rank(histories=histories, k=K)


def _frame(recommender: Recommender) -> Callable[[HistoryIds], Any]:
    return lambda histories: recommender.recommend(histories=histories, k=K)


def answer_times(
    answer: Callable[[HistoryIds], Any], histories: HistoryIds, rounds: int, name: str
) -> dict[str, float]:
    """Milliseconds: the median and the 95th percentile for one history at a time, each round with
    all of them, and the median for all at once."""
    say(f"{name}: {rounds} rounds of {len(histories):,} histories, one by one and all at once")
    answer(histories[:1]), answer(histories)
    single, together = [], []
    for _ in range(rounds):
        single += [_milliseconds(answer, [history]) for history in histories]
        together.append(_milliseconds(answer, histories))
    return {
        "one_user_ms": round(float(np.median(single)), 4),
        "one_user_p95_ms": round(float(np.quantile(single, 0.95)), 4),
        "thousand_users_ms": round(float(np.median(together)), 2),
    }


def _milliseconds(answer: Callable[[HistoryIds], Any], histories: HistoryIds) -> float:
    started = time.perf_counter()
    answer(histories)
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
