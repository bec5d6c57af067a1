"""A text in which every word is tinted by its contribution to a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kgrec.visualization.canvas import Canvas, canvas, text_widths
from kgrec.visualization.notebook import escaped
from kgrec.visualization.style import INK, NEGATIVE, check_suffix, tint
from kgrec.visualization.text_wrap import clean, wrap

MAX_WORDS = 300  # of a longer text, the window with the largest contributions is shown
RAISES = "#0072B2"
SIZE, WIDTH, LINE = 11, 8.0, 0.34  # points, inches, inches
MAX_CHARS = 40  # of a word
_FAINT = 0.05  # of the largest contribution: less looks like white
_GAP, _MARGIN, _HEAD, _FOOT = 0.055, 0.35, 1.0, 0.55  # inches


def draw_words(
    words: Sequence[str], contributions: np.ndarray, path: Path, *, title: str, note: str
) -> Path:
    """Draw the text: blue words raised the number, orange underlined ones lowered it.

    The deeper the colour, the larger the contribution.

    Parameters
    ----------
    words : sequence of str
        At least one word.
    contributions : ndarray
        float64 ``[n]``, one number per word.
    path : Path
        A name that ends in .png, .svg or .pdf.
    title, note : str
        The heading and the line below it.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    RequestError
        If the name ends otherwise.
    MissingExtraError
        If matplotlib is not installed.
    """
    check_suffix(path)
    first, last = _window(contributions)
    shown = [_shortened(word) for word in words[first:last]]
    values = contributions[first:last] / max(float(np.abs(contributions).max()), 1e-12)
    if first > 0 or last < len(words):
        note += f" Shown are words {first + 1} to {last} of {len(words)}."
    places = _places(shown)
    height = LINE * (places[-1][1] + 1)
    with canvas((-_MARGIN, WIDTH + _MARGIN), (-height - _FOOT, _HEAD)) as sheet:
        for word, value, (x, line, width) in zip(shown, values, places, strict=True):
            _draw_word(sheet, word, float(value), (x, -LINE * (line + 0.5)), width)
        head = wrap(title, 76, 2)
        sheet.text(0, _HEAD - 0.15, "\n".join(head), fontsize=13, fontweight="bold", va="top")
        below = _HEAD - 0.22 - 0.22 * len(head)
        sheet.text(0, below, "\n".join(wrap(note, 108, 2)), fontsize=9, va="top")
        _draw_legend(sheet, -height - 0.3)
        sheet.save(path)
    return path


def words_html(words: Sequence[str], contributions: np.ndarray) -> str:
    """The same text as HTML: every word in a tint of its contribution, which its title gives."""
    first, last = _window(contributions)
    values = contributions / max(float(np.abs(contributions).max(initial=0.0)), 1e-12)
    shown = [
        _word_html(words[n], float(values[n]), float(contributions[n])) for n in range(first, last)
    ]
    if first > 0 or last < len(words):
        shown.append(f"(words {first + 1} to {last} of {len(words)})")
    return f"<p>{' '.join(shown)}</p>"


def _word_html(word: str, value: float, contribution: float) -> str:
    text = escaped(_shortened(word))
    if abs(value) < _FAINT:
        return text
    red, green, blue = (round(255 * part) for part in _tint_of(value))
    line = ";text-decoration:underline" if value < 0 else ""
    style = f"background:rgb({red},{green},{blue});color:{INK}{line}"
    return f'<span style="{style}" title="{contribution:+.4f}">{text}</span>'


def _tint_of(value: float) -> tuple[float, float, float]:
    return tint(RAISES if value >= 0 else NEGATIVE, 0.12 + 0.5 * abs(value))


def _window(contributions: np.ndarray) -> tuple[int, int]:
    """First and last (exclusive) word shown: the MAX_WORDS in a row that contribute most."""
    if len(contributions) <= MAX_WORDS:
        return 0, len(contributions)
    sums = np.concatenate([[0.0], np.cumsum(np.abs(contributions))])
    first = int(np.argmax(sums[MAX_WORDS:] - sums[:-MAX_WORDS]))
    return first, first + MAX_WORDS


def _shortened(word: str) -> str:
    shown = clean(word)
    return shown if len(shown) <= MAX_CHARS else shown[: MAX_CHARS - 1] + "…"


def _places(words: Sequence[str]) -> list[tuple[float, int, float]]:
    """(x in inches, line, width in inches) of each word."""
    places = []
    x, line = 0.0, 0
    for width in text_widths(words, SIZE):
        if x and x + width > WIDTH:
            x, line = 0.0, line + 1
        places.append((x, line, width))
        x += width + 2 * _GAP
    return places


def _draw_word(
    sheet: Canvas, word: str, value: float, place: tuple[float, float], width: float
) -> None:
    x, y = place
    left, low, high = x - _GAP * 0.8, y - 0.12, 0.25
    if abs(value) >= _FAINT:
        sheet.rectangle((left, low), (width + 1.6 * _GAP, high), _tint_of(value))
    if value <= -_FAINT:
        sheet.underline(x, x + width, low, NEGATIVE)
    sheet.text(x, y, word, fontsize=SIZE, va="center_baseline")


def _draw_legend(sheet: Canvas, y: float) -> None:
    x = 0.0
    for colour, text in ((RAISES, "raised the score"), (NEGATIVE, "lowered it (underlined)")):
        sheet.rectangle((x, y - 0.09), (0.25, 0.18), tint(colour, 0.55))
        sheet.text(x + 0.33, y, text, fontsize=9, va="center", color=INK)
        x += 2.0
