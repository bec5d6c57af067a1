"""What identifies people in texts: rules, reports by file and row, masks, and names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema import Catalog
from graph_schema.errors import RequestError
from graph_schema.privacy.text_rules import Found, find_numbers, is_card, is_iban
from graph_schema.privacy.texts import masked_text, scan_texts

CARD = "4111 1111 1111 1111"  # the schemes' own test number
IBAN = "DE89 3704 0044 0532 0130 00"  # the example of the registry


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("write to ada.l+x@mail.example.org.", "mail", "ada.l+x@mail.example.org"),
        (f"card {CARD}, thanks", "card", CARD),
        ("4111111111111111", "card", "4111111111111111"),
        (f"to {IBAN} OK GREAT", "iban", IBAN),
        ("GB82WEST12345698765432", "iban", "GB82WEST12345698765432"),
        ("call +49 (0)30 1234567!", "phone", "+49 (0)30 1234567"),
        ("call (555) 234-5678", "phone", "(555) 234-5678"),
        ("030 / 123456", "phone", "030 / 123456"),
        ("0049 30 1234567", "phone", "0049 30 1234567"),
    ],
)
def test_it_finds(text: str, kind: str, part: str) -> None:
    (found,) = find_numbers(text)
    assert (found.kind, text[found.start : found.end]) == (kind, part)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1999-2004, 10/10 would buy again",
        "card 4111 1111 1111 1112",  # a wrong check digit
        "GB82WEST12345698765431",
        "ISBN 978-3-16-148410-0",
        "12345678901234567890123456789",
        "@home a@b 3 @ 5",
        "2001: 100 200 300",
        "\ud800 @ \0",
    ],
)
def test_it_leaves_other_numbers_alone(text: str) -> None:
    assert find_numbers(text) == []


@given(st.integers(10**14, 10**15 - 1))
def test_each_number_has_one_check_digit(number: int) -> None:
    assert sum(is_card(f"{number}{digit}") for digit in range(10)) == 1


def test_an_account_has_its_countrys_length() -> None:
    plain = IBAN.replace(" ", "")
    assert is_iban(plain)
    assert not is_iban(plain + "0")
    assert not is_iban("XX" + plain[2:])


@given(st.text(alphabet="ab @.0123456789+-()DE\n", max_size=80))
def test_findings_are_in_order_and_apart(text: str) -> None:
    found = find_numbers(text)
    ends = [place for one in found for place in (one.start, one.end)]
    assert ends == sorted(ends)
    assert masked_text(text, []) == text


def test_long_texts_of_digits_take_no_time_that_grows_with_their_square() -> None:
    """A pattern that goes back over all that it read would not end here."""
    for hostile in (
        "1 " * 100_000,
        "a" * 200_000 + "@",
        "a@" + "a." * 50_000,
        "DE11 " + "A" * 200_000,
    ):
        find_numbers(hostile)


def sample() -> Catalog:
    return Catalog.from_frames(
        users=pd.DataFrame({"user_id": ["u", "v"], "about": ["I am u", "mail v@example.org"]}),
        items=pd.DataFrame({"item_id": ["i"], "title": ["call 030 / 123456"]}),
        interactions=pd.DataFrame({"user_id": ["u"], "item_id": ["i"]}),
        reviews=pd.DataFrame(
            {"user_id": ["u", "v"], "item_id": ["i", "i"], "text": ["fine", f"paid by {CARD}"]}
        ),
        queries=pd.DataFrame({"text": [f"Ada {IBAN}"], "user_id": ["u"]}),
        sources={"reviews": "reviews.csv"},
        rows={"reviews": pd.Series([2, 3]).to_numpy()},
    )


def test_the_report_names_places_and_no_words() -> None:
    catalog, report = scan_texts(sample())
    assert report.counts == {"card": 1, "iban": 1, "mail": 1}
    assert "reviews.csv, row 3, column text: card" in str(report)
    assert "4111" not in f"{report} {report.to_dict()}"
    assert "left as they are" in str(report)
    assert catalog.equals(sample())


def test_masks_take_the_place_of_what_was_found() -> None:
    catalog, report = scan_texts(sample(), mask=True)
    assert catalog.reviews["text"].tolist() == ["fine", "paid by [card]"]
    assert catalog.users["about"].tolist() == ["I am u", "mail [mail]"]
    assert catalog.queries["text"].tolist() == ["Ada [iban]"]
    assert catalog.items.equals(sample().items)  # what the shop wrote
    assert scan_texts(catalog)[1].findings == ()
    assert report.masked


def test_names_come_from_a_finder_and_yield_to_the_rules() -> None:
    def ada(text: str) -> list[Found]:
        return [Found("name", 0, 3), Found("name", 2, 9)] if text.startswith("Ada") else []

    catalog, report = scan_texts(sample(), mask=True, names=ada)
    assert catalog.queries["text"].tolist() == ["[name] [iban]"]
    assert report.counts["name"] == 1


@pytest.mark.slow
def test_presidio_finds_numbers_alone_and_names_with_a_pipeline(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    from graph_schema.privacy.presidio import presidio_finder

    text = "Ada Lovelace, 078-05-1120, from 10.0.0.1"
    alone = {text[one.start : one.end]: one.kind for one in presidio_finder()(text)}
    assert alone["10.0.0.1"] == "address"
    assert "Ada Lovelace" not in alone
    pipeline = spacy.blank("en")
    rules = pipeline.add_pipe("entity_ruler")
    rules.add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])
    pipeline.to_disk(tmp_path / "pipeline")
    found = presidio_finder(tmp_path / "pipeline")(text)
    assert Found("name", 0, 12) in found
    for wrong in (tmp_path / "missing", "no_such_pipeline"):
        with pytest.raises(RequestError, match="there is no spaCy pipeline"):
            presidio_finder(wrong)
    with pytest.raises(RequestError, match="there is no language"):
        presidio_finder(language="xx-none")
