"""Names as typed: typing errors, pieces of words, and names within longer queries."""

import numpy as np
import pytest
from scipy import sparse

from graph_schema.errors import RequestError
from kgrec.search.name_index import TfidfIndex, weighted_columns

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
    "Antz",
]
INDEX = TfidfIndex.build(NAMES)


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
        ("spilbrg", 7),  # two errors: pieces of the word
        ("Atnz", 10),
    ],
)
def test_finds_what_was_meant(query, expected):
    assert INDEX.search(query)[0][0] == expected


def test_equal_texts_are_one_and_ties_go_by_row():
    rows, scores = INDEX.search("Toy Story", 3)
    assert rows.tolist() == [3, 9, 4]
    assert scores[0] == pytest.approx(1.0)
    assert scores[0] == scores[1] > scores[2] > 0
    assert INDEX.scores("Toy Story").max() <= 1.0 + 1e-6


def test_unknown_letters_lower_the_score():
    assert INDEX.search("amelie")[1][0] > INDEX.search("amelie qqqq")[1][0]


def test_names_within_a_longer_query():
    found = INDEX.contained_in("films by steven spielberg like toy story please")
    assert found.tolist() == [3, 7, 9]
    assert INDEX.contained_in("amelie").tolist() == []  # one word may mean anything
    assert INDEX.contained_in("steven spielburg").tolist() == []


@pytest.mark.parametrize("query", ["", "   ", "!!!", "日本"])
def test_nothing_in_common(query):
    rows, scores = INDEX.search(query)
    assert len(rows) == len(scores) == 0


def test_empty_index():
    assert len(TfidfIndex.build([])) == 0
    assert len(TfidfIndex.build([]).search("a")[0]) == 0
    assert len(TfidfIndex.build(["", "!"]).search("a")[0]) == 0


def test_k_must_be_positive():
    with pytest.raises(RequestError, match="at least one"):
        INDEX.search("toy", 0)


def test_weighted_columns_are_a_product():
    dense = np.array([[1.0, 0, 2], [0, 3, 0], [4, 0, 5], [0, 0, 0]])
    matrix = sparse.csc_matrix(dense)
    columns, weights = np.array([2, 0]), np.array([0.5, -1.0])
    np.testing.assert_allclose(
        weighted_columns(matrix, columns, weights), dense[:, columns] @ weights
    )
    squared = weighted_columns(matrix, columns, weights, power=2)
    np.testing.assert_allclose(squared, dense[:, columns] ** 2 @ weights)
    assert weighted_columns(matrix, columns[:0], weights[:0]).tolist() == [0.0] * 4
