"""Rounding a network to int8: groups, and inputs that are far larger than the rest."""

import numpy as np
import pytest
import torch

from kgrec.text.encoding import int8
from kgrec.text.encoding.loading import read_model
from kgrec.text.encoding.runtimes import openvino_states, torch_states
from tests.text import tiny

LARGE = 7  # the channel that a layer's normalisation makes large


@pytest.fixture
def network(tmp_path):
    """One whose every normalisation gives one channel 60 times the rest, read by small weights."""
    found = read_model(tiny.write_bert(tmp_path / "tiny")).network
    with torch.no_grad():
        for name, parameter in found.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter[LARGE] *= 60.0
            elif name.endswith("weight") and parameter.shape[-1] == tiny.WIDTH:
                parameter[..., LARGE] /= 60.0
    return found


@pytest.fixture
def tokens():
    ids = torch.randint(5, tiny.VOCABULARY, (12, 14), generator=torch.Generator().manual_seed(3))
    return ids, torch.ones_like(ids)


def error(network, tokens):
    """How far int8's states are from fp32's, beside their size."""
    with torch.inference_mode():
        exact = torch_states(network)(*tokens)
    found = openvino_states(network, int8_by=tokens)(*tokens)
    exact, found = (np.delete(states.numpy(), LARGE, axis=2) for states in (exact, found))
    return float(np.abs(found - exact).mean() / np.abs(exact).mean())


def test_a_large_input_does_not_take_the_range_of_the_others(network, tokens, monkeypatch):
    evened = error(network, tokens)
    monkeypatch.setattr(int8, "_channel_rms", lambda _, inputs, *_texts: dict.fromkeys(inputs, 1.0))
    assert 0 < evened < 0.7 * error(network, tokens)


def test_groups_divide_the_inputs_of_all_layers(network, tokens, monkeypatch):
    asked = []
    real = int8._int8
    monkeypatch.setattr(
        int8, "_int8", lambda w, group: asked.append((w.shape, group)) or real(w, group)
    )
    openvino_states(network, int8_by=tokens)
    assert {group for _, group in asked} == {64}
    assert len(asked) == 2 * 6  # two layers: query, key, value, output and the two of the middle
    assert all(shape[1] % 64 == 0 for shape, _ in asked)
    monkeypatch.setattr(int8, "_GROUPS", (96, 32))
    asked.clear()
    openvino_states(network, int8_by=tokens)
    assert {group for _, group in asked} == {32}
