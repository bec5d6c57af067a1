"""clean_text: plain text from a catalog's values, without markup, control characters and binary."""

from __future__ import annotations

import html
import re

_MARKS = ("<", "&", "\ufffd", "  ")
_HIDDEN = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]*>|<![^<>]*>", re.DOTALL)
_NOISE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\u200b\ufeff]")
_UNBROKEN = re.compile(r"[^\s\u0e00-\u9fff\uac00-\ud7af]{80,}")
_RUN = 80  # characters without a space; no word is that long
_SPACE = re.compile(r"\s+")
_BINARY_SHARE = 0.1


def clean_text(value: object, max_chars: int = 100_000) -> str:
    """Clean a value to one line of plain text.

    Bytes are decoded as UTF-8; HTML tags, scripts, styles, comments and control characters are
    removed; HTML entities (&amp;) are decoded; runs of 80 characters or more without a space
    (base64, URLs) are removed, except in writing systems without spaces.

    Parameters
    ----------
    value
        Text or bytes; any other type counts as no text.
    max_chars
        Only so many characters are read.

    Returns
    -------
    str
        One line of at most ``max_chars`` characters; "" where there is no text, or where more than
        a tenth of the characters are control or replacement characters (binary data).
    """
    if isinstance(value, bytes):
        value = value[: 4 * max_chars].decode("utf-8", errors="replace")
    if not isinstance(value, str):
        return ""
    text = value[:max_chars].strip()
    if not _needs_cleaning(text):
        return text
    if len(_NOISE.findall(text)) > _BINARY_SHARE * len(text):
        return ""
    text = _TAG.sub(" ", _HIDDEN.sub(" ", text))
    text = _TAG.sub(" ", html.unescape(text))
    text = _UNBROKEN.sub(" ", _NOISE.sub(" ", _INVISIBLE.sub(" ", text)))
    return _SPACE.sub(" ", text).strip()


def _needs_cleaning(text: str) -> bool:
    """A fast check, because most texts are clean: ``isprintable`` is False for control characters,
    surrogates and every space except " "."""
    if not text.isprintable() or any(mark in text for mark in _MARKS):
        return True
    return len(text) >= _RUN and max(map(len, text.split(" "))) >= _RUN
