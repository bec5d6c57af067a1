"""The encoder's figures: ratios of rounds, cosines to fp32, texts cut alike for both."""

import numpy as np
import pytest

from benchmarks.texts import speed as text_speed
from kgrec.text import load_encoder
from tests.text import tiny


def test_ratios_and_cosines():
    vectors = {"fp32": [np.eye(2)], "int8": [np.array([[2.0, 0.0], [0.6, 0.8]])]}
    seconds = {text_speed.PEER: [4.0, 6.0, 9.0], "int8": [2.0, 2.0, 3.0]}
    found = text_speed._figures("int8", seconds, vectors, 10)
    assert found["texts_per_second"] == 5
    assert found["throughput_ratio"] == 3
    assert (found["cosine"], found["mean_cosine"]) == (0.8, 0.9)


def test_the_summary_tells_the_worst():
    table = {"auto": {"throughput_ratio": 1.5, "cosine": 1.0}}
    slower = {"auto": {"throughput_ratio": 1.2, "cosine": 0.9999}}
    found = text_speed.summary({"plots": table, "reviews": slower})
    assert found == {"throughput_ratio": 1.2, "cosine": 0.9999}


def test_texts_are_cut_to_one_chunk(tmp_path):
    encoder = load_encoder(tiny.write_bert(tmp_path), device="cpu", precision="fp32", max_length=10)
    short, long = text_speed.cut(encoder, ["red river", "the old dog " * 9])
    assert short == "red river"
    assert long == ("the old dog " * 9)[: len(long)]
    assert len(encoder._chunks([long])[0]) == 1
    assert len(long.split()) == 8


@pytest.mark.data
def test_the_texts_are_there(data_dir):
    assert len(text_speed._TEXTS["reviews"]()) > 10_000
