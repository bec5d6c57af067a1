"""A text with every word tinted by what it added to a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from kgrec.visualization.style import (
    AGAINST,
    INK,
    canvas,
    check_suffix,
    put_text,
    save,
    style,
    tint,
)
from kgrec.visualization.text_wrap import clean, wrap

MOST = 300  # words that a picture shows; of a longer text those around the heaviest
RAISES = "#0072B2"
SIZE, WIDTH, LINE = 11, 8.0, 0.34  # points, inches, inches
_GAP, _MARGIN, _HEAD, _FOOT = 0.055, 0.35, 1.0, 0.55
_LONGEST = 40  # characters of a word


def draw_words(
    words: Sequence[str], shares: np.ndarray, path: Path, *, title: str, note: str
) -> Path:
    """Save the text as PNG, SVG or PDF: blue words raised the number, orange underlined ones
    lowered it, the deeper the more. Raises RequestError for another suffix."""
    check_suffix(path)
    first, last = _window(shares)
    shown = [_cut(word) for word in words[first:last]]
    begun, cut = first > 0, last < len(words)
    values = shares[first:last] / max(float(np.abs(shares).max()), 1e-12)
    with matplotlib.rc_context(style()):
        places = _flow(shown)
        height = LINE * (places[-1][1] + 1)
        figure, axes = canvas((-_MARGIN, WIDTH + _MARGIN), (-height - _FOOT, _HEAD))
        for word, value, (x, line, wide) in zip(shown, values, places, strict=True):
            _put_word(axes, word, float(value), x, -LINE * (line + 0.5), wide)
        head = wrap(title, 76, 2)
        put_text(axes, 0, _HEAD - 0.15, "\n".join(head), fontsize=13, fontweight="bold", va="top")
        cut_note = (
            f" Shown are words {first + 1} to {last} of {len(words)}." if begun or cut else ""
        )
        place = _HEAD - 0.22 - 0.22 * len(head)
        put_text(axes, 0, place, "\n".join(wrap(note + cut_note, 108, 2)), fontsize=9, va="top")
        _legend(axes, -height - 0.3)
        save(figure, path)
    return path


def _window(shares: np.ndarray) -> tuple[int, int]:
    """The words that are shown: of a long text the run of MOST with the largest shares."""
    if len(shares) <= MOST:
        return 0, len(shares)
    sums = np.concatenate([[0.0], np.cumsum(np.abs(shares))])
    first = int(np.argmax(sums[MOST:] - sums[:-MOST]))
    return first, first + MOST


def _cut(word: str) -> str:
    shown = clean(word)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _flow(words: Sequence[str]) -> list[tuple[float, int, float]]:
    """Per word where it begins (inches), its line, and how wide it is."""
    font = FontProperties(family=matplotlib.rcParams["font.family"], size=SIZE)
    places = []
    x, line = 0.0, 0
    for word in words:
        wide = text_to_path.get_text_width_height_descent(word, font, False)[0] / 72
        if x and x + wide > WIDTH:
            x, line = 0.0, line + 1
        places.append((x, line, wide))
        x += wide + 2 * _GAP
    return places


def _put_word(axes: Axes, word: str, value: float, x: float, y: float, wide: float) -> None:
    colour = RAISES if value >= 0 else AGAINST
    left, low, high = x - _GAP * 0.8, y - 0.12, 0.25
    if abs(value) >= 0.05:  # less can't be told from white
        face = tint(colour, 0.12 + 0.5 * abs(value))
        axes.add_patch(Rectangle((left, low), wide + 1.6 * _GAP, high, facecolor=face, lw=0))
    if value <= -0.05:
        axes.plot([x, x + wide], [low, low], color=AGAINST, linewidth=1.5, solid_capstyle="butt")
    put_text(axes, x, y, word, fontsize=SIZE, va="center_baseline")


def _legend(axes: Axes, y: float) -> None:
    x = 0.0
    for colour, text in ((RAISES, "raised the score"), (AGAINST, "lowered it (underlined)")):
        axes.add_patch(Rectangle((x, y - 0.09), 0.25, 0.18, facecolor=tint(colour, 0.55), lw=0))
        put_text(axes, x + 0.33, y, text, fontsize=9, va="center", color=INK)
        x += 2.0
