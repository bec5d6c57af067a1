"""Colours, fonts and file formats of all pictures; saving gives the same bytes every time."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError
from kgrec.extras import require
from kgrec.files import save_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POSITIVE, NEGATIVE, INK = "#848484", "#D55E00", "#1A1A1A"
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
    """Raise RequestError unless the file name ends in a picture format."""
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"can't draw {path.name!r}: end its name in {' or '.join(SUFFIXES)}")


def style() -> Any:
    """Settings for ``matplotlib.rc_context``."""
    return {"text.usetex": False, "svg.hashsalt": "kgrec", "font.family": fonts()}


@cache
def fonts() -> list[str]:
    """matplotlib's own font first, then the installed fonts for scripts that it lacks."""
    manager = require("matplotlib.font_manager", extra="plots").fontManager
    installed = {font.name for font in manager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)]


def tint(colour: str, share: float = 0.28) -> tuple[float, float, float]:
    """Mix the colour with white: light enough for dark text on it."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (1 - share + share * red, 1 - share + share * green, 1 - share + share * blue)


def save(figure: Figure, path: Path) -> None:
    """Save a figure in the format of the suffix; equal figures give equal files."""
    suffix = path.suffix.lower()
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

    def write(name: str) -> None:
        figure.savefig(name, metadata=undated[suffix])
        if suffix == ".svg":
            file = Path(name)
            file.write_bytes(_with_numbered_ids(file.read_text(encoding="utf-8")).encode())

    save_file(path, write)


def _with_numbered_ids(svg: str) -> str:
    """Replace matplotlib's ids, hashes of coordinates whose last bits vary, by numbers."""
    for number, name in enumerate(re.findall(r'id="([hmp][0-9a-f]{10})"', svg)):
        svg = re.sub(f'(?<=["#]){name}(?=[")])', f"{name[0]}{number}", svg)
    return svg
