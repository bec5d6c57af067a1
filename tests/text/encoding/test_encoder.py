"""The real model: vectors against a plain forward pass, batches, long and empty texts."""

import numpy as np
import pytest
import torch

from graph_schema.errors import RequestError
from kgrec.text import CachedEncoder, EmbeddingCache, load_encoder
from kgrec.text.encoding import encoder as encoder_module
from kgrec.text.encoding.precision import has_native_bf16

pytestmark = pytest.mark.slow
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]

TEXTS = [
    "A cat sits on the mat.",
    "A kitten is lying on a rug.",
    "Central banks raised interest rates again.",
    "short",
    "Two prisoners become friends over many years and find hope. " * 4,
]


def plain_vector(folder, text):
    """Mean pooling written out for one text, without any batch, padding or chunk."""
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0]
    mean = states.mean(0).double().numpy()
    return mean / np.linalg.norm(mean)


def test_agrees_with_a_plain_forward_pass(encoder, bert_folder):
    found = encoder.encode(TEXTS)
    assert found.shape == (5, 384)
    assert found.dtype == np.float32
    for text, vector in zip(TEXTS, found, strict=True):
        assert np.abs(vector - plain_vector(bert_folder, text)).max() < 1e-5


def test_means_what_people_mean(encoder):
    cat, kitten, banks = encoder.encode(TEXTS[:3])
    assert cat @ kitten > 0.5 > 0.2 > cat @ banks


def test_does_not_depend_on_the_batch_or_order(encoder):
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(together[::-1] - encoder.encode(TEXTS[::-1])).max() < 1e-5
    assert (together == encoder.encode(TEXTS)).all()


def test_empty_texts_are_zero_and_markup_is_read_through(encoder):
    found = encoder.encode(["", "  ", "<p></p>", None, "\x00\x01", "<b>short</b>", "short"])
    assert (found[:5] == 0).all()
    assert np.abs(found[5] - found[6]).max() < 1e-6
    assert encoder.encode([]).shape == (0, 384)


def test_long_texts_are_averaged_by_chunk(encoder):
    words = ["river", "stone", "valley", "light", "winter", "garden", "music", "letter"]
    rng = np.random.default_rng(0)
    text = " ".join(rng.choice(words, 100))
    content = encoder._tokenizer(text, add_special_tokens=False)["input_ids"]
    size = encoder.max_length - 2
    pieces = [content[first : first + size] for first in range(0, len(content), size)]
    start, end = encoder._tokenizer.cls_token_id, encoder._tokenizer.sep_token_id
    chunks = [[start, *piece, end] for piece in pieces]
    expected = sum(len(chunk) * encoder._forward([chunk])[0] for chunk in chunks)
    expected /= np.linalg.norm(expected)
    assert len(chunks) == 2
    assert np.abs(encoder.encode([text])[0] - expected).max() < 1e-5


def test_what_follows_the_last_chunk_is_left_out(encoder):
    start = "river stone " * (encoder_module.MAX_CHUNKS * encoder.max_length)
    one, two = encoder.encode([start + "one two three", start + "quite another end " * 1000])
    assert (one == two).all()


def test_windows_change_nothing_and_progress_reaches_the_end(encoder, monkeypatch):
    expected, calls = encoder.encode(TEXTS), []
    monkeypatch.setattr(encoder_module, "WINDOW", 2)
    found = encoder.encode(TEXTS, progress=lambda *call: calls.append(call))
    assert np.abs(found - expected).max() < 1e-5
    done = [call[1] for call in calls]
    assert done == sorted(done)
    assert calls[-1] == ("texts encoded", 5, 5)


def test_half_precision_stays_close(encoder):
    half = load_encoder(device="cpu", precision="bf16", max_length=64)
    assert half.precision == "bf16"
    assert (half.encode(TEXTS) * encoder.encode(TEXTS)).sum(1).min() > 0.999
    assert len({half.fingerprint, encoder.fingerprint}) == 2


def test_half_precision_does_not_depend_on_the_batch():
    """Padding would: bf16 rounds what it changes in the last digit."""
    half = load_encoder(device="cpu", precision="bf16", max_length=64)
    alone = np.concatenate([half.encode([text]) for text in TEXTS])
    np.testing.assert_array_equal(half.encode(TEXTS), alone)


@pytest.mark.parametrize("device", DEVICES)
def test_auto_keeps_the_vectors_on_every_device(encoder, device):
    auto = load_encoder(device=device, max_length=64)
    if not has_native_bf16(torch.device(device)):
        assert auto.precision == "fp32"
    assert (auto.encode(TEXTS) * encoder.encode(TEXTS)).sum(1).min() > 0.9999


def test_wrong_settings_are_refused():
    for options in ({"precision": "int3"}, {"max_length": 4}, {"max_length": 10_000}):
        with pytest.raises(RequestError, match=r"(precision|max_length) is"):
            load_encoder(**options)


def test_the_cache_gives_the_same_vectors_and_encodes_once(encoder, tmp_path):
    texts = [*TEXTS, "", TEXTS[0], "<b>short</b>"]
    calls = []
    first = CachedEncoder(encoder, EmbeddingCache(tmp_path), save_every=2)
    found = first.encode(texts, progress=lambda *call: calls.append(call[1:]))
    assert calls == [(2, 5), (4, 5), (5, 5)]
    assert np.abs(found - encoder.encode(texts)).max() < 1e-5
    calls.clear()
    again = CachedEncoder(encoder, EmbeddingCache(tmp_path))
    assert (again.encode(texts, progress=lambda *call: calls.append(call)) == found).all()
    assert not calls
    assert (again.dim, again.name) == (encoder.dim, encoder.name)


def test_a_cache_that_cannot_be_written_costs_a_warning(encoder, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cached = CachedEncoder(encoder, EmbeddingCache(blocked))
    with pytest.warns(UserWarning, match="KGREC_CACHE_DIR"):
        found = cached.encode(["short"])
    assert found[0] == pytest.approx(encoder.encode(["short"])[0])
