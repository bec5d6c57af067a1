"""CSV files for neo4j-admin import: headers with :ID, :LABEL, :START_ID, :END_ID and :TYPE.

Nodes with the labels User and Item become users and items, all others entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.names import KEY_COLUMNS
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import files_of, first_rows, plain_names
from loaders.loader import Loader
from loaders.recognition import FileNames
from loaders.report import LoadReport, LoadResult, Progress
from loaders.tables.streams import open_bytes
from loaders.tables.tabular import CsvForm, FileTable, read_csv, read_header

_FIELD: Final = re.compile(
    r"(?P<name>[^:]*)(?::(?P<kind>[A-Za-z_]+)(?:\((?P<space>[^)]*)\))?(?P<list>\[\])?(?:\{.*\})?)?"
)
_NUMBERS: Final = {
    **dict.fromkeys(("int", "long", "short", "byte"), pa.int64()),
    **dict.fromkeys(("float", "double"), pa.float64()),
    "boolean": pa.bool_(),
}
_HEADER_FILES: Final = ("{}-header.csv", "{}_header.csv", "header-{}.csv")  # of a file's stem
_DELIMITERS: Final = (",", ";", "|", "\t")
_FRAMES: Final = {"user": "users", "item": "items", "entity": "entities"}
Node = tuple[str, str]  # the id space, and the id in it


def neo4j_admin(
    folder: str | Path,
    *,
    user: str = "User",
    item: str = "Item",
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of CSV files with the headers of neo4j-admin import.

    Relationships from a user to an item are interactions, their type is the event; all others are
    facts. Columns with a type of numbers become numbers, arrays several values.

    Parameters
    ----------
    folder : str or Path
        The folder with the files; each has its header in row 1.
    user, item : str
        The labels of users and of items.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If a file can't be read, or there are no users or items.
    CatalogError
        If the content breaks the schema.
    """
    folder, builder = given_path(folder, "folder"), CatalogBuilder()
    files = [
        _File.read(path, header, builder, progress)
        for path, header in _admin_files(folder, builder)
    ]
    graph = _Graph({user: "user", item: "item"}, builder.report)
    nodes = [file for file in files if file.place("ID") is not None]
    for file in nodes:
        graph.find_roles(file)
    graph.check(folder)
    graph.name_nodes()
    for file in nodes:
        graph.add_nodes(file)
    for file in files:
        if file.place("START_ID") is not None:
            graph.add_edges(file)
    if "interactions" not in graph.parts:
        raise SourceError(
            f"{folder}: no relationship leads from a node with the label {user} to one with the "
            f"label {item}. Cure: add the file of what users chose, with :START_ID, :END_ID and "
            ":TYPE."
        )
    for frame, parts in graph.parts.items():
        table = pa.concat_tables([part.table for part in parts], promote_options="default")
        sources = {part.path for part in parts}
        rows = np.concatenate([part.rows for part in parts]) if len(sources) == 1 else None
        builder.add(frame, table, parts[0].path if rows is not None else folder, rows)
    return builder.build()


@dataclass(frozen=True)
class _Part:
    path: Path
    table: pa.Table
    rows: np.ndarray


@dataclass(frozen=True)
class _File:
    """One file: the name, kind, id space and type of each column."""

    path: Path
    part: FileTable
    fields: list[dict[str, str]]

    @classmethod
    def read(
        cls, path: Path, header: Path, builder: CatalogBuilder, progress: Progress | None
    ) -> _File:
        form = CsvForm(_delimiter(header))
        if header != path:
            form = replace(form, names=tuple(read_header(header, form)))
        part = read_csv(path, form, progress)
        builder.report_file(path, part)
        fields = []
        for name in part.table.column_names:
            match = _FIELD.fullmatch(name)
            if match is None:
                raise SourceError(
                    f"{header}, row 1: {shown(name)} is no column of neo4j-admin. Cure: write "
                    "name:type, such as age:int, or :ID(User)."
                )
            fields.append({key: text or "" for key, text in match.groupdict().items()})
        return cls(path, part, fields)

    def place(self, kind: str) -> int | None:
        """The place of the column :ID, :LABEL and so on; None without one."""
        return next((n for n, one in enumerate(self.fields) if one["kind"] == kind), None)

    def texts(self, kind: str) -> list[str] | None:
        place = self.place(kind)
        return None if place is None else self.part.table.column(place).to_pylist()

    def labels(self) -> list[str]:
        """The labels of the nodes; without a column of them the id space or the file's name."""
        space = self.fields[self.place("ID") or 0]["space"]
        same = [space or self.path.name.partition(".")[0]] * self.part.table.num_rows
        return self.texts("LABEL") or same

    def nodes(self, kind: str) -> list[Node]:
        """The nodes of a column of ids. Raises SourceError where the file lacks it."""
        place = self.place(kind)
        if place is None:
            raise SourceError(f"{self.path}, row 1: there is no column :{kind}. Cure: add it.")
        return [(self.fields[place]["space"], one) for one in self.texts(kind) or ()]

    def attributes(self) -> dict[str, Any]:
        """The columns of properties, as their types."""
        found: dict[str, Any] = {}
        for place, one in enumerate(self.fields):
            if not one["name"] or one["kind"].isupper():
                continue
            if one["name"] in found:
                raise SourceError(
                    f"{self.path}, row 1: two columns are called {one['name']}. Cure: rename one."
                )
            column = self.part.table.column(place)
            if one["list"]:
                column = pc.replace_substring(column, ";", "|")
            elif one["kind"] in _NUMBERS and one["name"] not in _TEXT_COLUMNS:
                column = self._typed(column, one)
            found[one["name"]] = column
        return found

    def _typed(self, column: Any, one: dict[str, str]) -> Any:
        given = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        try:
            return given.cast(_NUMBERS[one["kind"]])
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{self.path}, column {one['name']}: {error}. Cure: write values of the type "
                f"{one['kind']}, or leave the type out."
            ) from error


# Columns of the layout that the schema converts itself.
_TEXT_COLUMNS: Final = ("rating", "timestamp", "event", "scenario", "split")


@dataclass
class _Graph:
    """What each node is and its id in the catalog, and the parts of each frame of the catalog."""

    roles: dict[str, str]
    report: LoadReport
    nodes: dict[Node, str] = field(default_factory=dict)
    ids: dict[Node, str] = field(default_factory=dict)
    labels: dict[str, None] = field(default_factory=dict)
    parts: dict[str, list[_Part]] = field(default_factory=dict)

    def find_roles(self, file: _File) -> None:
        """Find what the nodes of a file are: by their labels, else by the id space."""
        nodes = file.nodes("ID")
        space = nodes[0][0] if nodes else ""
        roles = {one: self._role(one, space) for one in dict.fromkeys(file.labels())}
        labels = file.labels()
        self.nodes |= {node: roles[one] for node, one in zip(nodes, labels, strict=True)}

    def name_nodes(self) -> None:
        """Give each node its id; nodes of several id spaces have the space before it where two of
        them have the same id."""
        for role, frame in _FRAMES.items():
            own = [node for node, one in self.nodes.items() if one == role]
            plain = len({one for _, one in own}) == len(own)
            if not plain:
                self.report.notes.append(
                    f"{frame} of several id spaces have the same id; the space is put before it."
                )
            self.ids |= {node: node[1] if plain else ":".join(node).strip(":") for node in own}

    def add_nodes(self, file: _File) -> None:
        nodes, labels = file.nodes("ID"), file.labels()
        roles = np.array([self.nodes[node] for node in nodes], dtype=object)
        attributes = file.attributes()
        for role, frame in _FRAMES.items():
            key = KEY_COLUMNS[frame]
            own = {name: one for name, one in attributes.items() if name not in (key, "id")}
            if frame == "items" and "title" not in own and "name" in own:
                own["title"] = own.pop("name")
            columns = {key: [self.ids[node] for node in nodes], **own}
            if frame == "entities" and "kind" not in own:
                columns["kind"] = [one.replace(";", "|") for one in labels]
            self._add(frame, file, columns, roles == role)

    def _role(self, labels: str, space: str) -> str:
        names = [name.strip() for name in labels.split(";") if name.strip()]
        self.labels |= dict.fromkeys(names)
        names.append(space)
        known = {label.lower(): role for label, role in self.roles.items()}
        found = [known.get(name.lower(), known.get(name.lower().rstrip("s"))) for name in names]
        return next((role for role in found if role is not None), "entity")

    def check(self, folder: Path) -> None:
        """Raise SourceError where there are no users or no items."""
        for label, role in self.roles.items():
            if role not in self.nodes.values():
                raise SourceError(
                    f"{folder}: no node has the label {label} (labels: "
                    f"{', '.join(self.labels) or 'none'}). Cure: name the labels of users and "
                    "items in Python, loaders.load(folder, user='Person', item='Movie'); or "
                    "import the files into Neo4j and read it with a mapping (docs/neo4j.md)."
                )

    def add_edges(self, file: _File) -> None:
        heads, tails = file.nodes("START_ID"), file.nodes("END_ID")
        types = file.texts("TYPE") or [file.path.name.partition(".")[0]] * len(heads)
        ends = list(self._ends(file, heads, tails))
        chosen = np.array([one == ("user", "item") for one in ends], dtype=bool)
        if chosen.any() and not chosen.all():
            self.report.file(file.path.name).notes.append(
                f"{int((~chosen).sum()):,} rows are facts, as they don't lead from a user to an "
                f"item; the first is row {int(file.part.rows[np.argmin(chosen)])}."
            )
        first, second = [self.ids[one] for one in heads], [self.ids[one] for one in tails]
        events = {"user_id": first, "item_id": second, "event": types}
        facts = {
            "head": first,
            "head_type": [head for head, _ in ends],
            "relation": types,
            "tail": second,
            "tail_type": [tail for _, tail in ends],
        }
        attributes = file.attributes()
        self._add("interactions", file, events | _without(attributes, events), chosen)
        self._add("facts", file, facts | _without(attributes, facts), ~chosen)

    def _ends(self, file: _File, heads: list[Node], tails: list[Node]) -> Iterator[tuple[str, str]]:
        for number, pair in enumerate(zip(heads, tails, strict=True)):
            missing = next((one for one in pair if one not in self.nodes), None)
            if missing is not None:
                raise SourceError(
                    f"{file.path}, row {int(file.part.rows[number])}: no node has the id "
                    f"{shown(missing[1])}{f' in {missing[0]}' if missing[0] else ''}. Cure: add "
                    "the node, or remove the row."
                )
            yield self.nodes[pair[0]], self.nodes[pair[1]]

    def _add(self, frame: str, file: _File, columns: dict[str, Any], chosen: np.ndarray) -> None:
        if chosen.any():
            table = pa.table(columns).filter(pa.array(chosen))
            self.parts.setdefault(frame, []).append(_Part(file.path, table, file.part.rows[chosen]))


def _without(attributes: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in attributes.items() if name not in known}


def _admin_files(folder: Path, builder: CatalogBuilder) -> list[tuple[Path, Path]]:
    """The CSV files, each with the file that has its header; other files are noted."""
    files = files_of(folder, _is_csv)
    headers = {name: path for name, path in files.items() if _is_header(path)}
    used: set[Path] = set()
    found = []
    for name, path in files.items():
        stem = name.removesuffix(".csv")
        near = [headers.get(form.format(stem)) for form in _HEADER_FILES]
        header = next((one for one in (headers.get(name), *near) if one is not None), None)
        if header is None:
            with open_bytes(path):  # an empty file is named as such
                raise SourceError(
                    f"{path}, row 1: there is neither :ID nor :START_ID, as in other files here. "
                    f"Cure: write the header of neo4j-admin into row 1 or into {stem}-header.csv, "
                    "or move the file elsewhere."
                )
        found.append((path, header))
        used |= {header} - {path}
    for one in sorted(folder.iterdir()):
        if one not in files.values() and not one.name.startswith("."):
            builder.report.notes.append(f"{one.name} is no CSV file and was not read.")
    return [(path, header) for path, header in found if path not in used]


def _is_csv(name: str) -> bool:
    return name.endswith(".csv")


def _delimiter(path: Path) -> str:
    """What separates the most columns of the header."""
    header = first_rows(path)[0]
    return max(_DELIMITERS, key=header.count)


def _is_header(path: Path) -> bool:
    return any(re.search(r"(^|[\w,;|\t\"]):(ID|START_ID)\b", line) for line in first_rows(path)[:1])


def _recognises(files: FileNames) -> bool:
    """Whether a CSV file of the folder has such a header."""
    if not any(map(_is_csv, plain_names(files))):
        return False
    return any(map(_is_header, files_of(files.folder, _is_csv).values()))


LOADER: Final = Loader(
    name="neo4j-admin",
    title="CSV files for neo4j-admin import, with the labels User and Item",
    files="NAME.csv with :ID and :START_ID",
    recognises=_recognises,
    function=neo4j_admin,
)
