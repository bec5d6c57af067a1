"""A faster way is taken only where it is close, and is faster."""

import numpy as np
import pytest
import torch

from kgrec.text.encoding.precision import (
    has_native_bf16,
    is_faster,
    lowest_cosine,
    texts_per_second,
)

UNIT = np.eye(3)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only where a test says so."""
    now = [0.0]
    monkeypatch.setattr("kgrec.text.encoding.precision.time.perf_counter", lambda: now[0])
    return now


@pytest.fixture
def slow(clock):
    def encode():
        clock[0] += 0.02
        return UNIT

    return encode


def test_auto_asks_the_processor(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("flags : fpu avx2 avx512_bf16 sse\n")
    assert has_native_bf16(torch.device("cpu"), info)
    info.write_text("flags : fpu avx2\n")
    assert not has_native_bf16(torch.device("cpu"), info)
    assert not has_native_bf16(torch.device("cpu"), tmp_path / "none")


def test_close_and_faster(slow):
    assert is_faster(slow, lambda: UNIT)
    assert not is_faster(lambda: UNIT, slow)


def test_texts_are_counted_by_the_clock(clock):
    rounds = []

    def encode(texts):
        rounds.append(len(texts))
        clock[0] += 0.25

    rate = texts_per_second(encode, ["a", "b", "c"], seconds=1.0)
    assert len(rounds) == 5, "one that warms up, then as many as fit"
    assert rate == 3 / 0.25


def test_what_is_not_close_is_not_used_however_fast(slow):
    turned = UNIT + 0.1
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    assert lowest_cosine(UNIT, turned) < 0.999
    assert not is_faster(slow, lambda: turned)
    assert is_faster(slow, lambda: turned, least=0.9)
