"""A card's sections as Markdown and as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kgrec.model_card.sections import Row, Section
from kgrec.visualization.notebook import bullets, escaped, html_table
from kgrec.visualization.text_wrap import clean

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|!])")
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #888;padding:.2em .6em}"
)


def markdown(title: str, sections: Sequence[Section]) -> str:
    """One document; what the data says is escaped, so that it is text and nothing else."""
    lines = [f"# Model card: {_plain(title)}", ""]
    for section in sections:
        lines += [f"## {section.heading}", ""]
        lines += [f"- {_plain(sentence)}" for sentence in section.sentences]
        lines += [""] if section.sentences else []
        for rows in section.tables:
            lines += [*_table(rows), ""]
    return "\n".join(lines)


def _table(rows: Sequence[Row]) -> list[str]:
    head, *body = rows
    return [_row(head), "|" + "---|" * len(head), *map(_row, body)]


def _row(cells: Row) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", clean(text))


def html(title: str, sections: Sequence[Section]) -> str:
    """One page."""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escaped(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Model card: {escaped(title)}</h1>",
    ]
    for section in sections:
        parts.append(f"<h2>{escaped(section.heading)}</h2>")
        parts.append(bullets(section.sentences))
        parts += [html_table(rows) for rows in section.tables]
    return "\n".join([*parts, "</body></html>"]) + "\n"
