"""Lexical look-up with typing errors, and reciprocal-rank fusion."""

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.text import LexicalIndex, reciprocal_rank_fusion

NAMES = [
    "The Terminator",
    "Terminator 2: Judgment Day",
    "Amélie",
    "Toy Story",
    "Toy Story 2",
    "Star Wars",
    "Star Trek",
    "Steven Spielberg",
    "",
    "Toy Story",
]
INDEX = LexicalIndex.build(NAMES)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("terminator", 0),
        ("teminator", 0),
        ("TERMINATOR judgement", 1),
        ("amelie", 2),
        ("toy story 2", 4),
        ("star wrs", 5),
        ("spielburg", 7),
    ],
)
def test_finds_what_was_meant(query, expected):
    assert INDEX.search(query)[0][0] == expected


def test_scores_are_cosines_with_ties_by_row():
    rows, scores = INDEX.search("Toy Story", 3)
    assert rows.tolist() == [3, 9, 4]
    assert scores[0] == pytest.approx(1.0)
    assert scores[0] == scores[1] > scores[2] > 0


def test_unknown_letters_lower_the_score():
    assert INDEX.search("amelie")[1][0] > INDEX.search("amelie qqqq")[1][0]


@pytest.mark.parametrize("query", ["", "   ", "!!!", "日本"])
def test_nothing_in_common(query):
    rows, scores = INDEX.search(query)
    assert len(rows) == len(scores) == 0


def test_empty_index():
    assert len(LexicalIndex.build([])) == 0
    assert len(LexicalIndex.build([]).search("a")[0]) == 0
    assert len(LexicalIndex.build(["", "!"]).search("a")[0]) == 0


def test_k_must_be_positive():
    with pytest.raises(RequestError, match="at least one"):
        INDEX.search("toy", 0)


def test_fusion_by_hand():
    rows, scores = reciprocal_rank_fusion([np.array([5, 7, -1]), np.array([7, 2])], k=3)
    assert rows.tolist() == [7, 5, 2]
    assert scores == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
    tied, _ = reciprocal_rank_fusion([np.array([9]), np.array([4])])
    assert tied.tolist() == [4, 9]
    weighted, _ = reciprocal_rank_fusion([np.array([9]), np.array([4])], weights=[2.0, 1.0])
    assert weighted.tolist() == [9, 4]
    with pytest.raises(RequestError, match="one each"):
        reciprocal_rank_fusion([np.array([9])], weights=[1.0, 1.0])
