import pytest

from graph_schema.errors import RequestError
from kgrec.cli.options import parse_conditions, split_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1", ["1"]),
        ("1, 2,3", ["1", "2", "3"]),
        ('"a,b",c', ["a,b", "c"]),
        ("", []),
    ],
)
def test_split_list(text: str | None, expected: list[str] | None) -> None:
    assert split_list(text) == expected


def test_conditions_become_ranges_lists_and_values() -> None:
    texts = ["year=1990..1999", "price=..5", "genres=Drama,War", "title=A = B", " kind = x "]
    assert parse_conditions(texts) == {
        "year": (1990.0, 1999.0),
        "price": (None, 5.0),
        "genres": ["Drama", "War"],
        "title": "A = B",
        "kind": "x",
    }


def test_no_condition_is_no_filter() -> None:
    assert parse_conditions([]) is None
    assert parse_conditions(None) is None


@pytest.mark.parametrize("text", ["year", "=1990", "year=a..b"])
def test_a_wrong_condition_says_what_is_expected(text: str) -> None:
    with pytest.raises(RequestError, match=r"LOW\.\.HIGH"):
        parse_conditions([text])
