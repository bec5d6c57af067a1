"""Triples: files of a head, a relation and a tail a line, in the forms of pykeen, DGL-KE, OpenKE
and OGB.

Triples know no users. They are read as the facts of a catalog whose interactions stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from graph_schema.near_names import means
from graph_schema.report import shown
from loaders.graph_formats.files import (
    are_numbers,
    check_width,
    fields_of,
    files_of,
    first_rows,
    numbers_in,
)
from loaders.report import FileReport, LoadReport, Progress
from loaders.tables.tabular import CsvForm, read_csv

TRIPLE: Final = ("head", "relation", "tail")
# Names of files of triples; those of a split may hold interactions as well.
_PLAIN: Final = (
    *(f"{stem}{end}" for stem in ("facts", "triples", "kg") for end in (".txt", ".tsv", ".csv")),
    *(f"{stem}{end}" for stem in ("train", "valid", "dev", "test") for end in (".txt", ".tsv")),
)
_SPLIT: Final = _PLAIN[9:]
_OF_INTERACTIONS: Final = ("user", "item", "rating", "timestamp")  # words of their headers
_DICTIONARIES: Final = ("entities", "relations")
_DICTIONARY_ENDS: Final = (".dict", ".tsv", ".txt")
_OPENKE: Final = ("train2id.txt", "valid2id.txt", "test2id.txt")
_OPENKE_NAMES: Final = ("entity2id.txt", "relation2id.txt")
_LISTS: Final = {  # what the files of names and numbers are about
    **{word: word for word in _DICTIONARIES},
    "entity2id": "entities",
    "relation2id": "relations",
}
_OPENKE_ROW: Final = ("head", "tail", "relation")
_OGB: Final = ("edge.csv", "edge_reltype.csv")
_OGB_NAMES: Final = ("nodeidx2entityid.csv", "reltype2relid.csv")
_NAMES: Final = {
    *_PLAIN,
    *(f"{word}{end}" for word in _DICTIONARIES for end in _DICTIONARY_ENDS),
    *_OPENKE,
    *_OPENKE_NAMES,
    *_OGB,
    *_OGB_NAMES,
}
HEADERS: Final = (
    TRIPLE,
    ("head_id", "relation_id", "tail_id"),
    ("subject", "predicate", "object"),
    ("h", "r", "t"),
    ("item_id", "relation", "entity_id"),
    ("item_id", "relation_id", "entity_id"),
)
_MOSTLY: Final = 0.8  # of the first lines; an error names the others
_REPEAT: Final = "exact repeat of an earlier row"
Row = tuple[str, str, str]


@dataclass
class GraphFacts:
    """Facts between nodes of a graph of which nothing says which are items.

    ``facts`` are head, relation and tail; ``names`` and ``kinds`` describe nodes, where the format
    does. ``literals`` are further attributes: the name of each one -> node -> value.
    """

    facts: dict[Row, None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    literals: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, fact: Row, file: FileReport) -> None:
        """Add a fact of a file; repeats are counted and dropped."""
        file.read += 1
        if fact in self.facts:
            file.drop(_REPEAT)
        self.facts[fact] = None

    def nodes(self) -> dict[str, None]:
        """The nodes, in the order of the facts."""
        found: dict[str, None] = {}
        for head, _, tail in self.facts:
            found[head] = found[tail] = None
        return found | dict.fromkeys(
            [*self.names, *self.kinds, *(n for one in self.literals.values() for n in one)]
        )


Reader = Callable[[list[Path], LoadReport, "Progress | None"], GraphFacts]


def find_triples(folder: Path) -> tuple[list[Path], Reader] | None:
    """The files of triples in a folder, and how they are read; None without any."""
    files = files_of(folder, _NAMES.__contains__)
    for find, read in ((_openke, _read_openke), (_ogb, _read_ogb), (_plain, _read_plain)):
        paths = find(files)
        if paths:
            return paths, read
    return None


def may_be_triples(names: Iterable[str]) -> bool:
    """Whether files have the names of triples."""
    return bool({*_OPENKE, *_OGB[:1], *_PLAIN} & set(names))


# Plain files, with the dictionaries of DGL-KE if there are any.


def _plain(files: Mapping[str, Path]) -> list[Path]:
    tables = [files[name] for word in _DICTIONARIES if (name := _dictionary(word, files))]
    tables = tables or [files[name] for name in _OPENKE_NAMES if name in files]
    found = [
        files[name]
        for name in _PLAIN
        if name in files and _are_triples(files[name], name in _SPLIT and not tables)
    ]
    return [*found, *tables] if found else []


def _dictionary(word: str, files: Mapping[str, Path]) -> str | None:
    for name in (f"{word}{end}" for end in _DICTIONARY_ENDS):
        rows = first_rows(files[name]) if name in files else []
        if rows and all(len(row.split("\t")) == 2 for row in rows):
            return name
    return None


def _are_triples(path: Path, doubtful: bool) -> bool:
    """Whether most of the first lines have three fields. Numbers between blanks are lists of items,
    a user's in each line; in a ``doubtful`` file other numbers may be ratings."""
    lines = first_rows(path)
    split = [_split(line, path) for line in lines]
    rows = [row for row in split if len(row) == len(TRIPLE) and all(row)]
    if not rows or len(rows) < _MOSTLY * len(split):
        return False
    numbers = all(are_numbers(row) for row in rows)
    header = any(word in one.lower() for one in rows[0] for word in _OF_INTERACTIONS)
    blanks = not any("\t" in line or "," in line for line in lines)
    return not (numbers and blanks) and not (doubtful and (numbers or header))


def _split(line: str, path: Path) -> list[str]:
    separator = "," if ".csv" in path.suffixes else "\t" if "\t" in line else None
    return [one.strip() for one in line.split(separator)]


def _read_plain(paths: list[Path], report: LoadReport, progress: Progress | None) -> GraphFacts:
    found = GraphFacts()
    rows: list[tuple[list[str], FileReport]] = []
    tables: dict[str, dict[str, str]] = {}
    for path in paths:
        file = report.file(path.name)
        word = path.name.partition(".")[0]
        if word in _LISTS:
            tables[_LISTS[word]] = _read_dictionary(path, file, progress)
        else:
            rows += [(row, file) for row in _rows(path, file, progress)]
    if _relation_is_last(rows, tables):
        rows = [([head, relation, tail], file) for (head, tail, relation), file in rows]
        report.notes.append("the rows of triples are head, tail and relation, by relation2id.txt.")
    ends = [end for (head, _, tail), _ in rows for end in (head, tail)]
    entities = _names_of(ends, tables.get("entities", {}), report)
    relations = _names_of([row[1] for row, _ in rows], tables.get("relations", {}), report)
    for (head, relation, tail), file in rows:
        named = (entities.get(head, head), relations.get(relation, relation))
        found.add((*named, entities.get(tail, tail)), file)
    return found


def _relation_is_last(
    rows: list[tuple[list[str], FileReport]], tables: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether the third fields are the relations that a list has, and the second ones are not: so
    TransE's files are written."""
    known = set(tables.get("relations", {}).values())
    second, third = ({row[place] for row, _ in rows} for place in (1, 2))
    return third <= known and not second <= known


def _rows(path: Path, file: FileReport, progress: Progress | None) -> Iterable[list[str]]:
    """The rows of a file of triples without its header. Raises SourceError."""
    if ".csv" in path.suffixes:
        part = read_csv(path, CsvForm(names=TRIPLE), progress)
        file.read += part.blank
        file.drop("blank row", part.blank)
        columns = [column.to_pylist() for column in part.table.columns]
        numbered = zip(part.rows.tolist(), map(list, zip(*columns, strict=True)), strict=True)
    else:
        numbered = fields_of(path, file, progress)  # type: ignore[assignment]
    for row, fields in numbered:
        check_width(path, row, fields, TRIPLE)
        if row == 1 and _is_header(fields, path):
            continue
        if not all(fields):
            raise SourceError(
                f"{path}, row {row}: a field is empty. Cure: write head, relation and tail in "
                "every row, or remove it."
            )
        yield fields


def _is_header(fields: list[str], path: Path) -> bool:
    """Whether the first row names the columns. Raises SourceError for names in another order."""
    if tuple(one.lower() for one in fields) in HEADERS:
        return True
    roles = [next((one for one in TRIPLE if means("facts", name, one)), "") for name in fields]
    if sorted(roles) == sorted(TRIPLE) and roles != list(TRIPLE):
        raise SourceError(
            f"{path}, row 1: the columns are {', '.join(map(shown, fields))}, which seem to be "
            f"{', '.join(roles)}. Cure: write them in the order head, relation, tail."
        )
    return roles == list(TRIPLE)


def _read_dictionary(path: Path, file: FileReport, progress: Progress | None) -> dict[str, str]:
    """The name of each number; lines have the number and the name, in either order."""
    rows = []
    for row, fields in fields_of(path, file, progress):
        check_width(path, row, fields, ("number", "name"))
        rows.append(fields)
    file.read += len(rows)
    first = all(are_numbers([one]) for one, _ in rows)
    return {one[not first]: one[first] for one in rows}


def _names_of(used: Iterable[str], names: dict[str, str], report: LoadReport) -> dict[str, str]:
    """The names by their numbers, if the triples have numbers that all have a name; nothing if they
    have names already, or numbers without one, which a note says."""
    numbers = dict.fromkeys(used)
    if not names or set(numbers) <= set(names.values()):
        return {}
    missing = [one for one in numbers if one not in names]
    if missing:
        report.notes.append(
            f"no name is there for {len(missing):,} of {len(numbers):,} numbers of the triples, "
            f"such as {shown(missing[0])}: all of them stay as they are."
        )
    return {} if missing else names


# OpenKE: a count in the first line, and the order head, tail, relation.


def _openke(files: Mapping[str, Path]) -> list[Path]:
    found = [files[name] for name in _OPENKE if name in files]
    return [*(files[name] for name in _OPENKE_NAMES if name in files), *found] if found else []


def _read_openke(paths: list[Path], report: LoadReport, progress: Progress | None) -> GraphFacts:
    found = GraphFacts()
    names: dict[str, dict[int, str]] = {}
    for path in paths:
        file, word = report.file(path.name), path.name.partition("2")[0]
        if word in ("entity", "relation"):
            names[word] = _openke_names(path, file, progress)
            continue
        for row, fields in _counted(path, file, progress):
            check_width(path, row, fields, _OPENKE_ROW)
            head, tail, relation = numbers_in(path, row, fields)
            ends = [_openke_name(names.get("entity"), one, path, row) for one in (head, tail)]
            kind = _openke_name(names.get("relation"), relation, path, row)
            found.add((ends[0], kind, ends[1]), file)
    return found


def _openke_names(path: Path, file: FileReport, progress: Progress | None) -> dict[int, str]:
    found: dict[int, str] = {}
    for row, fields in _counted(path, file, progress):
        *words, last = fields
        (number,) = numbers_in(path, row, [last])
        if not words or number in found:
            raise SourceError(
                f"{path}, row {row}: {shown(' '.join(fields))} is no name with a number of its "
                "own. Cure: write each name and its number once."
            )
        found[number] = " ".join(words)
        file.read += 1
    return found


def _openke_name(names: dict[int, str] | None, number: int, path: Path, row: int) -> str:
    if names is None:
        return str(number)
    if number not in names:
        raise SourceError(
            f"{path}, row {row}: {number} has no name. Cure: add it to entity2id.txt or "
            "relation2id.txt; a row has head, tail and relation in this order."
        )
    return names[number]


def _counted(
    path: Path, file: FileReport, progress: Progress | None
) -> Iterable[tuple[int, list[str]]]:
    """The rows after the count of the first line. Raises SourceError without a count."""
    count, rows = None, 0
    for row, fields in fields_of(path, file, progress):
        if count is not None:
            rows += 1
            yield row, fields
        elif len(fields) == 1:
            (count,) = numbers_in(path, row, fields)
        else:
            raise SourceError(
                f"{path}, row {row}: {shown(' '.join(fields))} is no count. Cure: write the number "
                "of rows in the first line, as OpenKE does."
            )
    if count != rows:
        file.notes.append(f"the first line says {count} rows, and there are {rows:,}.")


# OGB: the heads and tails in edge.csv, the relations in edge_reltype.csv.


def _ogb(files: Mapping[str, Path]) -> list[Path]:
    if not set(_OGB) <= set(files):
        return []
    return [files[name] for name in (*_OGB, *_OGB_NAMES) if name in files]


def _read_ogb(paths: list[Path], report: LoadReport, progress: Progress | None) -> GraphFacts:
    found, edge, kind = GraphFacts(), paths[0], paths[1]
    entities: dict[str, str] = {}
    relations: dict[str, str] = {}
    for path in paths[2:]:
        names = _ogb_names(path, report.file(path.name), progress)
        if path.name.startswith("node"):
            entities = names
        else:
            relations = names
    edges = read_csv(edge, CsvForm(names=("head", "tail")), progress).table
    kinds = read_csv(kind, CsvForm(names=("relation",)), progress).table
    if edges.num_rows != kinds.num_rows:
        raise SourceError(
            f"{edge}: {edges.num_rows:,} rows, and {kinds.num_rows:,} in {kind.name}. Cure: give "
            "files that belong together."
        )
    report.file(kind.name).read = kinds.num_rows
    file = report.file(edge.name)
    heads, relation_ids, tails = (
        column.to_pylist() for column in (edges["head"], kinds["relation"], edges["tail"])
    )
    entities = _names_of([*heads, *tails], entities, report)
    relations = _names_of(relation_ids, relations, report)
    for row, fact in enumerate(zip(heads, relation_ids, tails, strict=True), start=1):
        head, relation, tail = fact
        if not all(fact):
            raise SourceError(f"{edge}, row {row}: a field is empty. Cure: complete the row.")
        named = entities.get(head, head), relations.get(relation, relation)
        found.add((*named, entities.get(tail, tail)), file)
    return found


def _ogb_names(path: Path, file: FileReport, progress: Progress | None) -> dict[str, str]:
    table = read_csv(path, CsvForm(), progress).table
    if table.num_columns < 2:
        raise SourceError(f"{path}, row 1: there is one column. Cure: write numbers and names.")
    file.read = table.num_rows
    numbers, names = (table.column(place).to_pylist() for place in (0, 1))
    return {number: name or number for number, name in zip(numbers, names, strict=True)}
