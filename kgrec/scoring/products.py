"""Scores of all items as products with user vectors, by the library that is fast on the processor.

PyTorch multiplies by MKL, which takes up to six times as long on other makers' processors as
oneDNN, the library that PyTorch uses for networks. The choice depends on the processor alone, so
that equal requests have equal scores in every process. With both, a row's bits depend neither on
the other rows, as long as their number is a multiple of 16, nor on the number of threads.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from kgrec.nn import ItemVectors

_INTEL = "GenuineIntel"


def item_scores(users: Tensor, items: ItemVectors, temperature: float) -> Tensor:
    """float32 ``[B, n]``: the products of user vectors ``[B, d]`` and the items' candidate vectors,
    divided by the temperature, plus the items' biases; without gradients."""
    if users.device.type == "cpu" and mkl_is_slow():
        scaled = users * (1 / temperature)
        return by_onednn(scaled, items.candidate, items.bias)
    return torch.addmm(items.bias, users, items.candidate.T, alpha=1 / temperature)


def by_onednn(users: Tensor, candidate: Tensor, bias: Tensor) -> Tensor:
    """``users @ candidate.T + bias`` by oneDNN, float32 ``[B, n]``."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(users, candidate, bias, "none", [], "")
    return product


@cache
def mkl_is_slow(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether MKL serves this processor slowly and oneDNN is there: an x86 that is not Intel's."""
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not has_onednn or not cpuinfo.is_file():
        return False
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    makers = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    return bool(makers) and makers[0] != _INTEL and hasattr(torch.ops.mkldnn, "_linear_pointwise")
