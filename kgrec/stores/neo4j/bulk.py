"""Files for ``neo4j-admin database import full``, which builds a database without transactions.

The folder has a header and a data file (CSV in UTF-8) for each label and for each relationship type
between two labels, with the names, ids and types of properties that ``Neo4jStore`` writes; the
command as a shell script; and the Cypher of the constraints and indexes. The format of the files is
that of the chapter "Import" of Neo4j's Operations Manual, version 5.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from graph_schema.disk.files import flush
from graph_schema.errors import StoreError, StoreFileError, reason
from graph_schema.migration import RECORD_VERSION, latest_version, migrations
from graph_schema.vectors import is_vector
from kgrec.files import FolderKind, replaced_folder
from kgrec.stores.fulltext import text_properties
from kgrec.stores.neo4j import queries
from kgrec.stores.tables import EdgeRows, NodeRows, interaction_rows, node_rows, other_edges

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from kgrec.progress import Progress

SCHEMA: Final = "schema.cypher"
SCRIPT: Final = "import.sh"
_DATABASE: Final = "neo4j"
_START: Final = ("neo4j-admin", "database", "import", "full")
_MANIFEST, _FORMAT = "bulk.json", "kgrec Neo4j import"
_REPORT: Final = "import.report"  # neo4j-admin writes it where it runs
_ROWS: Final = 100_000  # of a table that become text at once
_TYPES: Final = {
    pa.string(): "string",
    pa.int64(): "long",
    pa.float64(): "double",
    pa.bool_(): "boolean",
}
_BREAK: Final = r"[\r\n]"
_SCRIPT: Final = """\
#!/bin/sh
# Makes the database from the files of this folder; the server must be stopped. Further options of
# neo4j-admin may follow the name of this script, such as --overwrite-destination.
# Then start the server and run: cypher-shell --database {database} --file {schema}
cd "$(dirname "$0")" && exec {command}
"""


def _listed(content: dict[str, Any]) -> list[str] | None:
    files = content.get("files")
    if content.get("format") != _FORMAT or not isinstance(files, list):
        return None
    return [*files, _REPORT]


BULK: Final = FolderKind("import", _MANIFEST, _listed, private=False)


@dataclass(frozen=True)
class BulkFiles:
    """What ``write_bulk`` wrote.

    Attributes
    ----------
    folder : Path
        The absolute path of the folder.
    rows : dict of str to int
        The rows of each data file, by its name.
    command : str
        The command of a shell that makes the database.
    schema_command : str
        The one that makes constraints and indexes, once the server runs.
    """

    folder: Path
    rows: dict[str, int]
    command: str
    schema_command: str


@dataclass(frozen=True)
class _Part:
    """The table of one data file; its columns are those of ``header``."""

    stem: str
    option: str
    header: tuple[str, ...]
    label: str
    table: pa.Table
    type: str | None = None

    @property
    def data_file(self) -> str:
        return f"{self.stem}.csv"

    @property
    def header_file(self) -> str:
        return f"{self.stem}-header.csv"

    @property
    def argument(self) -> str:
        return f"{self.option}{self.header_file},{self.data_file}"


def write_bulk(
    catalog: Catalog,
    folder: str | Path,
    *,
    database: str | None = None,
    progress: Progress | None = None,
) -> BulkFiles:
    """Write a catalog as files for ``neo4j-admin database import full``.

    Once the database is made and the Cypher file has run, it is the graph that ``Neo4jStore.write``
    makes of the catalog in an empty database. The version of the schema is recorded by the Cypher
    file, so that a database without it gets its constraints with the first write.

    Parameters
    ----------
    catalog : Catalog
        What to write; it is validated first.
    folder : str or Path
        A new or empty folder, or one that ``write_bulk`` wrote, which is replaced as a whole.
    database : str, optional
        The name of the database in the command; "neo4j" if None.
    progress : callable, optional
        Called with (label or relation, rows done, rows in all).

    Returns
    -------
    BulkFiles
        The rows of each file and the commands to run.

    Raises
    ------
    CatalogError
        If the catalog breaks the schema.
    StoreError
        If the name of a property has "{" or "(", which these files can't hold.
    ModelError
        If the folder holds other files, or can't be replaced.
    StoreFileError
        If the disk refuses.
    """
    catalog.validate().raise_if_any()
    nodes = node_rows(catalog)
    parts = [
        *map(_node_part, nodes),
        *_edge_parts([interaction_rows(catalog), *other_edges(catalog)]),
    ]
    try:
        with replaced_folder(folder, BULK) as fresh:
            broken = [_write_part(fresh, part, progress) for part in parts]
            command = _command(parts, any(broken), database or _DATABASE)
            _write_others(fresh, parts, nodes, command, database or _DATABASE)
    except OSError as error:
        raise StoreFileError(
            f"{folder} can't be written ({reason(error)}); name a folder where you may write and "
            "that has free space."
        ) from error
    place = Path(folder).expanduser().resolve()
    return BulkFiles(
        place,
        {part.data_file: part.table.num_rows for part in parts},
        f"cd {shlex.quote(str(place))} && {shlex.join(command)}",
        shlex.join(
            ["cypher-shell", "--database", database or _DATABASE, "--file", str(place / SCHEMA)]
        ),
    )


def _node_part(rows: NodeRows) -> _Part:
    names = [name for name in rows.table.column_names if name != "id"]
    table = rows.table.select(["id", *names])
    header = (f"id:ID({rows.label})", *_typed(table, names))
    return _Part(f"nodes-{rows.label}", f"--nodes={rows.label}=", header, rows.label, table)


def _edge_parts(edges: Sequence[EdgeRows]) -> Iterator[_Part]:
    """The type is a column, as a name with "=" could not be in the command."""
    for number, rows in enumerate(one for one in edges if one.table.num_rows):
        kind = rows.type
        names = [name for name in rows.table.column_names if name not in ("source", "target")]
        table = rows.table.select(["source", "target", *names])
        ends = f":START_ID({kind.source_label})", f":END_ID({kind.target_label})"
        word = re.sub(r"[^A-Za-z0-9]+", "_", kind.name)[:40]
        yield _Part(
            f"relationships-{number}-{word}",
            "--relationships=",
            (*ends, *_typed(table, names), ":TYPE"),
            kind.name,
            table,
            kind.name,
        )


def _typed(table: pa.Table, names: Sequence[str]) -> list[str]:
    odd = next((name for name in names if "{" in name or "(" in name), None)
    if odd is not None:
        raise StoreError(
            f"the files of neo4j-admin can't hold a property {odd!r}: it reads what is in {{}} and "
            "() in a header as its own. Cure: rename the column."
        )
    kinds = [table.schema.field(name).type for name in names]
    return [
        f"{name}:{'double[]' if is_vector(kind) else _TYPES[kind]}"
        for name, kind in zip(names, kinds, strict=True)
    ]


def _write_part(folder: Path, part: _Part, progress: Progress | None) -> bool:
    """Write the two files; returns whether a text in them has a line break."""
    header = pa.table({str(n): pa.array([name]) for n, name in enumerate(part.header)})
    broken = _write_csv(folder / part.header_file, [header])
    return _write_csv(folder / part.data_file, _batches(part, progress)) or broken


def _batches(part: _Part, progress: Progress | None) -> Iterator[pa.Table]:
    rows = part.table.num_rows
    for start in range(0, rows, _ROWS):
        batch = part.table.slice(start, _ROWS)
        for place, field in enumerate(batch.schema):
            if is_vector(field.type):
                texts = batch.column(place).cast(pa.list_(pa.string()))
                batch = batch.set_column(place, field.name, pc.binary_join(texts, ";"))
        if part.type is not None:
            batch = batch.append_column("type", pa.repeat(part.type, batch.num_rows))
        yield batch
        if progress:
            progress(part.label, min(start + _ROWS, rows), rows)


def _write_csv(path: Path, batches: Iterator[pa.Table] | Sequence[pa.Table]) -> bool:
    """Write tables of the same columns one after the other: texts in quotes, nothing for nulls.
    Returns whether a text has a line break."""
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    broken, writer = False, None
    with ExitStack() as stack:
        for batch in batches:
            if writer is None:
                writer = csv.CSVWriter(path, batch.schema, write_options=options)
                stack.enter_context(writer)
            writer.write_table(batch)
            broken = broken or any(map(_has_break, batch.columns))
    flush(path)
    return broken


def _has_break(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(column.type):
        return False
    return bool(pc.any(pc.match_substring_regex(column, _BREAK)).as_py())


def _command(parts: Sequence[_Part], broken: bool, database: str) -> list[str]:
    """The words of the command, to run in the folder."""
    # Neo4j reads one file with several processors only without line breaks in texts.
    lines = ["--multiline-fields=true"] if broken else []
    arguments = [part.argument for part in parts]
    # The name comes first: --nodes and --relationships take all words that follow for files.
    return [*_START, database, *lines, *arguments]


def _write_others(
    folder: Path,
    parts: Sequence[_Part],
    nodes: Sequence[NodeRows],
    command: Sequence[str],
    database: str,
) -> None:
    """The script, the Cypher and the list of all files."""
    own = len(_START) + 1
    words = f'{shlex.join(command[:own])} "$@" {shlex.join(command[own:])}'
    script = _SCRIPT.format(database=shlex.quote(database), schema=SCHEMA, command=words)
    names = [name for part in parts for name in (part.header_file, part.data_file)]
    manifest = {"format": _FORMAT, "files": [*names, SCRIPT, SCHEMA]}
    texts = {SCRIPT: script, SCHEMA: schema(nodes), _MANIFEST: json.dumps(manifest, indent=1)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        flush(folder / name)


def schema(nodes: Sequence[NodeRows]) -> str:
    """The Cypher of the constraints and indexes that the store makes for these nodes, and of the
    version of the schema. It waits for the indexes at the end alone, which may take long."""
    steps = [one for step in migrations(queries.DIALECT) for one in step.statements]
    found = [one for one in steps if one != queries.AWAIT_INDEXES]
    for rows in nodes:
        texts = text_properties(rows.label, rows.table.schema)
        if rows.label in queries.TEXT_INDEX and texts:
            found.append(queries.create_text_index(rows.label, texts))
    found.append(RECORD_VERSION.replace("$version", str(latest_version())))
    found.append(queries.AWAIT_INDEXES)
    return "".join(f"{one};\n" for one in found)
