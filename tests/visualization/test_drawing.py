"""Pictures of a part of the graph: nothing overlaps, the same graph gives the same file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import networkx as nx
import pytest

from graph_schema.errors import RequestError
from kgrec.explore import draw
from kgrec.visualization.drawing import MAX_NODES

from .graphs import ODD, ring, with_contributions


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "html"])
def test_the_same_graph_gives_the_same_file(tmp_path: Path, suffix: str) -> None:
    first = draw(ring(), tmp_path / "new" / f"a.{suffix}")
    assert first.stat().st_size > 10_000
    assert first.read_bytes() == draw(ring(), tmp_path / f"b.{suffix}").read_bytes()
    assert list(first.parent.iterdir()) == [first]


def test_names_in_a_picture_are_only_text(tmp_path: Path) -> None:
    text = draw(with_contributions(), tmp_path / "a.svg", title=ODD).read_text(encoding="utf-8")
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
    assert "script" not in tags
    assert "image" not in tags


def test_what_can_not_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RequestError, match=rf"{MAX_NODES + 1} nodes can't be read; draw at most {MAX_NODES}"
    ):
        draw(ring(MAX_NODES + 1), tmp_path / "a.png")
    with pytest.raises(RequestError, match=r"can't draw 'a.exe': end its name in \.png or \.svg"):
        draw(ring(), tmp_path / "a.exe")
    for suffix in ("png", "html"):
        with pytest.raises(RequestError, match="the graph is empty"):
            draw(nx.MultiDiGraph(), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())
