"""Bar charts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from graph_schema.errors import RequestError
from kgrec.visualization.bars import Bars, draw_bars

from .graphs import ODD


def test_bars_can_be_drawn(tmp_path: Path) -> None:
    labels = ["$x$", ODD, "plain"]
    values = {"all": [3.0, 2.0, 0.0], "_web$": [1.0, 0.0, 0.5]}
    bars = Bars(labels, values, {"all": [3.0, -2.0, 0.0], "_web$": [1.0, 0.0, 0.5]}, ODD, "axis")
    path = draw_bars(bars, tmp_path / "bars.svg")
    assert ET.parse(path).getroot().tag.endswith("svg")
    with pytest.raises(RequestError, match="can't draw"):
        draw_bars(bars, tmp_path / "bars.txt")
