"""The CSV layout: a folder with one file per frame of the catalog, delimited text, JSON or Parquet.

Only the interactions are required. A single file of any name is read as interactions.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from graph_schema.disk.change import finish_change
from graph_schema.disk.files import read_json
from graph_schema.disk.paths import given_path
from graph_schema.errors import CatalogError, SourceError, reason
from graph_schema.frames import SPECS
from graph_schema.names import FRAMES
from graph_schema.near_names import nearest
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.graph_formats.beside import (
    FactsFiles,
    add_facts,
    are_facts,
    find_facts,
    without_interactions,
)
from loaders.loader import Loader, folder_of
from loaders.recognition import FileNames, first_lines, unread_files
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.tables.blocks import blocks_in
from loaders.tables.cells import clean_table
from loaders.tables.headers import (
    form_of_interactions,
    named_columns,
    note_on_ratings,
    with_columns,
)
from loaders.tables.infer import infer_types
from loaders.tables.streams import check_whole
from loaders.tables.tabular import (
    JSON,
    SUFFIXES,
    TEXTS,
    CsvForm,
    FileTable,
    delimiter_hint,
    form_of,
    kind_of,
    looks_like_data,
    read_first_row,
    read_table,
)
from loaders.vectors import FOLDER, VECTOR_FILES, read_vectors

_ENDS: Final = (*SUFFIXES, ".zip")  # an archive tells by its file what it holds
_TABLES: Final = tuple(end for end in _ENDS if not end.startswith((*JSON, ".txt", ".dat")))
# What holds tables elsewhere, and is not read here.
_UNREAD: Final = (
    *(".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".lz4"),
    *(".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".xml"),
    *(".feather", ".arrow", ".orc", ".avro", ".h5", ".hdf5", ".pkl", ".pickle", ".sqlite", ".db"),
)
LIST: Final = ".kgrec-export.json"  # lists the files that an export wrote
_READS: Final = 5


def csv_folder(
    folder: str | Path,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    header: bool = True,
    columns: Sequence[str] | None = None,
    language: str = "en",
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of the CSV layout, with its vectors of items (see ``loaders.vectors``).

    Columns that the layout doesn't know are kept as attributes. They become numbers or booleans if
    no value changes by that. Blank rows and exact repeats of nodes and facts are dropped and
    counted; equal interactions are separate events. Files that an export replaces meanwhile are
    read again, so that nothing is mixed from two exports.

    Parameters
    ----------
    folder : str or Path
        The folder with interactions.csv (or .tsv, .txt, .dat, .parquet, .jsonl, .ndjson, .json;
        each also packed as .gz, .xz, .bz2, .zst or .zip) and the other files; or one file of any
        name, which holds the interactions.
    delimiter : str
        The delimiter of delimited files; .tsv files are separated by tabs.
    encoding : str
        The encoding of delimited files.
    header : bool
        Whether the first row of the interactions holds the names of the columns. If not, they are
        user_id, item_id, rating and timestamp in this order, as many as there are, or ``columns``.
    columns : sequence of str, optional
        The names of the columns of the interactions, in the order of the file, user_id and item_id
        among them. They replace those of the header, if there is one.
    language : str
        The language of names and texts in RDF; else those without a language, else any.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    RequestError
        If an option is no such value.
    SourceError
        If a file is missing or can't be read.
    CatalogError
        If the content breaks the schema; the error lists every problem.
    """
    folder, form = given_path(folder, "folder"), CsvForm(delimiter, encoding)
    names = None if columns is None else named_columns(columns)
    reader = FolderReader(folder, form, header, names, language, progress)
    for _ in range(_READS):
        finish_export(folder)
        before = _identities(folder)
        try:
            result = reader.read()
        except (SourceError, CatalogError):
            if _identities(folder) == before:
                raise
            continue
        if _identities(folder) == before:
            return result
    raise SourceError(
        f"{folder}: its files are replaced again and again while they are read. Cure: load it "
        "when nobody exports to it."
    )


@dataclass(frozen=True)
class FolderReader:
    """What ``csv_folder`` was asked to read: a folder, or a file of interactions."""

    folder: Path
    form: CsvForm
    header: bool
    columns: tuple[str, ...] | None
    language: str
    progress: Progress | None

    def read(self) -> LoadResult:
        builder, others = CatalogBuilder(), find_facts(self.folder, self.language)
        for name, path in self.files(builder.report, others).items():
            self.add(builder, name, path)
        if not builder.tables["interactions"].num_rows:
            raise SourceError(
                f"{builder.sources['interactions']}: there is a header but no row. Cure: add "
                "interactions."
            )
        if others is not None:
            add_facts(builder, others, self.progress)
        builder.add_vectors(read_vectors(self.folder, builder.report))
        return builder.build()

    def add(self, builder: CatalogBuilder, name: str, path: Path) -> None:
        """Read the file of a frame, clean it, and add the frame."""
        part = self._table(name, path)
        file = builder.report_file(path, part)
        part = self.cleaned(name, path, part, file)
        builder.add(name, part.table, path, part.rows)

    def cleaned(self, name: str, path: Path, part: FileTable, file: FileReport) -> FileTable:
        """Rows of a file without what nobody wants, in the types that they say."""
        texts = self._texts
        if path.name not in texts:
            part = clean_table(part, SPECS[name], file)
        known = {*SPECS[name].by_name, *texts.get(path.name, ())}
        if part.typed:
            known |= set(part.table.column_names)
        return replace(part, table=infer_types(part.table, known, file, part.rows))

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        return _exported_texts(self.folder)

    def files(self, report: LoadReport, others: FactsFiles | None) -> dict[str, Path]:
        """The files to read, by the names of their frames. Raises SourceError."""
        if self.folder.is_file():
            return {"interactions": self.folder}
        return _find_files(self.folder, report, others)

    def _table(self, name: str, path: Path) -> FileTable:
        own, given = form_of(path, self.form), name == "interactions"
        note: str | None = None
        if not given or (self.header and self.columns is None):
            _check_header(name, path, own)
        if given and not self.header:
            own, note = form_of_interactions(path, own, self.columns)
        part = read_table(path, own, self.progress)
        if part.typed:
            _check_objects(name, path, part.table.column_names)
        if given and self.header and self.columns is not None:
            part = with_columns(part, path, self.columns)
        elif own.names is None:
            _check_delimiter(name, path, part.table.column_names, own.delimiter)
            if self.folder == path or (given and _has_no_names(part.table.column_names)):
                _check_interactions(path, part.table.column_names)
        if note is None:
            return part
        more = note_on_ratings(part) if self.columns is None else None
        if more is not None and not _are_numbers(part.table.column("rating")):
            raise SourceError(f"{path}: {more.replace(': pass', '. Cure: pass', 1)}")
        return replace(part, notes=(note, *([more] if more else []), *part.notes))


def _exported_texts(folder: Path) -> dict[str, list[str]]:
    """The columns of text by the file of an export: they come back as they were written."""
    try:
        found = read_json(folder / LIST)["texts"]
        return {str(name): [str(column) for column in columns] for name, columns in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def loaded_files(folder: Path) -> list[Path]:
    """The files of ``folder`` that a load would read."""
    if folder.is_file():
        return [folder]
    there = folder.iterdir() if folder.is_dir() else ()
    tables = [path for path in there if _stem(path.name) in FRAMES]
    vectors = [path for end in VECTOR_FILES for path in (folder / FOLDER).glob(f"*{end}")]
    others = find_facts(folder)
    return sorted({*tables, *vectors, *(() if others is None else others.paths)})


def _stem(name: str) -> str | None:
    """The name of a file that can be read, without what tells its form; None for any other."""
    ends = [end for end in _ENDS if name.lower().endswith(end)]
    return name[: -max(map(len, ends))] if ends else None


def _identities(folder: Path) -> dict[Path, int]:
    """The files that a load reads; the number of each is another one after an export."""
    found = {}
    for path in loaded_files(folder):
        with suppress(OSError):  # gone, or a link that leads nowhere
            found[path] = path.stat().st_ino
    return found


def finish_export(folder: Path) -> None:
    """Finish an export to this folder that was interrupted. Raises SourceError."""
    try:
        finish_change(folder)
    except OSError as error:
        raise SourceError(
            f"{folder}: an export to it was interrupted and can't be finished ({reason(error)}). "
            "Cure: permit writing in the folder, or export again."
        ) from error


def _find_files(folder: Path, report: LoadReport, others: FactsFiles | None) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that has "
            "interactions.csv and the other files."
        )
    found: dict[str, Path] = {}
    others_here: list[str] = []
    for path in sorted(folder.iterdir()):
        name = _stem(path.name)
        if path.name.startswith(".") or (others is not None and path in others.paths):
            continue
        if name is None:
            _check_unread(path)
            others_here.append(path.name)
        elif path.name.lower().startswith(("readme", "license")):
            continue
        elif name not in FRAMES:
            _report_other_file(path, name, report)
        elif name in found:
            raise SourceError(
                f"{folder}: both {found[name].name} and {path.name} exist. Cure: keep one."
            )
        else:
            found[name] = path
    if "interactions" not in found and others is not None:
        raise SourceError(without_interactions(folder, others))
    if "interactions" not in found:
        raise SourceError(
            f"{folder}: there is no interactions.csv (nor .tsv, .txt, .dat, .parquet, .jsonl, "
            ".json, nor one of these packed). Cure: add it, with the columns user_id, item_id and, "
            "if known, rating and timestamp; or give the one file that holds them; or describe "
            f"files of other names by a mapping: kgrec map {folder} --out FILE.toml."
        )
    report.notes += unread_files(FileNames(folder).intersection(others_here) - {FOLDER})
    return {name: found[name] for name in FRAMES if name in found}


def _check_unread(path: Path) -> None:
    """Raise SourceError for a file of the layout that can't be read and would be passed over."""
    if _is_unread(path.name):
        stem = path.name.split(".")[0]
        raise SourceError(
            f"{path}: a {path.suffix} file can't be read. Cure: write its table as {stem}.csv or "
            f"{stem}.parquet, which may be packed as .gz, .xz, .bz2, .zst or .zip."
        )


def _report_other_file(path: Path, name: str, report: LoadReport) -> None:
    """Note a file that isn't read. Raises SourceError if its name looks misspelt."""
    near = difflib.get_close_matches(name.lower(), FRAMES, n=1, cutoff=0.75)
    if near:
        raise SourceError(
            f"{path}: no file of the layout has this name. Cure: call it "
            f"{near[0]}{path.name[len(name) :]}, or move it elsewhere."
        )
    report.notes.append(f"{path.name} is not a file of the layout and was not read.")


def _check_delimiter(name: str, path: Path, columns: list[str], delimiter: str) -> None:
    """Raise SourceError if a required column is missing because the delimiter is wrong."""
    missing = [c for c in SPECS[name].required if c not in columns]
    hint = delimiter_hint(columns, delimiter)
    if not missing or not hint:
        return
    if kind_of(path) == ".tsv" and "pass delimiter" in hint:
        hint = " A .tsv file is separated by tabs: give it a name that ends in .csv." + hint
    elif delimiter != "," and "pass delimiter" in hint:
        hint += f" All files take one delimiter: else write this file with {delimiter!r}."
    if name == "interactions" and looks_like_data(re.split(r"[,;\t|]", columns[0])):
        hint += " Its first row looks like data: pass header=False (--no-header) too."
    raise SourceError(f"{path}, row 1: the column {missing[0]} is missing. Cure:{hint}")


def _check_objects(name: str, path: Path, columns: list[str]) -> None:
    """Raise SourceError for JSON whose objects are no rows but hold them."""
    missing = [c for c in SPECS[name].required if c not in columns]
    if not missing:
        return
    within = [c for c in columns if c.startswith(f"{missing[0]}.")]
    around = [c for c in columns if c.endswith(f".{missing[0]}")]
    if {"columns", "index"} <= set(columns) or any(c.split(".")[-1].isdigit() for c in within):
        raise SourceError(
            f"{path}: this is one object of columns, as to_json of pandas writes it. Cure: write "
            "it with orient='records'."
        )
    if within:
        raise SourceError(
            f"{path}, column {missing[0]}: its values are objects ({within[0]}). Cure: write the "
            f"value itself as {missing[0]}."
        )
    if around:
        raise SourceError(
            f"{path}: the rows are inside of {around[0].removesuffix('.' + missing[0])}. Cure: "
            "write them as one array of objects, without anything around it."
        )


def _check_header(name: str, path: Path, form: CsvForm) -> None:
    """Raise SourceError for a delimited file whose first row looks like data."""
    if kind_of(path) not in TEXTS or path.is_dir():
        return
    blocks = blocks_in(first_lines(path)) if name == "interactions" else ""
    if blocks:
        what, _, cure = blocks.rpartition("; ")
        raise SourceError(f"{path}: this is no table: {what}. Cure: {cure}.")
    columns = read_first_row(path, form)
    if not set(SPECS[name].required) <= set(columns) and looks_like_data(columns):
        check_whole(path)
        raise SourceError(
            f"{path}, row 1: this looks like data and not like a header. Cure: add a first row "
            f"with the names of the columns, {', '.join(SPECS[name].required)} among them"
            + ("; or pass header=False (--no-header)." if name == "interactions" else ".")
        )


def _has_no_names(columns: list[str]) -> bool:
    """Whether no column of interactions is called as users or items are, so that the first row may
    be data."""
    required = SPECS["interactions"].required
    return not any(nearest("interactions", columns, name) for name in required)


def _are_numbers(column: Any) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, r"^[0-9.]+$")).as_py())


def _check_interactions(path: Path, columns: list[str]) -> None:
    """Raise SourceError where a file that was given alone holds no interactions."""
    missing = [name for name in SPECS["interactions"].required if name not in columns]
    if missing:
        raise SourceError(
            f"{path}: there is no column {missing[0]} (columns here: "
            f"{', '.join(map(shown, columns))}). Cure: name the columns of users and items user_id "
            "and item_id, or pass all names in order as columns= (--columns user_id,item_id,…); "
            "where the first row is data, pass header=False (--no-header) as well; or describe the "
            f"files by a mapping: kgrec map {path.parent} --out FILE.toml."
        )


def _recognises(files: FileNames) -> bool:
    return any(map(_is_own, files)) or are_facts(files)


def _is_own(name: str) -> bool:
    """Whether a file belongs to the layout; other formats have users.dat or items.json as well."""
    if _stem(name) == "interactions":
        return True
    ends = [end for end in _TABLES if name.lower().endswith(end)]
    return any(name[: -len(end)] in FRAMES for end in ends) or _is_unread(name)


def _is_unread(name: str) -> bool:
    return name.lower().endswith(_UNREAD) and name.split(".")[0] in FRAMES


def _takes(name: str) -> bool:
    return _stem(name) is not None


def _arguments(path: Path) -> dict[str, Any]:
    """The folder of a file that has a name of the layout or holds facts, else the file itself."""
    own = _stem(path.name) in FRAMES or are_facts(FileNames(path))
    return {"folder": folder_of(path) if own else path}


LOADER: Final = Loader(
    name="csv",
    title="the CSV layout",
    files="interactions.csv",
    recognises=_recognises,
    function=csv_folder,
    arguments=_arguments,
    takes=_takes,
)
