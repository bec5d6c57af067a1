"""Parts that formats of several JSON files share: find the files, make entities and facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.recognition import FileNames, plain_name, unread_files
from loaders.report import FileReport, Progress
from loaders.tables.infer import infer_types
from loaders.tables.json_records import FieldNotes, Record, plain, records
from loaders.tables.text_table import TextTable, without_empty_columns


def find_kinds(
    files: FileNames, patterns: Mapping[str, re.Pattern[str]], builder: CatalogBuilder
) -> dict[str, Path]:
    """Kind → file, by the pattern of its name without the suffix of packing; the others are noted.
    Raises SourceError where two files are of one kind."""
    found: dict[str, Path] = {}
    others = []
    for name in sorted(files):
        plain = plain_name(name)
        kind = next((kind for kind, one in patterns.items() if one.fullmatch(plain)), None)
        if kind is None:
            others.append(name)
        elif kind in found:
            raise SourceError(
                f"{files.folder}: both {found[kind].name} and {name} hold {kind}. Cure: keep one, "
                "and move the other elsewhere."
            )
        else:
            found[kind] = files.folder / name
    builder.report.notes += unread_files(others)
    return found


class Rows:
    """A frame built record by record, with the row of each."""

    def __init__(self, frame: str, *names: str) -> None:
        self.frame = frame
        self._table = TextTable(*names)
        self._numbers: list[int] = []

    def add(self, record: Record, *values: str | None) -> None:
        """Add a row that ``record`` gives."""
        self._table.add(*values)
        self._numbers.append(record.row)

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self, column: str) -> dict[str, None]:
        """The ids of a column, in their order."""
        found = self._table.table().column(column).drop_null().to_pylist()
        return dict.fromkeys(one for one in found if one)

    def complete(self, ids: Iterable[str], builder: CatalogBuilder) -> None:
        """Add a row for each id that has none, and note how many that were."""
        known = self.ids(self._table.names[0])
        missing = [one for one in ids if one not in known]
        for one in missing:
            self._table.add(one, *([None] * (len(self._table.names) - 1)))
            self._numbers.append(0)
        if missing:
            builder.report.notes.append(
                f"{len(missing):,} {self.frame} of the interactions have no attributes: their file "
                f"lacks them; the first is {shown(missing[0])}."
            )

    def add_to(self, builder: CatalogBuilder, path: Path) -> None:
        """Add the frame, without columns that have no value; numbers become numbers."""
        spec = SPECS[self.frame]
        table = self._table.table()
        optional = tuple(name for name in table.column_names if name not in spec.required)
        table = without_empty_columns(table, optional)
        rows = np.array(self._numbers, dtype=np.int64)
        file = builder.report.file(path.name)
        builder.add(self.frame, infer_types(table, spec.by_name, file, rows), path, rows)


class Graph:
    """Entities, and facts about items and users, each once."""

    def __init__(self) -> None:
        self._entities: dict[tuple[str, str], str] = {}
        self._facts = TextTable("head", "head_type", "relation", "tail", "tail_type")

    def entity(self, item: str, kind: str, key: str, name: str | None = None) -> None:
        """Add the fact item – kind → entity. ``name`` is what the entity is called, else its
        key."""
        if self._entities.get((kind, key)) in (None, key):
            self._entities[kind, key] = name or key
        self._facts.add(item, "item", kind, f"{kind}:{key}", "entity")

    def keys(self, kind: str) -> set[str]:
        """The keys of the entities of a kind."""
        return {key for word, key in self._entities if word == kind}

    def link(self, head: str, relation: str, tail: str, kind: str = "item") -> None:
        """Add a fact between two items, or two users."""
        self._facts.add(head, kind, relation, tail, kind)

    def add_to(
        self, builder: CatalogBuilder, path: Path, nodes: Mapping[str, Iterable[str]]
    ) -> None:
        """Add both frames. Links to what is not in ``nodes`` (ids by type) are left out and
        counted."""
        table = self._facts.table()
        table = table.group_by(table.column_names, use_threads=False).aggregate([])
        table = _known(table, nodes, builder)
        if not table.num_rows:
            return
        rows = TextTable("entity_id", "name", "kind")
        used = set(pc.unique(table.column("tail")).to_pylist())
        for (kind, key), name in self._entities.items():
            if f"{kind}:{key}" in used:
                rows.add(f"{kind}:{key}", name, kind)
        builder.add("entities", rows.table(), path)
        builder.add("facts", table, path)


def _known(
    facts: pa.Table, nodes: Mapping[str, Iterable[str]], builder: CatalogBuilder
) -> pa.Table:
    """The facts whose ends are all in the catalog."""
    known = pa.array(np.ones(facts.num_rows, dtype=bool))
    for end in ("head", "tail"):
        for kind, ids in nodes.items():
            there = pc.is_in(facts.column(end), value_set=pa.array(list(ids), pa.string()))
            other = pc.not_equal(facts.column(f"{end}_type"), kind)
            known = pc.and_(known, pc.or_(other, there))
    lost = Counter(facts.filter(pc.invert(known)).column("relation").to_pylist())
    for relation, count in sorted(lost.items()):
        builder.report.notes.append(
            f"{count:,} {relation} links lead to items or users that are not in the catalog; they "
            "are left out."
        )
    return facts.filter(known)


def read_each(
    path: Path,
    builder: CatalogBuilder,
    known: Sequence[str],
    use: Callable[[Record, FileReport], None],
    progress: Progress | None,
) -> FileReport:
    """Call ``use`` with each record of a file, which it adds or counts as dropped. The fields that
    aren't ``known`` are noted."""
    file = builder.report.file(path.name)
    fields = FieldNotes(*known)
    for record in records(path, progress):
        file.read += 1
        if file.read == 1 and record.values.keys().isdisjoint(known):
            here = ", ".join(map(plain, record.values)) or "none"
            raise record.error(
                f"none of the fields {', '.join(known)} is here; the fields are {here}",
                "give the file as published, or call it by another name.",
            )
        fields.see(record)
        use(record, file)
    fields.note(file)
    return file
