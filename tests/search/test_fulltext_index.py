"""BM25 by hand, phrases, and words with an error."""

import math

import numpy as np
import pytest

from kgrec.search.fulltext_index import K1, MAX_WORDS, B, FullTextIndex

TITLES = ["Red River", "The River Wild", ""]
PLOTS = [
    "A cattle drive, and a river to cross. A son rebels.",
    "A family rafts down a wild river; two men take the raft.",
    "Two men rob a train.",
]
INDEX = FullTextIndex.build([TITLES, PLOTS])


def bm25(texts: list[str], word: str, row: int) -> float:
    """The textbook's formula, a word and a text at a time."""
    split = [[w.strip(".,;").lower() for w in text.split()] for text in texts]
    filled = [words for words in split if words]
    holding = sum(word in words for words in split)
    idf = math.log(1 + (len(filled) - holding + 0.5) / (holding + 0.5))
    mean = sum(map(len, filled)) / len(filled)
    count = split[row].count(word)
    return idf * count / (count + K1 * (1 - B + B * len(split[row]) / mean))


def test_scores_are_the_sum_of_both_fields():
    scores, most = INDEX.scores("wild river a")
    expected = [
        sum(bm25(field, word, row) for field in (TITLES, PLOTS) for word in ("wild", "river", "a"))
        for row in range(3)
    ]
    assert scores == pytest.approx(expected, rel=1e-5)
    assert most >= scores.max()
    twice, _ = INDEX.scores("river river")
    assert twice == pytest.approx(2 * INDEX.scores("river")[0], rel=1e-5)


def test_an_unknown_word_stands_for_its_neighbours():
    assert INDEX.scores("trian")[0].argmax() == 2
    assert INDEX.scores("trian")[0].max() < INDEX.scores("train")[0].max()
    # A word that is known is taken as it is, however near others are: "raft", "rafts".
    assert INDEX.scores("raft")[0].max() == pytest.approx(bm25(PLOTS, "raft", 1), rel=1e-5)


def test_phrases_are_pairs_of_neighbours_within_one_field():
    rows = np.arange(3)
    assert INDEX.phrases("two men", rows).tolist() == [0, 1, 1]
    assert INDEX.phrases("men two", rows).tolist() == [0, 0, 0]
    assert INDEX.phrases("two men rob", rows).tolist() == [0, 0.5, 1]
    assert INDEX.phrases("wild a", rows).tolist() == [0, 0, 0]  # a title's end, a plot's start
    assert INDEX.phrases("wild river", np.array([1])).tolist() == [1]
    assert INDEX.phrases("river", rows).tolist() == [0, 0, 0]


@pytest.mark.parametrize("query", ["", "?!", "qqqqqq", "日本"])
def test_nothing_in_common(query):
    scores, most = INDEX.scores(query)
    assert scores.tolist() == [0, 0, 0]
    assert most == 0
    assert INDEX.phrases(query, np.arange(3)).tolist() == [0, 0, 0]


def test_nothing_to_search():
    assert len(FullTextIndex.build([[]])) == 0
    empty = FullTextIndex.build([["", ""]])
    assert empty.scores("river")[0].tolist() == [0, 0]
    assert empty.phrases("a river", np.arange(2)).tolist() == [0, 0]


def test_a_long_query_is_cut():
    many = " ".join(["zzzz"] * MAX_WORDS) + " river"
    assert INDEX.scores(many)[1] == 0
