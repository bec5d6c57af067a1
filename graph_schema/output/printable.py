"""Texts from data in a form that can do nothing to who looks at them.

Names, reviews and ids come from strangers. On a terminal a control sequence can clear the screen or
write into the clipboard; marks of writing direction can show a text in another order than it has;
tags of Unicode (U+E0000 to U+E007F) carry words that nobody sees.
"""

from __future__ import annotations

import re
from typing import Final

_DIRECTIONS: Final = "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates
_TAGS: Final = "\U000e0000-\U000e007f"
_OTHERS: Final = "\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ud800-\udfff"
# All that may not reach a terminal but line ends and tabs.
_UNPRINTABLE: Final = re.compile(f"[\x00-\x08\x0b-\x1f{_OTHERS}{_DIRECTIONS}{_TAGS}]")
_LINE_ENDS: Final = re.compile(r"[\t\n]")
_HIDDEN: Final = re.compile(f"[{_DIRECTIONS}{_TAGS}\ufff9-\ufffb]")
# Where a text is inside quotes of JSON or Cypher, which write these as \uXXXX.
_RISKY_INSIDE: Final = re.compile(f"[\x7f-\x9f\u2028\u2029\ufff9-\ufffb{_DIRECTIONS}{_TAGS}]")


def printable(text: str) -> str:
    """The text with ``\\u001b``, ``\\u202e`` and the like in place of what a terminal would obey.

    Line ends and tabs stay, and so do the marks that single words of Arabic or Hebrew need.
    """
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(_code, text)


def printable_line(text: str) -> str:
    """``printable``, on one line: line ends and tabs are written as ``\\n`` and ``\\t``."""
    return _LINE_ENDS.sub(lambda found: "\\n" if found[0] == "\n" else "\\t", printable(text))


def without_hidden(text: str) -> str:
    """The text without marks that change the direction of others, and without tags."""
    return text if text.isascii() else _HIDDEN.sub("", text)


def escaped_inside(text: str) -> str:
    """A text of JSON with such characters inside its strings as ``\\uXXXX``: the same values."""
    return text if text.isascii() else _RISKY_INSIDE.sub(_units, text)


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _units(found: re.Match[str]) -> str:
    """In UTF-16, as JSON has it."""
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
