"""A tuned model's folder: what is in it, what load_encoder makes of it, and what it refuses."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from kgrec.errors import MissingExtraError, TextModelError
from kgrec.text import load_encoder
from kgrec.text.encoding.finetuned_model import ADAPTER_CONFIG, MANIFEST
from kgrec.text.encoding.loading import fingerprint_of, read_model
from kgrec.text_finetuning import tune_network
from kgrec.text_finetuning.model_writer import write_tuned_model
from kgrec.text_finetuning.tokens import Tokens
from tests.text.tiny import write_bert
from tests.text_finetuning.conftest import small

CPU = torch.device("cpu")
ADAPTER = "adapter_model.safetensors"
SAID = ["a cat", "the old river town", "music"]


def write(base, corpus, folder, seed=0, **changed):
    """The folder, and what the tuned network says before it is saved."""
    model = read_model(base)
    tuned = tune_network(model, corpus, small(**changed), seed=seed)
    with torch.no_grad():
        said = Tokens(model.tokenizer, 16, CPU).vectors(tuned.network, SAID).numpy()
    folder.mkdir()
    write_tuned_model(tuned, folder, base=str(base), fingerprint=model.fingerprint, pooling_of=base)
    return folder, said


def encoder(folder):
    return load_encoder(folder, device="cpu", precision="fp32", max_length=16)


@pytest.fixture(scope="module")
def lora(tiny_folder, corpus, tmp_path_factory):
    return write(tiny_folder, corpus, tmp_path_factory.mktemp("tuned") / "lora")[0]


@pytest.fixture
def copied(lora, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(lora, tmp_path / "copy")


@pytest.mark.parametrize("method", ["lora", "adalora", "prefix", "ia3", "full"])
def test_the_encoder_says_what_the_tuned_network_said(method, tiny_folder, corpus, tmp_path):
    folder, said = write(tiny_folder, corpus, tmp_path / method, method=method)
    found = encoder(folder)
    assert np.abs(found.encode(SAID) - said).max() < 1e-5
    base = encoder(tiny_folder)
    assert np.abs(base.encode(SAID) - said).max() > 1e-3
    assert found.fingerprint != base.fingerprint


def test_only_the_adapter_is_kept(lora, tiny_folder):
    assert {path.name for path in lora.iterdir()} == {ADAPTER, ADAPTER_CONFIG, MANIFEST}
    tensors = load_file(lora / ADAPTER)
    assert all("lora_" in name for name in tensors)
    result = json.loads((lora / MANIFEST).read_text())
    assert result["base_fingerprint"] == read_model(tiny_folder).fingerprint
    assert result["report"]["trained"] == sum(tensor.numel() for tensor in tensors.values())


def test_a_full_tuning_needs_no_base(tiny_folder, corpus, tmp_path):
    base = shutil.copytree(tiny_folder, tmp_path / "base")
    folder, said = write(base, corpus, tmp_path / "full", method="full")
    shutil.rmtree(base)
    assert np.abs(encoder(folder).encode(SAID) - said).max() < 1e-5


def test_equal_tunings_have_one_fingerprint_and_others_another(lora, tiny_folder, corpus, tmp_path):
    again, _ = write(tiny_folder, corpus, tmp_path / "again")
    other, _ = write(tiny_folder, corpus, tmp_path / "other", seed=1)
    assert encoder(lora).fingerprint == encoder(again).fingerprint
    assert encoder(lora).fingerprint != encoder(other).fingerprint


def test_an_adapter_can_be_tuned_further(lora, corpus, tmp_path):
    folder = tmp_path / "second"
    model = read_model(lora)
    tuned = tune_network(model, corpus, small(objectives=("mlm",)))
    folder.mkdir()
    write_tuned_model(tuned, folder, base=str(lora), fingerprint=model.fingerprint, pooling_of=lora)
    first, second = encoder(lora), encoder(folder)
    assert np.abs(first.encode(SAID) - second.encode(SAID)).max() > 1e-3


def test_another_base_of_the_same_name_is_refused(copied, tmp_path):
    other = write_bert(tmp_path / "base", seed=9)
    _point_to(copied, other)
    with pytest.raises(TextModelError, match=r"another model.*fingerprints differ"):
        encoder(copied)


def test_a_base_that_is_gone_is_named_with_the_cure(copied, tmp_path):
    _point_to(copied, tmp_path / "nowhere")
    with pytest.raises(TextModelError, match=r"nowhere.*change 'base'"):
        encoder(copied)


def _point_to(folder, base):
    result = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**result, "base": str(base)}))


def test_damaged_weights_are_refused(copied):
    tensors = load_file(copied / ADAPTER)
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, copied / ADAPTER)
    with pytest.raises(TextModelError, match="checksum differs"):
        encoder(copied)


@pytest.mark.parametrize("name", [ADAPTER, ADAPTER_CONFIG])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(TextModelError, match=f"has no {name}"):
        encoder(copied)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "can't be read"),
        ("[]", "not a manifest"),
        ('{"format": "kgrec-text"}', "version None"),
    ],
)
def test_a_wrong_manifest_is_refused(copied, text, why):
    (copied / MANIFEST).write_text(text)
    with pytest.raises(TextModelError, match=why):
        encoder(copied)


def test_an_adapter_without_peft_names_the_extra(lora, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kgrec\[finetuning\]'"):
        encoder(lora)


def test_a_full_model_needs_no_peft(tiny_folder, corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    folder, said = write(tiny_folder, corpus, tmp_path / "full", method="full")
    assert np.abs(encoder(folder).encode(SAID) - said).max() < 1e-5


def test_the_fingerprint_of_an_adapter_is_known_without_loading_it(lora, tiny_folder):
    assert fingerprint_of(lora) == read_model(lora).fingerprint
    assert fingerprint_of(tiny_folder) == read_model(tiny_folder).fingerprint
