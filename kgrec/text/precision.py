"""Whether half precision is worth it here: asked of the processor, then timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch

Precision = Literal["auto", "fp32", "bf16"]
MIN_COSINE = 0.9999  # bf16 is refused where any sample's vector turns further than this


def has_native_bf16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated, it is tens of times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not cpuinfo.is_file():
        return False
    flags = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    return bool(flags & {"amx_bf16", "avx512_bf16"})


def half_is_worth_it(
    exact: Callable[[], np.ndarray], half: Callable[[], np.ndarray], repeats: int = 3
) -> bool:
    """Whether ``half`` (bf16) is faster than ``exact`` (fp32) and turns no vector past MIN_COSINE.

    Both encode the same small batch into unit rows ``[n, dim]``; the best of ``repeats`` counts.
    """
    if float((exact() * half()).sum(axis=1).min()) < MIN_COSINE:
        return False
    return _seconds(half, repeats) < _seconds(exact, repeats)


def _seconds(encode: Callable[[], np.ndarray], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        encode()
        best = min(best, time.perf_counter() - start)
    return best
