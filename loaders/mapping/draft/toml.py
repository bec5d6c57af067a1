"""The TOML of a mapping that is guessed, with its reasons as comments."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loaders.mapping.draft.look import Table
from loaders.tables.tabular import CsvForm

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_LISTED: Final = 20  # names in a comment
_WIDTH: Final = 96
_USUAL: Final = CsvForm()


@dataclass
class DraftTable:
    """One table of the mapping: ``columns`` by kgrec's names, each with the reason for it."""

    frame: str
    source: Table
    columns: dict[str, tuple[Any, str]] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)  # files that are like the source


def written(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)} = {written(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def key(name: str) -> str:
    """A name as a key of TOML."""
    return name if _BARE.fullmatch(name) else written(name)


def comment(text: str) -> list[str]:
    """A text as lines of comments."""
    lines, line = [], "#"
    for word in " ".join(text.split()).split(" "):
        if len(line) + len(word) + 1 > _WIDTH and line != "#":
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def listed(names: list[str]) -> str:
    """Names for a comment, not more than a few."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(" ".join(name.split()) for name in names[:_LISTED]) + more


def usual_form(tables: list[Table]) -> CsvForm:
    """The form of most delimited files."""
    forms = Counter(
        CsvForm(one.form.delimiter, one.form.encoding, one.form.quoted, None, one.form.escape)
        for one in tables
        if one.form is not None
    )
    return forms.most_common(1)[0][0] if forms else _USUAL


def form_fields(form: CsvForm, usual: CsvForm, *, tabs: bool = False) -> dict[str, Any]:
    """The fields in which a form differs from the usual one; ``tabs``: of a .tsv file."""
    delimiter = "\t" if tabs else usual.delimiter
    found: dict[str, Any] = {}
    if form.delimiter != delimiter:
        found["delimiter"] = form.delimiter
    for name in ("encoding", "quoted", "escape"):
        if getattr(form, name) != getattr(usual, name) and getattr(form, name) is not None:
            found[name] = getattr(form, name)
    return found


def table_lines(table: DraftTable, usual: CsvForm, *, several: bool) -> list[str]:
    """A table of the mapping."""
    lines = [line for note in table.notes for line in comment(note)]
    lines.append(f"[[{table.frame}]]" if several else f"[{table.frame}]")
    files = [table.source.name, *table.more]
    lines.append(f"file = {written(files if table.more else table.source.name)}")
    form = table.source.form
    if form is not None:
        fields = form_fields(form, usual, tabs=table.source.name.endswith(".tsv"))
        lines += [f"{name} = {written(value)}" for name, value in fields.items()]
        if form.names is not None:
            lines += comment("The file has no header; its first row is:")
            lines.append(
                "#   " + " | ".join(one.replace("\n", " ") for one in table.source.first_row)
            )
            lines.append(f"names = {written(list(form.names))}")
    for name, (value, reason) in table.columns.items():
        end = f"  # {reason}" if reason else ""
        lines.append(f"columns.{key(name)} = {written(value)}{end}")
    if table.attributes:
        lines.append(f"attributes = {written(table.attributes)}")
    lines += [f"{name} = {written(value)}" for name, value in table.fields.items()]
    return lines
