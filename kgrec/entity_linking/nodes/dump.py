"""Dump: named things of another source, with the facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.disk.paths import given_path
from kgrec.entity_linking.nodes.rdf_graph import RdfGraph
from kgrec.entity_linking.nodes.things import (
    IDS,
    NAMES,
    Things,
    find_column,
    is_key,
    texts,
    things_of,
)
from kgrec.errors import SourceError
from loaders.graph_formats.rdf import is_rdf
from loaders.recognition import plain_name
from loaders.report import LoadReport, Progress
from loaders.tables.infer import NULL
from loaders.tables.tabular import CsvForm, delimiter_hint, read_table

FACTS: Final = ("head", "relation", "tail")
URI: Final = "uri"  # the attribute that keeps the id of a linked thing, if it is an IRI
_NO_ATTRIBUTE: Final = ("id", "itemid", "entityid", "title", "name", "kind")
_NO_FACTS: Final = pd.DataFrame({column: np.empty(0, dtype=object) for column in FACTS})


@dataclass(frozen=True, eq=False)
class Dump:
    """Named things, and what is known about them.

    Attributes
    ----------
    things : Things
        The things that nodes of a catalog may be linked to.
    facts : pandas.DataFrame
        Columns head, relation, tail, and relation_iri where relations are IRIs.
    names, kinds : mapping of str to str
        The name and the kind of each thing, and of the other nodes of the facts.
    attribute : str
        The attribute that keeps the id of the linked thing.
    report : LoadReport
        What was read and left out.
    """

    things: Things
    facts: pd.DataFrame = field(default_factory=lambda: _NO_FACTS)
    names: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    attribute: str = URI
    report: LoadReport = field(default_factory=LoadReport)


def read_dump(
    path: str | Path,
    *,
    facts: str | Path | None = None,
    entities: str | Path | None = None,
    id_column: str | None = None,
    name_column: str | None = None,
    year_column: str | None = None,
    language: str = "en",
    delimiter: str = ",",
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> Dump:
    """Read a dump of named things.

    Parameters
    ----------
    path : str or Path
        A table with an id and a name in each row (CSV, TSV, JSON, Parquet), or RDF (N-Triples,
        Turtle …), whose nodes are the things and whose IRIs are their ids.
    facts : str or Path, optional
        Facts about the things of a table: a table with the columns head, relation and tail, or
        RDF.
    entities : str or Path, optional
        A table with the ids and names of what these facts name.
    id_column, name_column, year_column : str, optional
        The columns of the table; by default those whose names say so.
    language : str
        RDF: the language of names and texts.
    delimiter, encoding : str
        What separates the fields of tables in text, and their encoding.
    progress : callable, optional
        Called with (file name, bytes read, bytes in all).

    Returns
    -------
    Dump
        The things and the facts; ``report`` says what was left out.

    Raises
    ------
    SourceError
        If a file can't be read, or has no columns of ids and names.
    """
    file, report = given_path(path, "the dump"), LoadReport()
    form = CsvForm(delimiter, encoding)
    if is_rdf(plain_name(file.name)):
        graph = RdfGraph.read(file, report, progress, language)
        things = graph.things(file, year_column)
        return Dump(things, graph.facts(), graph.names, graph.kinds, URI, report)
    frame = read_frame(file, form, report, progress)
    key, name = _key_column(file, frame, id_column), _name_column(file, frame, name_column)
    things = _things(file, frame, key, name, year_column, report)
    names = dict(zip(things.ids, things.names, strict=True))
    kinds = dict(zip(things.ids, things.kinds, strict=True))
    if entities is not None:
        others, words = _described(given_path(entities, "the entities"), form, report, progress)
        names, kinds = {**others, **names}, {**words, **kinds}
    known = _NO_FACTS
    if facts is not None:
        source = given_path(facts, "the facts")
        if is_rdf(plain_name(source.name)):
            graph = RdfGraph.read(source, report, progress, language)
            known, names, kinds = graph.facts(), graph.names | names, graph.kinds | kinds
        else:
            known = _facts(source, form, report, progress)
    return Dump(things, known, names, kinds, _attribute(key, things), report)


def read_frame(
    path: Path, form: CsvForm, report: LoadReport, progress: Progress | None = None
) -> pd.DataFrame:
    """The rows of a table as texts. Raises SourceError."""
    table = read_table(path, form, progress)
    hint = "" if table.typed else delimiter_hint(table.table.column_names, form.delimiter)
    if hint:
        raise SourceError(f"{path}, row 1: there is one column. Cure:{hint}")
    file = report.file(path.name)
    file.read = table.table.num_rows + table.blank
    file.drop("blank rows", table.blank)
    file.notes += table.notes
    frame = pd.DataFrame({name: texts(column) for name, column in _columns(table.table)})
    return frame.replace(NULL, "")


def _columns(table: Any) -> list[tuple[str, pd.Series[Any]]]:
    return [(name, table.column(name).to_pandas()) for name in table.column_names]


def _key_column(path: Path, frame: pd.DataFrame, given: str | None) -> str:
    """The column of ids. Raises SourceError where there is none."""
    if given is not None:
        return _named(path, frame, given)
    found = find_column(frame, IDS)
    if found is not None:
        return found
    ids = [c for c in frame if str(c).lower().endswith("id") and is_key(frame[c])]
    ids += [c for c in frame if is_key(frame[c])]
    if not ids:
        raise SourceError(
            f"{path}: no column has an id in each row; there are {_listed(frame)}. Cure: add one, "
            "or name it with id_column (--id-column)."
        )
    return str(ids[0])


def _name_column(path: Path, frame: pd.DataFrame, given: str | None) -> str | None:
    """The column of names; None where there is none, and ids alone can be compared."""
    return _named(path, frame, given) if given is not None else find_column(frame, NAMES)


def _named(path: Path, frame: pd.DataFrame, column: str) -> str:
    if column not in frame:
        raise SourceError(f"{path}: no column {column}. Cure: give one of {_listed(frame)}.")
    return column


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns)) or "no columns"


def _things(
    path: Path,
    frame: pd.DataFrame,
    key: str,
    name: str | None,
    year: str | None,
    report: LoadReport,
) -> Things:
    """The things of a table; further rows of an id give it further names."""
    file = report.file(path.name)
    kept = frame[frame[key] != ""]
    file.drop("rows without an id", len(frame) - len(kept))
    first = kept.drop_duplicates(key)
    again = kept[kept.duplicated(key)]
    file.drop("further rows of an id, of which only the name was kept", len(again))
    if year is not None:
        _named(path, frame, year)
    things = things_of(first, key, name, year=year)
    if name is None:
        file.notes.append(
            f"no column of names was found among {_listed(frame)}: only ids can be compared. Cure: "
            "name it (--name-column)."
        )
    if again.empty or name is None:
        return things
    more = again.groupby(key)[name].agg("|".join)
    others = first[key].map(more).fillna("").to_numpy(dtype=object)
    more_names = {**things.others, f"{name} of further rows": others}
    return replace(things, others=more_names)


def _described(
    path: Path, form: CsvForm, report: LoadReport, progress: Progress | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The names and kinds of a table of entities, by id."""
    frame = read_frame(path, form, report, progress)
    key, name = _key_column(path, frame, None), _name_column(path, frame, None)
    things = _things(path, frame, key, name, None, report)
    return (
        dict(zip(things.ids, things.names, strict=True)),
        dict(zip(things.ids, things.kinds, strict=True)),
    )


def _facts(
    path: Path, form: CsvForm, report: LoadReport, progress: Progress | None
) -> pd.DataFrame:
    """The facts of a file. Raises SourceError where it has no columns of facts."""
    frame = read_frame(path, form, report, progress)
    missing = [column for column in FACTS if column not in frame]
    if missing:
        raise SourceError(
            f"{path}: no column {', '.join(missing)}. Cure: name the columns of the facts head, "
            f"relation and tail; there are {_listed(frame)}."
        )
    kept = frame[(frame[list(FACTS)] != "").all(axis=1)]
    report.file(path.name).drop(
        "facts without a head, a relation or a tail", len(frame) - len(kept)
    )
    return kept[list(FACTS)]


def _attribute(key: str, things: Things) -> str:
    """The attribute for the ids of a table: its column's name, where items may have it."""
    if all("://" in value for value in things.ids[:100]):
        return URI
    plain = key.lower().replace("_", "")
    return "linked_id" if plain in _NO_ATTRIBUTE else key
