"""Attribute columns as bags of tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kgrec.features.attribute_tokens import MIN_COUNT, AttributeTokens


def built(**columns: object) -> AttributeTokens:
    return AttributeTokens.build(pd.DataFrame(columns))


def bags(tokens: AttributeTokens, **columns: object) -> list[set[str]]:
    """Per row, the names of its tokens."""
    matrix = tokens.matrix(pd.DataFrame(columns)).tocsr()
    return [{tokens.tokens[t] for t in matrix[row].indices} for row in range(matrix.shape[0])]


GENRES = ["a|b", "a", "b", "a|c", "b|a", "b"]


def test_values_are_tokens_and_lists_are_split() -> None:
    tokens = built(genre=GENRES)
    assert tokens.tokens == ("genre=a", "genre=b")  # c is too rare to learn
    assert bags(tokens, genre=["a | b|a", "c", "", None]) == [
        {"genre=a", "genre=b"}, set(), set(), set(),
    ]  # fmt: skip


def test_rows_sum_to_one_or_nothing() -> None:
    tokens = built(genre=GENRES, sex=list("FMFMFM"))
    sums = np.asarray(
        tokens.matrix(pd.DataFrame({"genre": ["a|b", ""], "sex": ["F", None]})).sum(1)
    )
    np.testing.assert_allclose(sums.ravel(), [1.0, 0.0], atol=1e-6)
    matrix = tokens.matrix(pd.DataFrame({"genre": ["a|b"], "sex": ["F"]}))
    np.testing.assert_allclose(matrix.data, 1 / 3, atol=1e-6)
    assert matrix.dtype == np.float32


def test_a_column_that_names_rows_is_left_out() -> None:
    titles = [f"Title {n}" for n in range(30)]
    kinds = ["x", "y", "z"] * 10
    assert built(title=titles, kind=kinds).tokens == ("kind=x", "kind=y", "kind=z")


def test_rare_values_are_left_out() -> None:
    values = ["common"] * 10 + ["rare"] * (MIN_COUNT - 1)
    assert built(kind=values).tokens == ("kind=common",)


def test_few_numbers_are_categories_and_many_are_ranges() -> None:
    few = built(stars=[1, 2, 3, 4, 5] * 6)
    assert few.tokens == tuple(f"stars={n}" for n in range(1, 6))
    assert not few.edges
    many = built(year=list(range(1900, 2000)))
    assert set(many.edges) == {"year"}
    assert len(many.tokens) == 10
    low, middle, high = bags(many, year=[-5000, 1950, 9999])
    assert len({*low, *middle, *high}) == 3
    assert low == bags(many, year=[1900])[0]
    assert high == bags(many, year=[1999])[0]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2] * 5, dtype="int64"),
        pd.Series([1, 2] * 5, dtype="float64"),
        pd.Series([1, 2] * 5, dtype="Int64"),
        pd.Series([1.0, 2.0, None] * 4, dtype="float64"),
    ],
)
def test_a_number_is_one_token_whatever_its_type(column: pd.Series) -> None:
    """A missing value makes pandas turn whole numbers into floats; the token stays."""
    assert built(n=column).tokens == ("n=1", "n=2")


def test_truths_are_categories() -> None:
    assert built(adult=[True, False] * 5).tokens == ("adult=False", "adult=True")
    tokens = built(adult=[True, False] * 5)
    mixed = pd.Series([True, None], dtype=object)
    assert bags(tokens, adult=mixed) == [{"adult=True"}, set()]


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    frame = pd.DataFrame({"b": GENRES * 4, "a": list(range(24)), "c": list("xyz") * 8})
    shuffled = frame.sample(frac=1, random_state=0)[["c", "a", "b"]]
    one, other = AttributeTokens.build(frame), AttributeTokens.build(shuffled)
    assert (one.tokens, one.edges) == (other.tokens, other.edges)


def test_unknown_columns_and_no_rows_are_fine() -> None:
    tokens = built(kind=["x"] * 5 + ["y"] * 5)
    assert bags(tokens, other=["x"], kind=["y"]) == [{"kind=y"}]
    assert tokens.matrix(pd.DataFrame({"kind": []})).shape == (0, 2)
    assert AttributeTokens.build(pd.DataFrame(index=range(3))).tokens == ()
    assert AttributeTokens.build(pd.DataFrame({"kind": [None, None]})).tokens == ()


def test_a_few_rows_have_the_tokens_that_they_have_among_many() -> None:
    rng = np.random.default_rng(0)
    texts = np.array(["a|b", " a | c", "b", "", "a|a|b", None, "x y|z", "é|b"], dtype=object)
    frame = pd.DataFrame(
        {
            "genre": rng.choice(texts, size=120),
            "price": rng.integers(60, size=120).astype(float),
            "old": pd.array(rng.random(120) < 0.5, dtype="boolean"),
        }
    )
    tokens = AttributeTokens.build(frame)
    whole = tokens.matrix(frame)
    for first in range(0, 120, 7):
        few = tokens.matrix(frame.iloc[first : first + 7].reset_index(drop=True))
        expected = whole[first : first + 7]
        np.testing.assert_array_equal(few.indices, expected.indices)
        np.testing.assert_array_equal(few.data, expected.data)
        np.testing.assert_array_equal(few.indptr, expected.indptr)
