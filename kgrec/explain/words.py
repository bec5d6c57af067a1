"""WordContributions: what the words of one text added to one score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kgrec.explain.explained_path import signed
from kgrec.graph.snapshot import Floats
from kgrec.visualization.word_plot import draw_words

_TOLD = 8


@dataclass(frozen=True, eq=False)
class WordContributions:
    """``words`` of ``source`` (which text it is, in words) and what each added to ``score``,
    float64 ``[n]``.

    ``hidden`` is the score with all its words hidden. By ``method`` "gradients" the contributions
    add up to score − hidden − ``left``, and ``left`` is small; by "occlusion" each is what the
    score loses without the word, and they need not add up.
    """

    user_id: str
    item_id: str
    item_name: str
    source: str
    text_id: str
    method: str
    words: tuple[str, ...]
    contributions: Floats
    score: float
    hidden: float

    @property
    def left(self) -> float:
        """score − hidden − the sum of the contributions."""
        return self.score - self.hidden - float(self.contributions.sum())

    def strongest(self, k: int = _TOLD) -> list[tuple[str, float]]:
        """The ``k`` words that moved the score most, either way, with what each added."""
        order = np.argsort(-np.abs(self.contributions), kind="stable")[:k]
        return [(self.words[n], float(self.contributions[n])) for n in order]

    def draw(self, path: str | Path) -> Path:
        """The text with tinted words, as PNG, SVG or PDF by the suffix. Raises RequestError."""
        title = f"“{self.item_name}” for user {self.user_id}: {self.source}"
        return draw_words(
            self.words, self.contributions, Path(path), title=title, note=f"{self._summary()}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        told = zip(self.words, self.contributions.tolist(), strict=True)
        return {
            "user_id": self.user_id,
            "item_id": self.item_id,
            "item_name": self.item_name,
            "source": self.source,
            "text_id": self.text_id,
            "method": self.method,
            "score": self.score,
            "hidden": self.hidden,
            "left": self.left,
            "words": [{"word": word, "contribution": value} for word, value in told],
        }

    def __str__(self) -> str:
        lines = [f"“{self.item_name}” for user {self.user_id}, {self.source}: {self._summary()}"]
        lines += [f"  {signed(value)}  {word}" for word, value in self.strongest()]
        return "\n".join(lines)

    def _summary(self) -> str:
        moved = signed(self.score - self.hidden)
        way = "one word left out at a time"
        if self.method == "gradients":
            way = f"integrated gradients, {signed(self.left)} left"
        return f"score {self.score:.3f}, {moved} of it by these words ({way})"
