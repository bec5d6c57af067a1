"""What all pictures share: colours, fonts, and files that are the same each time."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from graph_schema.errors import RequestError
from kgrec.files import put_file

FOR, AGAINST, INK = "#848484", "#D55E00", "#1A1A1A"
SUFFIXES = (".png", ".svg", ".pdf")
OTHER_SCRIPTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
)


def check_suffix(path: Path) -> None:
    """RequestError for a file that can't hold a picture."""
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"can't draw {path.name!r}: end its name in {' or '.join(SUFFIXES)}")


def style() -> Any:
    """Settings for ``matplotlib.rc_context``."""
    return {"text.usetex": False, "svg.hashsalt": "kgrec", "font.family": _fonts()}


@cache
def _fonts() -> list[str]:
    """matplotlib's own font first, then whatever is installed for the scripts it lacks."""
    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)]


def canvas(across: tuple[float, float], up: tuple[float, float]) -> tuple[Figure, Axes]:
    """An empty sheet whose coordinates are inches, from left to right and from bottom to top."""
    size = (across[1] - across[0], up[1] - up[0])
    figure = Figure(figsize=size, dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    axes.axis("off")
    return figure, axes


def put_text(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Names come from data: "$" must not start a formula."""
    axes.text(x, y, text, parse_math=False, **{"color": INK, **look})


def tint(colour: str, share: float = 0.28) -> tuple[float, float, float]:
    """The colour mixed with white, light enough for dark text."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (1 - share + share * red, 1 - share + share * green, 1 - share + share * blue)


def save(figure: Figure, path: Path) -> None:
    """Write beside the target, then put it in place; the same figure gives the same file."""
    suffix = path.suffix.lower()
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

    def write(name: str) -> None:
        figure.savefig(name, metadata=undated[suffix])
        if suffix == ".svg":
            file = Path(name)
            file.write_bytes(_numbered(file.read_text(encoding="utf-8")).encode())

    put_file(path, write)


def _numbered(svg: str) -> str:
    """Ids by order instead of matplotlib's hashes of coordinates, whose last bits depend on where
    the arrays happen to lie in memory."""
    for number, name in enumerate(re.findall(r'id="([hmp][0-9a-f]{10})"', svg)):
        svg = re.sub(f'(?<=["#]){name}(?=[")])', f"{name[0]}{number}", svg)
    return svg
