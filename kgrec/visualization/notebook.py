"""HTML of answers for notebooks: plain text, lists and tables, without scripts or other files."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from kgrec.visualization.text_wrap import clean

_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def fragment(heading: str, *parts: str) -> str:
    """A heading (plain text) and parts that are HTML already, as one piece; empty ones are left
    out."""
    inside = "\n".join(part for part in (f"<p><b>{escaped(heading)}</b></p>", *parts) if part)
    return f'<div class="kgrec">\n{inside}\n</div>'


def escaped(text: object) -> str:
    """Plain text as HTML, on one line."""
    return html.escape(clean(str(text)))


def paragraphs(texts: Iterable[object]) -> str:
    """Plain texts, a paragraph each."""
    return "\n".join(f"<p>{escaped(text)}</p>" for text in texts)


def bullets(texts: Sequence[object]) -> str:
    """Plain texts as a list; "" without any."""
    if not texts:
        return ""
    return "<ul>" + "".join(f"<li>{escaped(text)}</li>" for text in texts) + "</ul>"


def html_table(rows: Sequence[Sequence[object]], texts: Sequence[int] = (0,)) -> str:
    """A table of plain texts, whose first row is its head; "" without other rows.

    The columns ``texts`` are left-aligned, all others right-aligned.
    """
    if len(rows) < 2:
        return ""
    head, *body = rows
    lines = [f"<thead><tr>{_cells('th', head, texts)}</tr></thead>", "<tbody>"]
    lines += [f"<tr>{_cells('td', row, texts)}</tr>" for row in body]
    return "\n".join(["<table>", *lines, "</tbody>", "</table>"])


def _cells(tag: str, row: Sequence[object], texts: Sequence[int]) -> str:
    return "".join(
        f"<{tag}{_LEFT if column in texts else _RIGHT}>{escaped(cell)}</{tag}>"
        for column, cell in enumerate(row)
    )
