"""What works without matplotlib, and what names the extra that has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgrec.errors import MissingExtraError
from kgrec.explore import draw
from kgrec.visualization.bars import Bars, draw_bars
from kgrec.visualization.word_plot import draw_words

from .graphs import ring, with_contributions

Draw = Callable[[Path], Path]
BARS = Bars(["a"], {"all": [1.0]}, {"all": [1.0]}, "title", "axis")
DRAWINGS: dict[str, Draw] = {
    "graph": lambda path: draw(ring(), path),
    "contributions": lambda path: draw(with_contributions(), path),
    "bars": lambda path: draw_bars(BARS, path),
    "words": lambda path: draw_words(["a"], np.ones(1), path, title="T", note="N"),
}


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]
    for name in {"matplotlib", *loaded}:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
@pytest.mark.usefixtures("without_matplotlib")
def test_a_picture_names_the_extra(drawing: Draw, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"matplotlib.*kgrec\[plots\]"):
        drawing(tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_matplotlib")
def test_a_page_needs_no_matplotlib(tmp_path: Path) -> None:
    assert draw(ring(), tmp_path / "a.html").stat().st_size > 10_000
