"""HTML for notebooks: text from data stays text."""

import numpy as np
import pytest

from kgrec.visualization.notebook import bullets, fragment, html_table, paragraphs
from kgrec.visualization.word_plot import MAX_WORDS, words_html
from tests.visualization.notebook_page import read

NASTY = '<script>alert("1")</script> & \ud800\x00'


def test_texts_stay_texts() -> None:
    shown = '<script>alert("1")</script> &'
    page = fragment(NASTY, paragraphs([NASTY]), bullets([NASTY]), html_table([[NASTY], [NASTY]]))
    found = read(page)
    assert [text.strip() for text in found.texts] == [shown] * 5
    assert "<script" not in page


def test_what_is_empty_is_left_out() -> None:
    assert fragment("Heading", bullets([]), html_table([["name"]]), paragraphs([])) == (
        '<div class="kgrec">\n<p><b>Heading</b></p>\n</div>'
    )


def test_numbers_stand_to_the_right() -> None:
    page = html_table([["name", "score"], ["a", 1.5]])
    assert read(page).cells == [["name", "score"], ["a", "1.5"]]
    assert page.count("text-align:right") == page.count("text-align:left") == 2


def test_words_are_tinted_by_their_contributions() -> None:
    page = words_html(["good", NASTY, "bad", "so"], np.array([0.5, 0.01, -0.25, 0.0]))
    assert " ".join(text.strip() for text in read(page).texts).startswith("good")
    assert page.count("<span") == 2
    assert 'title="+0.5000">good' in page
    assert "text-decoration:underline" in page.split("bad")[0].split("good")[1]
    assert read(words_html([], np.empty(0))).texts == []


def test_a_long_text_shows_the_words_that_matter() -> None:
    shares = np.zeros(2_000)
    shares[1_500] = 1.0
    page = words_html([f"w{n}" for n in range(2_000)], shares)
    assert ">w1500<" in page
    assert f"to {int(page.rpartition(' to ')[2].split()[0])} of 2000" in page
    assert len(page.split("</span>")[0].split()) < MAX_WORDS + 5


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_words_of_equal_contribution(value: float) -> None:
    assert read(words_html(["a", "b"], np.full(2, value))).texts
