"""What identifies people in a catalog's texts: reported by file and row, or masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.frames import SPECS, Kind
from graph_schema.privacy.text_rules import Found, find_numbers
from graph_schema.report import MAX_LISTED, ProblemCollector

# Finds what identifies people in a text, in its order and without overlaps.
Finder: TypeAlias = Callable[[str], list[Found]]
_SCANNED: Final = ("users", "reviews", "queries")  # whose texts people wrote, or that describe them
_IDS: Final = frozenset({Kind.ID, Kind.OPTIONAL_ID})


@dataclass(frozen=True)
class TextFinding:
    """Where something was found: never what. ``row`` is that of the file (see ``Problem``)."""

    source: str
    row: int
    column: str
    kind: str

    def __str__(self) -> str:
        return f"{self.source}, row {self.row}, column {self.column}: {self.kind}"


@dataclass(frozen=True)
class TextReport:
    """What was found in texts, and whether it was masked."""

    findings: tuple[TextFinding, ...]
    texts: int
    masked: bool

    @property
    def counts(self) -> dict[str, int]:
        """How many were found of each kind."""
        return dict(sorted(Counter(one.kind for one in self.findings).items()))

    def to_dict(self) -> dict[str, Any]:
        """The counts, and the first places."""
        shown = [str(one) for one in self.findings[:MAX_LISTED]]
        return {"texts": self.texts, "found": self.counts, "masked": self.masked, "first": shown}

    def __str__(self) -> str:
        if not self.findings:
            return f"nothing that identifies people was found in {self.texts:,} texts."
        counts = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        done = "masked" if self.masked else "left as they are (--mask-texts masks them)"
        lines = [f"found in {self.texts:,} texts and {done}: {counts}"]
        lines += [f"  {one}" for one in self.findings[:MAX_LISTED]]
        if len(self.findings) > MAX_LISTED:
            lines.append(f"  … and {len(self.findings) - MAX_LISTED:,} more")
        return "\n".join(lines)


def scan_texts(
    catalog: Catalog, *, mask: bool = False, names: Finder | None = None
) -> tuple[Catalog, TextReport]:
    """Look for mail addresses, phone, card and account numbers, and names, in the texts of reviews
    and queries and in text attributes of users.

    Parameters
    ----------
    catalog : Catalog
        Its texts are read row by row.
    mask : bool
        Whether to write "[mail]", "[phone]", "[card]", "[iban]" or "[name]" in the place of what
        was found.
    names : callable, optional
        A finder of names, such as ``presidio_finder`` makes; without one no names are looked for.

    Returns
    -------
    catalog : Catalog
        The same catalog, or one with masked texts.
    report : TextReport
        The file, row and column of everything found, without the words themselves.
    """
    tables, places = dict(catalog.tables), ProblemCollector(catalog.sources, catalog.rows)
    findings: list[TextFinding] = []
    texts = 0
    for frame in _SCANNED:
        for column in _text_columns(frame, tables[frame]):
            values: list[str | None] = tables[frame].column(column).to_pylist()
            texts += sum(1 for value in values if value)
            masked = list(values)
            for position, found in _found(values, names):
                for one in found:
                    row = places.row(frame, position)
                    findings.append(TextFinding(places.source(frame), row, column, one.kind))
                masked[position] = masked_text(values[position] or "", found)
            if mask and masked != values:
                index = tables[frame].column_names.index(column)
                tables[frame] = tables[frame].set_column(
                    index, column, pa.array(masked, pa.string())
                )
    report = TextReport(tuple(findings), texts, mask)
    return (replace(catalog, tables=tables) if mask else catalog), report


def masked_text(text: str, found: list[Found]) -> str:
    """The text with the kind of each part in its place."""
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text


def _text_columns(frame: str, table: pa.Table) -> Iterator[str]:
    known = SPECS[frame].by_name
    for column in table.schema:
        is_id = column.name in known and known[column.name].kind in _IDS
        if pa.types.is_string(column.type) and not is_id:
            yield column.name


def _found(values: list[str | None], names: Finder | None) -> Iterator[tuple[int, list[Found]]]:
    for position, text in enumerate(values):
        if text:
            found = find_numbers(text)
            if names is not None:
                found = _joined(found, names(text))
            if found:
                yield position, found


def _joined(first: list[Found], others: list[Found]) -> list[Found]:
    """Both, in order; of the others only what overlaps nothing of the first."""
    for one in others:
        if all(one.end <= had.start or one.start >= had.end for had in first):
            first.append(one)
    return sorted(first, key=lambda one: one.start)
