"""Sentences out of fields: parts in brackets go with their field; wrong templates are refused."""

import pytest

from kgrec.errors import RequestError
from kgrec.text_finetuning.templates import facts_as_text, field_names, fill_template

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
    assert fill_template(TEMPLATE, fields) == text


def test_values_are_not_read_as_templates():
    assert fill_template(TEMPLATE, {"title": "{brand} [x]"}) == "{brand} [x]"


@pytest.mark.parametrize(
    "wrong", ["{title", "{title}]", "[{title}", "[[{title}]]", "{0}", "{a.b}", "{a!r}", "{a:>9}"]
)
def test_wrong_templates_are_refused_with_the_cure(wrong):
    with pytest.raises(RequestError, match="template"):
        fill_template(wrong, {"title": "x", "a": "x"})


def test_the_names_are_listed():
    assert field_names(TEMPLATE) == ["title", "category", "brand"]


def test_facts_make_sentences():
    assert facts_as_text({"director": ["Ann", "Bo"], "empty": [], "genre": list("abcdefg")}) == (
        "director: Ann, Bo. genre: a, b, c, d, e."
    )
    assert facts_as_text({}) == ""
