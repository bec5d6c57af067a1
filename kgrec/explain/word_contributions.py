"""WordContributions: what the words of one text contribute to one score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graph_schema.disk.paths import given_path
from kgrec.explain.explained_path import signed
from kgrec.graph.snapshot import Floats
from kgrec.visualization.notebook import fragment, paragraphs
from kgrec.visualization.word_plot import draw_words, words_html

_MAX_LISTED = 8  # words in the text


@dataclass(frozen=True, eq=False)
class WordContributions:
    """Contributions of the words of one text to one score.

    Attributes
    ----------
    user_id, item_id, item_name : str
        Whose score of which item.
    source, text_id : str
        Which text it is, in words, and its id.
    method : str
        "gradients" (integrated gradients): the contributions sum to score − hidden − left, and
        left is small. "occlusion": each is what the score loses without the word; they need not
        sum to anything.
    words : tuple of str
        The words in their order, ``[n]``.
    contributions : ndarray
        float64 ``[n]``, in units of the score.
    score, hidden : float
        The score, and the score with all these words hidden.
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

    def strongest(self, k: int = _MAX_LISTED) -> list[tuple[str, float]]:
        """Return the words with the largest contributions, positive or negative.

        Parameters
        ----------
        k : int
            Most words returned.

        Returns
        -------
        list of (str, float)
            Word and contribution, largest size first.
        """
        order = np.argsort(-np.abs(self.contributions), kind="stable")[:k]
        return [(self.words[n], float(self.contributions[n])) for n in order]

    def draw(self, path: str | Path) -> Path:
        """Save a picture of the text in which every word is tinted by its contribution.

        Parameters
        ----------
        path : str or Path
            A name that ends in .png, .svg or .pdf.

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
        title = f"“{self.item_name}” for user {self.user_id}: {self.source}"
        place, note = given_path(path, "path"), f"{self._summary()}."
        return draw_words(self.words, self.contributions, place, title=title, note=note)

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types, words as dicts."""
        pairs = zip(self.words, self.contributions.tolist(), strict=True)
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
            "words": [{"word": word, "contribution": value} for word, value in pairs],
        }

    def __str__(self) -> str:
        lines = [f"“{self.item_name}” for user {self.user_id}, {self.source}: {self._summary()}"]
        lines += [f"  {signed(value)}  {word}" for word, value in self.strongest()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The text for notebooks, every word tinted by its contribution."""
        heading = f"“{self.item_name}” for user {self.user_id}: {self.source}"
        text = words_html(self.words, self.contributions)
        note = "Blue words raised the score; orange, underlined ones lowered it."
        return fragment(heading, paragraphs([f"{self._summary()}."]), text, paragraphs([note]))

    def _summary(self) -> str:
        moved = signed(self.score - self.hidden)
        method = "one word left out at a time"
        if self.method == "gradients":
            method = f"integrated gradients, {signed(self.left)} left"
        return f"score {self.score:.3f}, {moved} of it by these words ({method})"
