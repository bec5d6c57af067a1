"""A faster way is taken only where it is close, and is faster."""

import time

import numpy as np
import torch

from kgrec.text.encoding.precision import (
    has_native_bf16,
    is_faster,
    lowest_cosine,
    texts_per_second,
)

UNIT = np.eye(3)


def slow():
    time.sleep(0.02)
    return UNIT


def test_auto_asks_the_processor(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("flags : fpu avx2 avx512_bf16 sse\n")
    assert has_native_bf16(torch.device("cpu"), info)
    info.write_text("flags : fpu avx2\n")
    assert not has_native_bf16(torch.device("cpu"), info)
    assert not has_native_bf16(torch.device("cpu"), tmp_path / "none")


def test_close_and_faster():
    assert is_faster(slow, lambda: UNIT)
    assert not is_faster(lambda: UNIT, slow)


def test_texts_are_counted_by_the_clock():
    rounds = []

    def encode(texts):
        rounds.append(len(texts))
        time.sleep(0.02)

    rate = texts_per_second(encode, ["a", "b", "c"], seconds=0.1)
    assert 2 <= len(rounds) <= 6, "one that warms up, then as many as fit"
    assert 0 < rate <= 3 / 0.02


def test_what_turns_too_far_is_not_worth_any_speed():
    turned = UNIT + 0.1
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    assert lowest_cosine(UNIT, turned) < 0.999
    assert not is_faster(slow, lambda: turned)
    assert is_faster(slow, lambda: turned, least=0.9)
