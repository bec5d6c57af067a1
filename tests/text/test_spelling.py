"""Words one typing error away, compared with every edit of a word written out."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgrec.text.spelling import SpellingIndex

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
    found = SpellingIndex(WORDS).similar(word)
    assert {WORDS[row] for row, _ in found} == near
    assert all(similarity == 1 - 1 / len(word) for _, similarity in found)


def edits(word: str) -> set[str]:
    """Every text one dropped, added, wrong or swapped letter from ``word``."""
    letters = "abc"
    made = {word[:i] + word[i + 1 :] for i in range(len(word))}
    for i, letter in product(range(len(word) + 1), letters):
        made |= {word[:i] + letter + word[i:], word[:i] + letter + word[i + 1 :]}
    made |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return made - {word}


@given(st.lists(st.text("abc", min_size=2, max_size=5), unique=True), st.text("abc", min_size=2))
def test_exactly_the_words_one_edit_away_are_found(words, word):
    found = {words[row] for row, _ in SpellingIndex(words).similar(word)}
    assert found == {other for other in words if other in edits(word)}
