"""Products of users and items: right with either library, and a row's bits are its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kgrec.nn import ItemVectors
from kgrec.scoring.products import by_onednn, item_scores, mkl_is_slow

TEMPERATURE = 0.2
SHAPES = [(64, 1447), (96, 501), (512, 300)]
Scores = Callable[[Tensor, ItemVectors], Tensor]


def onednn(users: Tensor, items: ItemVectors) -> Tensor:
    return by_onednn(users / TEMPERATURE, items.candidate, items.bias)


def mkl(users: Tensor, items: ItemVectors) -> Tensor:
    return torch.addmm(items.bias, users, items.candidate.T, alpha=1 / TEMPERATURE)


def chosen(users: Tensor, items: ItemVectors) -> Tensor:
    return item_scores(users, items, TEMPERATURE)


@pytest.fixture(params=[onednn, mkl, chosen])
def scores(request: pytest.FixtureRequest) -> Scores:
    if request.param is onednn and not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    found: Scores = request.param
    return found


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


def sample(size: int, n_items: int) -> tuple[Tensor, ItemVectors]:
    generator = torch.Generator().manual_seed(0)
    users, vectors = (torch.randn(n, size, generator=generator) for n in (256, n_items))
    bias = torch.randn(n_items, generator=generator)
    return users, ItemVectors(vectors[:0], torch.nn.functional.normalize(vectors, dim=1), bias)


@pytest.mark.parametrize(("size", "n_items"), SHAPES)
def test_scores_are_the_products_and_the_bias(scores: Scores, size: int, n_items: int) -> None:
    users, items = sample(size, n_items)
    exact = users.double() @ items.candidate.double().T / TEMPERATURE + items.bias
    torch.testing.assert_close(scores(users, items).double(), exact, atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize(("size", "n_items"), SHAPES)
def test_a_row_depends_on_no_other_and_on_no_number_of_threads(
    scores: Scores, size: int, n_items: int
) -> None:
    users, items = sample(size, n_items)
    torch.set_num_threads(1)
    alone = scores(users, items)
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        for start, end in ((0, 16), (0, 64), (48, 160), (16, 256)):
            assert torch.equal(scores(users[start:end], items), alone[start:end])


@pytest.mark.parametrize(
    ("text", "slow"),
    [
        ("vendor_id\t: AuthenticAMD\n", True),
        ("vendor_id\t: GenuineIntel\n", False),
        ("CPU implementer\t: 0x41\n", False),
    ],
)
def test_the_processor_alone_decides(tmp_path: Path, text: str, slow: bool) -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    info = tmp_path / "cpuinfo"
    info.write_text(text, encoding="utf-8")
    assert mkl_is_slow(info) is slow
    assert not mkl_is_slow(tmp_path / "absent")
