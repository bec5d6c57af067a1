"""XMRec (XMarket) as published: one file MARKET_5core.txt.gz of ratings per market of a shop.

Each market is a scenario. Markets share items, but not users.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.conversion.columns import true_positions
from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.report import ProblemCollector, shown
from loaders.builder import CatalogBuilder
from loaders.loader import Loader, folder_of
from loaders.report import LoadReport, LoadResult, Progress
from loaders.tables.tabular import CsvForm, delimiter_hint, read_csv

FORM: Final = CsvForm(delimiter=" ", quoted=False)
FILE: Final = re.compile(r"([a-z]{2})_5core\.txt(?:\.gz)?")
_COLUMNS: Final = {"userId": "user_id", "itemId": "item_id", "rate": "rating", "date": "timestamp"}
# The markets of the publication (Bonab et al., CIKM 2021): country, language, currency, region.
MARKETS: Final = {
    "ae": ("United Arab Emirates", "Arabic", "dirham", "Middle East"),
    "au": ("Australia", "English", "Australian dollar", "Oceania"),
    "br": ("Brazil", "Portuguese", "real", "South America"),
    "ca": ("Canada", "English", "Canadian dollar", "North America"),
    "cn": ("China", "Chinese", "yuan", "East Asia"),
    "de": ("Germany", "German", "euro", "Europe"),
    "es": ("Spain", "Spanish", "euro", "Europe"),
    "fr": ("France", "French", "euro", "Europe"),
    "in": ("India", "Hindi", "rupee", "South Asia"),
    "it": ("Italy", "Italian", "euro", "Europe"),
    "jp": ("Japan", "Japanese", "yen", "East Asia"),
    "mx": ("Mexico", "Spanish", "Mexican peso", "North America"),
    "nl": ("Netherlands", "Dutch", "euro", "Europe"),
    "sa": ("Saudi Arabia", "Arabic", "riyal", "Middle East"),
    "sg": ("Singapore", "English", "Singapore dollar", "Southeast Asia"),
    "tr": ("Turkey", "Turkish", "lira", "Middle East"),
    "uk": ("United Kingdom", "English", "pound sterling", "Europe"),
    "us": ("United States", "English", "US dollar", "North America"),
}
_ATTRIBUTES: Final = ("country", "language", "currency", "region")


def xmrec(
    folder: str | Path,
    *,
    markets: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of MARKET_5core.txt.gz (or .txt) files: userId, itemId, rate and date.

    The scenario of an interaction is the code of its market. The markets of the publication have a
    description, country, language, currency and region. A user id in two markets becomes two users,
    such as "de:ID" and "uk:ID". Timestamps are midnight, UTC.

    Parameters
    ----------
    folder : str or Path
        The folder with the files of the markets.
    markets : sequence of str, optional
        The codes of the markets to read, such as "de". By default all markets are read.
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
        If the content breaks the schema.
    """
    folder = given_path(folder, "folder")
    builder = CatalogBuilder()
    events = {
        market: _read_market(path, market, progress, builder)
        for market, path in _find_files(folder, markets).items()
    }
    interactions = pa.concat_tables(_separate_users(events, builder.report))
    builder.add("interactions", interactions, folder)
    builder.add("scenarios", _scenarios(list(events)), "scenarios of the markets")
    return builder.build()


def _find_files(folder: Path, markets: Sequence[str] | None) -> dict[str, Path]:
    """Return market → file, in the order of the codes."""
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder of MARKET_5core.txt.gz."
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = FILE.fullmatch(path.name)
        if match is None or (markets is not None and match[1] not in markets):
            continue
        if match[1] in found:
            raise SourceError(
                f"{folder}: both {found[match[1]].name} and {path.name} exist. Cure: keep one."
            )
        found[match[1]] = path
    missing = sorted(set(markets or ()) - set(found))
    if missing or not found:
        raise SourceError(
            f"{folder}: there is no {missing[0] if missing else 'MARKET'}_5core.txt.gz (nor .txt). "
            "Cure: add the file; MARKET is a code of two letters, such as de."
        )
    return found


def _read_market(
    path: Path, market: str, progress: Progress | None, builder: CatalogBuilder
) -> pa.Table:
    """Read one market's interactions and validate them, so that problems name file and row."""
    part = read_csv(path, FORM, progress)
    builder.report_file(path, part)
    missing = [name for name in _COLUMNS if name not in part.table.column_names]
    if missing:
        hint = delimiter_hint(part.table.column_names, " ", "write blanks, as published")
        hint = hint or " name the columns as published."
        raise SourceError(f"{path}, row 1: the column {missing[0]} is missing. Cure:{hint}")
    if not part.table.num_rows:
        raise SourceError(f"{path}: there is a header but no row. Cure: add rows, or remove it.")
    table = part.table.rename_columns([_COLUMNS.get(n, n) for n in part.table.column_names])
    sources, rows = {"interactions": str(path)}, {"interactions": part.rows}
    collector = ProblemCollector(sources, rows)
    place = table.column_names.index("timestamp")
    table = table.set_column(place, "timestamp", _midnights(table["timestamp"], collector))
    collector.report().raise_if_any()
    table = table.append_column("scenario", pa.repeat(pa.scalar(market), table.num_rows))
    own = Catalog.from_frames(interactions=table, sources=sources, rows=rows)
    own.validate().raise_if_any()
    return own.tables["interactions"]


def _midnights(dates: Any, collector: ProblemCollector) -> Any:
    """Convert dates to unix seconds at midnight. An empty date is absent, a wrong one a problem."""
    given = pc.if_else(pc.equal(dates, ""), pa.scalar(None, pa.string()), dates)
    times = pc.strptime(given, format="%Y-%m-%d", unit="s", error_is_null=True)
    # Arrow reads 2016-02-30 as a day of March.
    same = pc.fill_null(pc.equal(pc.strftime(times, format="%Y-%m-%d"), given), False)
    wrong = true_positions(pc.and_(pc.is_valid(given), pc.invert(same)))
    collector.add_rows(
        "interactions",
        "date",
        wrong,
        partial(_no_date, dates),
        "write dates as 2016-10-08, or leave the value empty.",
    )
    return times.cast(pa.int64())


def _no_date(dates: Any, row: int) -> str:
    return f"{shown(dates[row].as_py())} is not a date."


def _separate_users(events: dict[str, pa.Table], report: LoadReport) -> list[pa.Table]:
    """Put the market's code before every user id that several markets have."""
    ids = pa.concat_arrays([pc.unique(table["user_id"]) for table in events.values()])
    counts = pc.value_counts(ids)
    shared = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(shared):
        word = "id is" if len(shared) == 1 else "ids are"
        report.notes.append(
            f"{len(shared):,} user {word} in two markets or more; the market's code is put before "
            "such an id."
        )
    parts = []
    for market, table in events.items():
        users = table["user_id"]
        prefixed = pc.binary_join_element_wise(pa.scalar(f"{market}:"), users, "")
        own = pc.if_else(pc.is_in(users, value_set=shared), prefixed, users)
        parts.append(table.set_column(table.column_names.index("user_id"), "user_id", own))
    return parts


def _scenarios(markets: list[str]) -> pa.Table:
    """One row per market; a market that the publication doesn't list has no description."""
    known = [MARKETS.get(market, (None,) * len(_ATTRIBUTES)) for market in markets]
    columns = {name: [row[i] for row in known] for i, name in enumerate(_ATTRIBUTES)}
    descriptions = [
        f"The shop in {country}, {region}; its language is {language}, its currency the {currency}."
        if country
        else ""
        for country, language, currency, region in known
    ]
    names = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({"scenario_id": markets, "description": descriptions, **names})


def _arguments(path: Path) -> dict[str, Any]:
    match = FILE.fullmatch(path.name) if path.is_file() else None
    return {"folder": folder_of(path), "markets": None if match is None else [match[1]]}


def _recognises(names: set[str]) -> bool:
    return any(FILE.fullmatch(name) for name in names)


LOADER: Final = Loader(
    name="xmrec",
    title="XMRec's markets (each becomes a scenario with its country, language and currency)",
    files="de_5core.txt.gz",
    recognises=_recognises,
    function=xmrec,
    arguments=_arguments,
)
