"""The CSV layout: a folder with one .csv, .csv.gz or .parquet file per frame of the catalog.

Only the interactions are required.
"""

from __future__ import annotations

import difflib
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from graph_schema.disk.change import finish_change
from graph_schema.disk.paths import given_path
from graph_schema.errors import CatalogError, SourceError, reason
from graph_schema.frames import SPECS
from graph_schema.names import FRAMES
from loaders.builder import CatalogBuilder
from loaders.cells import clean_table
from loaders.infer import infer_types
from loaders.loader import Loader
from loaders.report import LoadReport, LoadResult, Progress
from loaders.tabular import CsvForm, delimiter_hint, read_table
from loaders.vectors import FOLDER, VECTOR_FILES, read_vectors

_TABS: Final = (".tsv", ".tsv.gz")  # separated by tabs
SUFFIXES: Final = (".csv", ".csv.gz", *_TABS, ".parquet")
_PACKED: Final = (".zip", ".xz", ".zst", ".bz2", ".7z", ".rar")
LIST: Final = ".kgrec-export.json"  # lists the files that an export wrote
_READS: Final = 5


def csv_folder(
    folder: str | Path,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
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
        The folder with interactions.csv (or .csv.gz, .parquet) and the other files.
    delimiter : str
        The delimiter of the CSV files; .tsv files are separated by tabs.
    encoding : str
        The encoding of the CSV files.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If a file is missing or can't be read.
    CatalogError
        If the content breaks the schema; the error lists every problem.
    """
    folder, form = given_path(folder, "folder"), CsvForm(delimiter, encoding)
    for _ in range(_READS):
        finish_export(folder)
        before = _identities(folder)
        try:
            result = _read(folder, form, progress)
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


def _read(folder: Path, form: CsvForm, progress: Progress | None) -> LoadResult:
    builder, texts = CatalogBuilder(), _exported_texts(folder)
    for name, path in _find_files(folder, builder.report).items():
        own = replace(form, delimiter="\t") if path.name.endswith(_TABS) else form
        part = read_table(path, own, progress)
        _check_delimiter(name, path, part.table.column_names, own.delimiter)
        file = builder.report_file(path, part)
        if path.name not in texts:
            part = clean_table(part, SPECS[name], file)
        known = {*SPECS[name].by_name, *texts.get(path.name, ())}
        table = infer_types(part.table, known, file, part.rows)
        builder.add(name, table, path, part.rows)
    if not builder.tables["interactions"].num_rows:
        raise SourceError(
            f"{builder.sources['interactions']}: there is a header but no row. Cure: add "
            "interactions."
        )
    builder.add_vectors(read_vectors(folder, builder.report))
    return builder.build()


def _exported_texts(folder: Path) -> dict[str, list[str]]:
    """The columns of text by the file of an export: they come back as they were written."""
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))["texts"]
        return {str(name): [str(column) for column in columns] for name, columns in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def loaded_files(folder: Path) -> list[Path]:
    """The files of ``folder`` that a load would read."""
    tables = [folder / f"{name}{end}" for name in FRAMES for end in SUFFIXES]
    vectors = [path for end in VECTOR_FILES for path in (folder / FOLDER).glob(f"*{end}")]
    return sorted([*filter(Path.exists, tables), *vectors])


def _identities(folder: Path) -> dict[Path, int]:
    """The files that a load reads; the number of each is another one after an export."""
    found = {}
    for path in loaded_files(folder):
        with suppress(FileNotFoundError):
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


def _find_files(folder: Path, report: LoadReport) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that has "
            "interactions.csv and the other files."
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((s for s in sorted(SUFFIXES, key=len)[::-1] if path.name.endswith(s)), None)
        if path.name.startswith("."):
            continue
        if suffix is None:
            _check_packed(path)
            continue
        name = path.name.removesuffix(suffix)
        if name not in FRAMES:
            _report_other_file(path, name, report)
        elif name in found:
            raise SourceError(
                f"{folder}: both {found[name].name} and {path.name} exist. Cure: keep one."
            )
        else:
            found[name] = path
    if "interactions" not in found:
        raise SourceError(
            f"{folder}: there is no interactions.csv (nor .csv.gz, .parquet). Cure: add it, with "
            "the columns user_id, item_id and, if known, rating and timestamp."
        )
    return {name: found[name] for name in FRAMES if name in found}


def _check_packed(path: Path) -> None:
    """Raise SourceError for a packed file of the layout, which would be passed over."""
    if path.suffix.lower() in _PACKED and path.name.split(".")[0] in FRAMES:
        raise SourceError(
            f"{path}: a file that is packed so can't be read. Cure: unpack it, or pack it as "
            f"{path.name.split('.')[0]}.csv.gz."
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
    """Raise SourceError if a required column is missing because the delimiter is wrong, or there is
    no header."""
    missing = [c for c in SPECS[name].required if c not in columns]
    hint = delimiter_hint(columns, delimiter)
    if missing and hint:
        raise SourceError(f"{path}, row 1: the column {missing[0]} is missing. Cure:{hint}")
    if missing and any(one.replace(".", "", 1).isdigit() for one in columns):
        raise SourceError(
            f"{path}, row 1: this looks like data and not like a header. Cure: add a first row "
            f"with the names of the columns, {', '.join(SPECS[name].required)} among them."
        )


def _recognises(names: set[str]) -> bool:
    ends = (*SUFFIXES, *(f".csv{end}" for end in _PACKED))
    return any(name.removesuffix(suffix) in FRAMES for name in names for suffix in ends)


LOADER: Final = Loader(
    name="csv",
    title="the CSV layout",
    files="interactions.csv",
    recognises=_recognises,
    function=csv_folder,
)
