"""Streams that can print every text, whatever encoding the console has."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final, TextIO

from graph_schema.output.printable import printable

# What stands for a sign that a console may lack. Any other sign is written as \uXXXX.
_PLAIN: Final = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "→": "->",
        "←": "<-",
        "·": "*",
        "×": "x",
        "\N{NO-BREAK SPACE}": " ",
    }
)
_HANDLER: Final = "kgrec-console"


def settle_console() -> None:
    """Let stdout and stderr print signs that their encoding lacks: as ASCII, or as \\uXXXX."""
    codecs.register_error(_HANDLER, _plain_signs)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def show(text: object = "", *, end: str = "\n", err: bool = False) -> None:
    """Print a text on stdout, or on stderr, without what a terminal would obey: names, ids and
    messages come from data. No other function of the command line prints."""
    stream = sys.stderr if err else sys.stdout
    print(printable(str(text)), end=end, file=stream, flush=True)


def is_utf8(stream: TextIO | None) -> bool:
    """Whether the stream writes UTF-8."""
    try:
        return codecs.lookup(getattr(stream, "encoding", None) or "").name == "utf-8"
    except LookupError:
        return False


def _plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
