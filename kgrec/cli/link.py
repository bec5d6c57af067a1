"""``kgrec link``: facts that texts suggest, to inspect in a file and then to accept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, MappingOption, StoreOption
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import open_store
from kgrec.presentation import split_list

if TYPE_CHECKING:
    from kgrec import GraphStore

SHOWN = ("item_id", "relation", "name", "found", "confidence", "sentence")
_ROWS = 20


@app.command(
    epilog="Example: `kgrec link --store catalog.kgl --out facts.csv`, look through the file, then "
    "`kgrec link --store catalog.kgl --accept facts.csv`",
)
def link(
    store: StoreOption,
    out: Annotated[Path | None, typer.Option(help="Write the proposed facts to this CSV.")] = None,
    accept: Annotated[
        Path | None,
        typer.Option(help="Write the facts of this CSV into the graph: those not marked 0."),
    ] = None,
    relations: Annotated[
        str | None, typer.Option(help="Propose these relations only: DIRECTED_BY,STARRED_BY.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="Leave out proposals of a lower confidence.", min=0, max=1)
    ] = None,
    fuzzy: Annotated[
        bool, typer.Option(help="Also find misspelt names, and last names alone.")
    ] = True,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find entities that descriptions and reviews name, and propose the facts that the graph lacks.

    Nothing is written into the graph before --accept: in the file that --out writes, set the column
    accept to 0, or delete the row, where a proposal is wrong.
    """
    if accept is not None and out is not None:
        raise RequestError("--out proposes and --accept writes; give one of them.")
    with open_store(store, user=db_user, database=database, mapping=mapping) as graph:
        if accept is not None:
            _write(graph, accept, as_json)
            return
        _propose(graph, out, split_list(relations), min_confidence, fuzzy, as_json)


def _propose(
    graph: GraphStore,
    out: Path | None,
    relations: list[str] | None,
    min_confidence: float | None,
    fuzzy: bool,
    as_json: bool,
) -> None:
    from kgrec.entity_linking import link_entities, write_proposals
    from kgrec.graph.source import read_source

    with progress_on_stderr() as progress:
        snapshot = read_source(graph, progress)
    limits = {} if min_confidence is None else {"min_confidence": min_confidence}
    found = link_entities(snapshot, relations=relations, fuzzy=fuzzy, **limits)
    if out is not None:
        write_proposals(found, out)
        say(f"{len(found):,} proposed facts in {out}; look through them, then: --accept {out}")
    if as_json:
        print_frame(found, as_json=True)
        return
    print_frame(found[list(SHOWN)].head(_ROWS), as_json=False)
    if len(found) > _ROWS:
        print(f"and {len(found) - _ROWS:,} more")


def _write(graph: GraphStore, path: Path, as_json: bool) -> None:
    from kgrec.entity_linking import accept, read_proposals

    catalog = accept(read_proposals(path))
    with progress_on_stderr() as progress:
        written = graph.write(catalog, progress=progress)
    print_values({"facts": written.rows.get("facts", 0)}, as_json)
