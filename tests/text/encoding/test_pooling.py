"""What a sentence-transformers folder asks for beyond the network: pooling and dense layers."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from graph_schema.errors import TextModelError
from kgrec.text import load_encoder
from kgrec.text.encoding.pooling import MEAN, Pooling, read_pooling
from tests.text import tiny

TEXTS = ["the red river", "a dog", "two old film war music"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return tiny.write_bert(tmp_path_factory.mktemp("plain"))


@pytest.fixture
def folder(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "model")


def ask(folder, pooling, *others):
    """Write modules.json with a pooling and ``others`` (kind, path)."""
    named = [("Transformer", ""), ("Pooling", "1_Pooling"), *others]
    modules = [{"type": f"sentence_transformers.models.{k}", "path": path} for k, path in named]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def write_dense(folder, activation="torch.nn.modules.activation.Tanh"):
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(json.dumps({"activation_function": activation}))
    weight = torch.randn(8, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    save_file(
        {"linear.weight": weight, "linear.bias": torch.ones(8)},
        folder / "2_Dense" / "model.safetensors",
    )
    return weight


def load(folder):
    return load_encoder(folder, device="cpu", precision="fp32", max_length=24)


def states(folder, text):
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    tokens = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0]


def unit(vector):
    return (vector / vector.norm()).numpy()


def test_the_mean_without_modules(plain):
    found = load(plain).encode(TEXTS)
    expected = [unit(states(plain, text).mean(0)) for text in TEXTS]
    assert found == pytest.approx(np.stack(expected), abs=1e-5)
    assert read_pooling(plain) is MEAN


@pytest.mark.parametrize(
    "settings",
    [{"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, {"pooling_mode": "cls"}],
)
def test_the_first_token(folder, settings):
    before = load(folder).fingerprint
    encoder = load(ask(folder, settings, ("Normalize", "2_Normalize")))
    expected = [unit(states(folder, text)[0]) for text in TEXTS]
    assert encoder.encode(TEXTS) == pytest.approx(np.stack(expected), abs=1e-5)
    assert encoder.fingerprint != before


def test_a_stated_mean_keeps_the_fingerprint(folder):
    before = load(folder).fingerprint
    assert load(ask(folder, {"pooling_mode_mean_tokens": True})).fingerprint == before


def test_a_dense_layer(folder):
    weight = write_dense(folder)
    encoder = load(ask(folder, {"pooling_mode": "mean"}, ("Dense", "2_Dense")))
    assert encoder.dim == 8
    means = [states(folder, text).mean(0) for text in TEXTS]
    expected = [unit(torch.tanh(weight @ mean + 1)) for mean in means]
    assert encoder.encode(TEXTS) == pytest.approx(np.stack(expected), abs=1e-5)
    assert encoder.encode([""]).shape == (1, 8)


@pytest.mark.parametrize(
    ("settings", "others", "message"),
    [
        ({"pooling_mode": "max"}, (), "pooling max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, (), "and"),
        ({}, (), "pooling .none."),
        ({"pooling_mode": "mean"}, (("LSTM", "2_LSTM"),), "LSTM layer"),
        ({"pooling_mode": "mean"}, (("Dense", "2_Dense"),), "2_Dense/config.json is missing"),
    ],
)
def test_an_unsupported_pooling_is_refused(folder, settings, others, message):
    with pytest.raises(TextModelError, match=message):
        load(ask(folder, settings, *others))


def test_a_damaged_dense_layer_is_refused(folder):
    write_dense(folder, "torch.nn.modules.activation.Odd")
    ask(folder, {"pooling_mode": "mean"}, ("Dense", "2_Dense"))
    with pytest.raises(TextModelError, match="names the activation Odd"):
        read_pooling(folder)
    (folder / "2_Dense" / "config.json").write_text("{}")
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(TextModelError, match="missing or damaged"):
        read_pooling(folder)


def test_padding_does_not_change_vectors():
    states = torch.randn(2, 3, 4)
    states[1, 2] = 1e6
    attention = torch.tensor([[1, 1, 1], [1, 1, 0]])
    for mode in ("mean", "cls"):
        found = Pooling(mode)(states, attention)
        alone = Pooling(mode)(states[1:, :2], attention[1:, :2])
        assert torch.allclose(found[1], alone[0], atol=1e-6)
