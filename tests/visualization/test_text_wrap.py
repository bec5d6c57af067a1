"""Names on as many lines as fit, without what can't be drawn."""

from __future__ import annotations

import pytest

from kgrec.visualization import text_wrap as words


@pytest.mark.parametrize("text", ["", " ", "a" * 200, "two words " * 30, "映画" * 40, "a\nb\tc"])
def test_lines_fit(text: str) -> None:
    lines = words.wrap(text, 20)
    assert 1 <= len(lines) <= words.MAX_LINES
    assert all(words._width(line) <= 20 for line in lines)
    if len(text) > 100:
        assert lines[-1].endswith("…")


def test_control_characters_are_removed() -> None:
    assert words.clean("a\x00b\ud800\n c") == "a b c"
