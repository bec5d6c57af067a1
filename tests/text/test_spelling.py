"""Words one typing error away, against trying every pair."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgrec.text.spelling import Spelling, one_error

WORDS = ["heat", "heart", "hate", "ha", "at", "a", "wheat", "heap", "eat", "amelie"]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("heat", {"heart", "wheat", "heap", "eat"}),
        ("haet", {"heat", "hate"}),
        ("heta", {"heat"}),
        ("hat", {"heat", "hate", "ha", "at", "eat"}),
        ("a", set()),  # too short to be wrong
        ("", set()),
        ("ameliee", {"amelie"}),
    ],
)
def test_near_words(word, near):
    found = Spelling(WORDS).near(word)
    assert {WORDS[place] for place, _ in found} == near
    assert all(likeness == 1 - 1 / len(word) for _, likeness in found)


def edits(word: str) -> set[str]:
    """Every text one dropped, added, wrong or swapped letter from ``word``."""
    letters = "abc"
    made = {word[:i] + word[i + 1 :] for i in range(len(word))}
    for i, letter in product(range(len(word) + 1), letters):
        made |= {word[:i] + letter + word[i:], word[:i] + letter + word[i + 1 :]}
    made |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return made - {word}


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_one_error_is_one_edit(one, other):
    assert one_error(one, other) == (other in edits(one))


@given(st.lists(st.text("abc", min_size=2, max_size=5), unique=True), st.text("abc", min_size=2))
def test_nothing_near_is_missed(words, word):
    found = {words[place] for place, _ in Spelling(words).near(word)}
    assert found == {other for other in words if one_error(word, other)}
