"""``kgrec link --to``: links of nodes to the things of a dump, proposed and accepted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.errors import RequestError
from kgrec.cli._console import show
from kgrec.cli._options import TAB
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._progress import progress_on_stderr, say

if TYPE_CHECKING:
    import pandas as pd

    from kgrec import GraphStore
    from kgrec.entity_linking import Dump

_SHOWN = ("title", "year", "target_id", "target_name", "target_year", "by", "confidence")
_ROWS = 20


@dataclass(frozen=True)
class DumpFiles:
    """The files of a dump, and which columns of its table are read."""

    to: Path
    facts: Path | None = None
    entities: Path | None = None
    id_column: str | None = None
    name_column: str | None = None
    year_column: str | None = None
    attribute: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"

    def read(self) -> Dump:
        """Read the dump, and say what was left out. Raises SourceError."""
        from dataclasses import replace

        from kgrec.entity_linking import read_dump

        with progress_on_stderr() as progress:
            dump = read_dump(
                self.to,
                facts=self.facts,
                entities=self.entities,
                id_column=self.id_column,
                name_column=self.name_column,
                year_column=self.year_column,
                delimiter=TAB.get(self.delimiter, self.delimiter),
                encoding=self.encoding,
                progress=progress,
            )
        say(str(dump.report))
        return dump if self.attribute is None else replace(dump, attribute=self.attribute)


def split_keys(given: list[str] | None) -> dict[str, str] | None:
    """``imdb=imdb_id`` as columns of nodes and of the dump. Raises RequestError."""
    if not given:
        return None
    pairs = [text.partition("=") for text in given]
    for text, (one, _, other) in zip(given, pairs, strict=True):
        if not one or not other:
            raise RequestError(
                f"--key {text}: give a column of the graph and one of the dump: imdb=imdb_id."
            )
    return {one.strip(): other.strip() for one, _, other in pairs}


def propose_links(
    graph: GraphStore,
    files: DumpFiles,
    out: Path | None,
    *,
    nodes: str,
    min_confidence: float | None,
    fuzzy: bool,
    keys: dict[str, str] | None,
    as_json: bool,
) -> None:
    """Print the proposed links, and write them to ``out``."""
    from kgrec.entity_linking import link_nodes, write_proposals
    from kgrec.entity_linking.nodes.linker import ACCEPTED
    from kgrec.graph.source import read_source

    dump = files.read()
    with progress_on_stderr() as progress:
        snapshot = read_source(graph, progress)
    least = ACCEPTED if min_confidence is None else min_confidence
    found = link_nodes(snapshot, dump, nodes=nodes, min_confidence=least, fuzzy=fuzzy, keys=keys)
    for note in found.attrs["notes"]:
        say(f"note: {note}.")
    if out is not None:
        write_proposals(found, out)
        say(f"{len(found):,} proposed links in {out}; look through them, then: --accept {out}")
    if as_json:
        print_frame(found, as_json=True)
        return
    print_frame(found[[found.columns[0], *_SHOWN]].head(_ROWS), as_json=False)
    if len(found) > _ROWS:
        show(f"and {len(found) - _ROWS:,} more")


def write_links(
    graph: GraphStore,
    files: DumpFiles,
    proposals: pd.DataFrame,
    *,
    relations: list[str] | None,
    prefix: str,
    as_json: bool,
) -> None:
    """Write the accepted links and the facts about their things into the graph."""
    from kgrec.entity_linking import accept_links

    dump = files.read()
    catalog = accept_links(proposals, dump, graph, relations=relations, prefix=prefix)
    for note in catalog.notes:
        say(f"note: {note}.")
    with progress_on_stderr() as progress:
        written = graph.write(catalog, progress=progress)
    linked = sum(
        int(table.column(dump.attribute).is_valid().to_numpy().sum())
        for table in (catalog.tables["items"], catalog.tables["entities"])
        if dump.attribute in table.column_names
    )
    values = {"links": linked, "attribute": dump.attribute, "facts": written.rows.get("facts", 0)}
    print_values(values, as_json)
