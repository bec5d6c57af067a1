"""clean_text on what real catalogs hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgrec.text import clean_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Plain text, as it is.", "Plain text, as it is."),
        ("  two\n\nlines\tand  spaces ", "two lines and spaces"),
        ("Tom &amp; Jerry &lt;b&gt;bold&lt;/b&gt;", "Tom & Jerry bold"),
        ("<p class='x'>A <b>film</b><br/>of 1999</p>", "A film of 1999"),
        ("<script>var a = '<b>';</script>Seen", "Seen"),
        ("<style>p {color: red}", ""),
        ("before <!-- hidden <b> --> after", "before after"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("word " + "QUJD" * 40 + " word", "word word"),
        ("這是一部電影" * 30, "這是一部電影" * 30),
        ("zero\u200bwidth\ufeff", "zero width"),
        ("half \ud800 a surrogate", "half a surrogate"),
        ("caf\u00e9 \u2014 na\u00efve", "caf\u00e9 \u2014 na\u00efve"),
        (b"bytes in UTF-8: \xc3\xa9", "bytes in UTF-8: é"),
        (b"Latin \xe9 and UTF-8 \xc3\xa9 mixed", "Latin and UTF-8 é mixed"),
        ("UTF-16 in error".encode("utf-16"), ""),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", ""),
        ("\x00\x01\x02binary", ""),
        (None, ""),
        (float("nan"), ""),
        (12, ""),
        ("", ""),
    ],
)
def test_examples(value, expected):
    assert clean_text(value) == expected


@given(st.text(max_size=300))
def test_gives_one_clean_line_and_is_bounded(text):
    cleaned = clean_text(text)
    assert cleaned == cleaned.strip()
    assert "\n" not in cleaned
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")  # what the tokenizer needs
    assert len(clean_text(text, max_chars=10)) <= 10


def test_hostile_markup_takes_no_time():
    for hostile in ("<!--" * 25_000, "<script>" * 12_000, "<" * 100_000, "&lt;a" * 20_000):
        clean_text(hostile)
