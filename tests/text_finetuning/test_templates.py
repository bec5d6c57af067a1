"""Sentences out of fields: parts in brackets go with their field; wrong templates are refused."""

import pytest

from kgrec.errors import RequestError
from kgrec.text_finetuning.templates import field_names, filled, told_by_facts

TEMPLATE = "{title}[ is a {category}][ by {brand}]"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"title": "Strat", "category": "guitar", "brand": "Fender"},
            "Strat is a guitar by Fender",
        ),
        ({"title": "Strat", "brand": "Fender"}, "Strat by Fender"),
        ({"title": "Strat", "brand": " "}, "Strat"),
        ({"brand": "Fender"}, ""),
        ({}, ""),
    ],
)
def test_missing_fields_take_their_part_with_them(fields, text):
    assert filled(TEMPLATE, fields) == text


def test_values_are_not_read_as_templates():
    assert filled(TEMPLATE, {"title": "{brand} [x]"}) == "{brand} [x]"


@pytest.mark.parametrize(
    "wrong", ["{title", "{title}]", "[{title}", "[[{title}]]", "{0}", "{a.b}", "{a!r}", "{a:>9}"]
)
def test_wrong_templates_are_refused_with_the_cure(wrong):
    with pytest.raises(RequestError, match="template"):
        filled(wrong, {"title": "x", "a": "x"})


def test_the_names_are_listed():
    assert field_names(TEMPLATE) == ["title", "category", "brand"]


def test_facts_make_sentences():
    assert told_by_facts({"director": ["Ann", "Bo"], "empty": [], "genre": list("abcdefg")}) == (
        "director: Ann, Bo. genre: a, b, c, d, e."
    )
    assert told_by_facts({}) == ""
