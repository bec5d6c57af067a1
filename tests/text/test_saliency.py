"""Words that moved a number: shares add up, and the words that matter are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from graph_schema.errors import RequestError
from kgrec.text import BertEncoder, load_encoder
from kgrec.text.saliency import MOST_WORDS, integrated_gradients, occlusion
from tests.text.tiny import texts, write_bert

TEXT = "the old film, a river and two red cats; music"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BertEncoder:
    folder: Path = write_bert(tmp_path_factory.mktemp("bert"))
    return load_encoder(folder, device="cpu", precision="fp32", max_length=32)


def along(encoder: BertEncoder, seed: int = 0) -> Tensor:
    return torch.randn(encoder.dim, generator=torch.Generator().manual_seed(seed))


def test_shares_add_up(tiny: BertEncoder) -> None:
    """Completeness: finer steps leave less, and little is left."""
    way = along(tiny)
    coarse, fine = (
        integrated_gradients(tiny, TEXT, lambda v: (v @ way).tanh(), steps) for steps in (4, 128)
    )
    moved = abs(fine.whole - fine.hidden)
    assert moved > 0.05
    assert abs(fine.left) < 0.02 * moved
    assert abs(fine.left) < abs(coarse.left)
    assert fine.words == tuple(TEXT.split())
    assert fine.shares.shape == (len(fine.words),)


def test_the_number_is_that_of_the_encoders_own_vector(tiny: BertEncoder) -> None:
    way = along(tiny)
    for text in (TEXT, texts(1, longest=90, seed=3)[0] * 4):  # one chunk, several chunks
        found = integrated_gradients(tiny, text, lambda v: v @ way, 1)
        assert found.whole == pytest.approx(float(tiny.encode([text])[0] @ way.numpy()), abs=1e-5)


def test_leaving_out_is_what_it_says(tiny: BertEncoder) -> None:
    way = along(tiny).numpy()
    found = occlusion(tiny, TEXT, lambda v: v @ torch.as_tensor(way))
    words = TEXT.split()
    for place in (0, 4):
        without = " ".join([*words[:place], *words[place + 1 :]])
        fall = (tiny.encode([TEXT]) - tiny.encode([without]))[0] @ way
        assert found.shares[place] == pytest.approx(fall, abs=1e-5)


def test_words_beyond_the_encoders_reach_have_no_share(tiny: BertEncoder) -> None:
    text = " ".join(["cat"] * 600)
    found = integrated_gradients(tiny, text, lambda v: v @ along(tiny), 2)
    assert len(found.words) == 600
    assert (found.shares[-100:] == 0).all()
    assert (found.shares[:100] != 0).any()


@pytest.mark.parametrize("text", ["", "   ", "<p></p>", "\x00\x01"])
def test_texts_without_words_are_refused(tiny: BertEncoder, text: str) -> None:
    for method in (integrated_gradients, occlusion):
        with pytest.raises(RequestError, match="no words"):
            method(tiny, text, lambda v: v.sum())  # type: ignore[operator]


def test_leaving_out_is_for_short_texts(tiny: BertEncoder) -> None:
    with pytest.raises(RequestError, match="gradients"):
        occlusion(tiny, "cat " * (MOST_WORDS + 1), lambda v: v.sum())


@pytest.mark.slow
def test_the_word_that_matters_is_found(encoder: BertEncoder) -> None:
    """How like a text is to one on guitars, by the real model."""
    text = "My aunt bought it last week and this guitar is what she plays every evening."
    way = torch.as_tensor(encoder.encode(["an electric guitar"])[0])
    for method in (integrated_gradients, occlusion):
        found = method(encoder, text, lambda v: v @ way.to(v.device))
        assert found.words[int(np.argmax(found.shares))] == "guitar"
