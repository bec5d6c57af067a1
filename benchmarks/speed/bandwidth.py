"""The share of the memory's bandwidth that scoring many items reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from kgrec import Recommender
from kgrec.nn import HybridModel, ItemVectors
from kgrec.ranking import top_k
from kgrec.scoring.products import item_scores
from kgrec.scoring.ranked_lists import batch_size

K: Final = 20
ITEMS: Final = {"cpu": 200_000, "cuda": 1_000_000}
SECONDS: Final = 1.0  # each timing, at least


def measure_bandwidth(recommender: Recommender, n_items: int | None) -> list[dict[str, Any]]:
    """One row for one user and one for a thousand: milliseconds for the best 20 of ``n_items``
    random vectors of the model's width, GB/s, and the share of what copying memory reaches.

    Counted are the bytes that must move where scores are kept in memory: the items' vectors read
    once for every batch, the scores written once and read once.
    """
    engine = recommender.state.engine
    device, model = engine.device, engine.model
    n_items = n_items or ITEMS.get(device.type, ITEMS["cuda"])
    width = engine.items.candidate.shape[1]
    items = _random_items(n_items, width, device)
    peak = copy_speed(device)
    found = []
    for n_users in (1, 1_000):
        users = torch.randn(n_users, width, device=device)
        seconds = _seconds(partial(rank_all, model, users, items), device)
        batches = -(-n_users // batch_size(n_items, device))
        moved = 4 * (batches * n_items * width + 2 * n_users * n_items)
        found.append(
            {
                "users": n_users,
                "items": n_items,
                "width": width,
                "ms": round(1e3 * seconds, 3),
                "gb_per_s": round(moved / seconds / 1e9, 1),
                "copy_gb_per_s": round(peak / 1e9, 1),
                "share": round(moved / seconds / peak, 3),
            }
        )
    return found


def rank_all(model: HybridModel, users: Tensor, items: ItemVectors) -> list[tuple[Tensor, Tensor]]:
    """The best items for user vectors ``[B, d]``, batch by batch as requests are answered."""
    size = batch_size(len(items.bias), users.device)
    with torch.inference_mode():
        return [
            top_k(item_scores(part, items, model.shape.temperature), K, overwrite=True)
            for part in torch.split(users, size)
        ]


def copy_speed(device: torch.device) -> float:
    """Bytes a second that copying memory on the device reads and writes."""
    count = 2**28 if device.type == "cuda" else 2**25
    source = torch.ones(count, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _seconds(lambda: target.copy_(source), device)


def _random_items(n_items: int, width: int, device: torch.device) -> ItemVectors:
    generator = torch.Generator(device=device).manual_seed(0)
    vectors = torch.randn(n_items, width, device=device, generator=generator)
    return ItemVectors(
        query=vectors[:0],
        candidate=functional.normalize(vectors, dim=1),
        bias=torch.zeros(n_items, device=device),
    )


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    """The fastest of many runs; the first is not counted."""
    times: list[float] = []
    work()
    while sum(times) < SECONDS or len(times) < 3:
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - started)
    return min(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
