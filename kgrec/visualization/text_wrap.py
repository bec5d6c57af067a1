"""Wrap names from data into lines of text that fit a box."""

from __future__ import annotations

import unicodedata

from graph_schema.output.printable import without_hidden

MAX_LINES = 3


def clean(text: str) -> str:
    """Put the text on one line, without characters that can't be drawn or written to a file, that
    change the direction of others, or that nobody sees."""
    seen = without_hidden(text)
    shown = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in seen)
    return " ".join(shown.split())


def wrap(text: str, width: int, max_lines: int = MAX_LINES) -> list[str]:
    """Split into lines of at most ``width`` narrow characters (wide ones count twice).

    After ``max_lines`` the text is cut with “…”.
    """
    lines: list[str] = [""]
    for word in clean(text).split(" "):
        pieces = _pieces(word, width)
        for i, piece in enumerate(pieces):
            glue = "" if i or not lines[-1] else " "
            if _width(lines[-1] + glue + piece) <= width:
                lines[-1] += glue + piece
            else:
                lines.append(piece)
    if len(lines) > max_lines:
        lines = lines[:max_lines]
        while lines[-1] and _width(lines[-1]) > width - 1:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…"
    return lines


def _pieces(word: str, width: int) -> list[str]:
    """Cut a word into pieces that fit a line."""
    pieces = [""]
    for character in word:
        if _width(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
