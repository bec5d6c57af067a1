"""Networks and tokenizers that do not belong together, or are no text model, on tiny models."""

import json
import logging
from io import StringIO

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTModel
from transformers.utils import logging as notices

from graph_schema.errors import RequestError, TextModelError
from kgrec.text import load_encoder
from kgrec.text.encoding.encoder import MAX_CHUNKS
from tests.text import tiny


def load(folder, max_length=24):
    return load_encoder(folder, device="cpu", precision="fp32", max_length=max_length)


def test_a_tokenizer_of_another_model(tmp_path):
    tiny.write_bert(tmp_path, vocabulary=tiny.VOCABULARY - 1)
    with pytest.raises(TextModelError, match="tokenizer has 21 ids, the model vectors for 20"):
        load(tmp_path)


def test_a_table_with_spare_rows_is_fine(tmp_path):
    assert load(tiny.write_bert(tmp_path, vocabulary=tiny.VOCABULARY + 3)).dim == tiny.WIDTH


def test_a_model_that_reads_pictures(tmp_path):
    config = ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32)
    ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    tiny.write_tokenizer(tmp_path)
    with pytest.raises(TextModelError, match="vit model, which does not read text"):
        load(tmp_path)


def test_weights_that_are_no_numbers(tmp_path):
    tiny.write_bert(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    name = next(name for name in sorted(tensors) if name.endswith("query.weight"))
    tensors[name][0, 0] = torch.nan
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TextModelError, match="1 weights hold NaN or infinity"):
        load(tmp_path)


def test_more_tokens_than_the_tokenizer_allows(tmp_path):
    tiny.write_bert(tmp_path)
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 16}))
    assert load(tmp_path, 16).max_length == 16
    with pytest.raises(RequestError, match="takes 8 to 16 tokens"):
        load(tmp_path, 24)


def test_only_the_start_of_a_text_of_100_000_characters_is_read(tmp_path):
    encoder = load(tiny.write_bert(tmp_path))
    long = "river town " * 9_091
    found = encoder.encode([long, "x" * 100_000, "<b" * 50_000, "\x01" * 100_000])
    read = MAX_CHUNKS * encoder.max_length * 10  # characters
    changed = long[:read] + "cat " * 20_000
    assert (encoder.encode([changed])[0] == found[0]).all()
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-6)
    assert np.isfinite(found).all()
    assert (found[[1, 3]] == 0).all()  # an unbroken run and binary leave no text


def test_whatever_a_catalog_holds_gives_unit_or_zero_rows(tmp_path):
    encoder = load(tiny.write_bert(tmp_path))
    mixed = b"the caf\xe9 by the river" + " \u2014 \u00e9t\u00e9".encode()
    odd = [
        None,
        float("nan"),
        b"\x89PNG\r\n\x00\x00\x01",
        mixed,
        "<p>the <i>river</i></p>",
        "\ud800",
    ]
    found = encoder.encode(odd)
    lengths = np.linalg.norm(found, axis=1)
    assert lengths == pytest.approx([0, 0, 0, 1, 1, 0], abs=1e-6)
    assert np.abs(found[4] - encoder.encode(["the river"])[0]).max() < 1e-6


def test_loading_prints_nothing_and_leaves_the_settings_of_transformers(tmp_path):
    tiny.write_bert(tmp_path)  # without the weights of a pooler, which transformers would report
    printed = StringIO()
    handler = logging.StreamHandler(printed)
    notices.add_handler(handler)
    notices.enable_progress_bar()
    before = notices.get_verbosity()
    load(tmp_path)
    notices.remove_handler(handler)
    assert printed.getvalue() == ""
    assert (notices.get_verbosity(), notices.is_progress_bar_enabled()) == (before, True)
