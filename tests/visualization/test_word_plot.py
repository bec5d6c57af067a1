"""A text with tinted words: the same file each time, whatever the words are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.visualization import word_plot


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_same_words_same_file(tmp_path: Path, suffix: str) -> None:
    words, shares = (
        ["a", "$good$", "film<b>", "x" * 300, "映画"],
        np.array([0, 1.0, -0.5, 0.2, 0.1]),
    )
    one, two = (
        word_plot.draw_words(words, shares, tmp_path / f"{n}{suffix}", title="T", note="N")
        for n in "ab"
    )
    assert one.read_bytes() == two.read_bytes()


def test_a_long_text_is_cut_around_what_matters() -> None:
    shares = np.zeros(2_000)
    shares[1_500] = 1.0
    first, last = word_plot._window(shares)
    assert last - first == word_plot.MAX_WORDS
    assert first <= 1_500 < last


def test_words_lie_within_the_sheet() -> None:
    words = ["word"] * 200 + ["m" * word_plot.MAX_CHARS]
    for x, _, wide in word_plot._places(words):
        assert x + wide <= word_plot.WIDTH


def test_nothing_moved(tmp_path: Path) -> None:
    path = word_plot.draw_words(["a"], np.zeros(1), tmp_path / "a.png", title="T", note="N")
    assert path.stat().st_size > 0


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="end its name"):
        word_plot.draw_words(["a"], np.ones(1), tmp_path / "a.gif", title="T", note="N")
