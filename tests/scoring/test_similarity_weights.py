"""Weights of the similarity's parts: large for parts that predict items, small for others."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.features.blocks import compared_parts
from kgrec.features.names import ATTRIBUTES, KNOWLEDGE, TEXT
from kgrec.scoring.cold_similarity.item_similarity import ItemSimilarity
from kgrec.scoring.cold_similarity.weights import RIDGE, choose_part_weights, leave_one_out_score

SIZE, FACTORS = 6, 4
COMPARED = compared_parts((KNOWLEDGE, ATTRIBUTES, TEXT))
USUAL = {part: similarity.usual for part, similarity in COMPARED.items()}


def unit(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


@pytest.fixture(params=[0, 1, 2])
def drawn(request: pytest.FixtureRequest) -> tuple[dict[str, np.ndarray], np.random.Generator]:
    """Three parts of 120 items that say nothing of each other."""
    rng = np.random.default_rng(request.param)
    blocks = {part: unit(rng.standard_normal((120, 8))) for part in (KNOWLEDGE, ATTRIBUTES, TEXT)}
    return blocks, rng


def targets_of(block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float64 ``[n, SIZE + 1 + FACTORS]``: linear in ``block``, with a little noise."""
    exact = block @ rng.standard_normal((block.shape[1], SIZE + 1 + FACTORS))
    return np.asarray(exact + 0.1 * rng.standard_normal(exact.shape))


@pytest.mark.parametrize("part", [ATTRIBUTES, TEXT])
def test_the_part_that_predicts_counts_most(part: str, drawn) -> None:  # type: ignore[no-untyped-def]
    blocks, rng = drawn
    chosen = choose_part_weights(
        ItemSimilarity(blocks, USUAL), np.arange(120), targets_of(blocks[part], rng), size=SIZE
    )
    assert chosen[part] == max(COMPARED[part].tried)
    for other in {KNOWLEDGE, ATTRIBUTES, TEXT} - {part}:
        assert chosen[other] <= USUAL[other]


def test_where_nothing_predicts_weights_are_small(drawn) -> None:  # type: ignore[no-untyped-def]
    blocks, rng = drawn
    noise = rng.standard_normal((120, SIZE + 1 + FACTORS))
    chosen = choose_part_weights(ItemSimilarity(blocks, USUAL), np.arange(120), noise, size=SIZE)
    assert all(chosen[part] <= USUAL[part] for part in blocks)


def test_parts_that_are_missing_have_no_weight(drawn) -> None:  # type: ignore[no-untyped-def]
    blocks, rng = drawn
    only = {TEXT: blocks[TEXT]}
    chosen = choose_part_weights(
        ItemSimilarity(only, USUAL), np.arange(120), targets_of(only[TEXT], rng), size=SIZE
    )
    assert set(chosen) == {TEXT}


def test_the_closed_form_is_leaving_each_item_out(drawn) -> None:  # type: ignore[no-untyped-def]
    """Beside a regression without each item in turn, on the mean of all."""
    blocks, rng = drawn
    targets = targets_of(blocks[TEXT] + blocks[KNOWLEDGE], rng)
    kernels = {part: block @ block.T for part, block in blocks.items()}
    kernel = sum(USUAL[part] * kernels[part] for part in kernels)
    centred = targets - targets.mean(axis=0)
    left = np.empty_like(centred)
    for item in range(len(targets)):
        others = np.arange(len(targets)) != item
        inner = kernel[np.ix_(others, others)] + RIDGE * np.eye(others.sum())
        left[item] = centred[item] - kernel[item, others] @ np.linalg.solve(inner, centred[others])
    shares = [
        1 - (left[:, of] ** 2).sum() / (centred[:, of] ** 2).sum()
        for of in (slice(0, SIZE), slice(SIZE + 1, None))
    ]
    assert min(shares) > 0
    score = leave_one_out_score(kernels, USUAL, targets, SIZE)
    assert score == pytest.approx(shares[0] + 1.25 * shares[1])
