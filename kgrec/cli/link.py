"""``kgrec link``: facts from texts and links to other sources, to inspect in a file and accept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._links import DumpFiles, propose_links, split_keys, write_links
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
    epilog="Example: `kgrec link --store catalog.kgl --out facts.csv`, look through the file, "
    "then `kgrec link --store catalog.kgl --accept facts.csv`; "
    "`kgrec link --store catalog.kgl --to films.csv --out links.csv`, then "
    "`kgrec link --store catalog.kgl --to films.csv --facts facts.csv --accept links.csv`",
)
def link(
    store: StoreOption,
    out: Annotated[Path | None, typer.Option(help="Write the proposals to this CSV.")] = None,
    accept: Annotated[
        Path | None,
        typer.Option(help="Write the proposals of this CSV into the graph: those not marked 0."),
    ] = None,
    relations: Annotated[
        str | None,
        typer.Option(help="Propose, or with --to accept, these relations only: DIRECTED_BY,…"),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            help="Leave out proposals of a lower confidence; with --to, mark them with 0.",
            min=0,
            max=1,
        ),
    ] = None,
    fuzzy: Annotated[
        bool, typer.Option(help="Also find misspelt names, and last names alone.")
    ] = True,
    to: Annotated[
        Path | None,
        typer.Option(help="Link items to the named things of this table or file of RDF."),
    ] = None,
    nodes: Annotated[str, typer.Option(help="With --to: items, or entities.")] = "items",
    facts: Annotated[
        Path | None, typer.Option(help="With --to: facts of its things (head, relation, tail).")
    ] = None,
    entities: Annotated[
        Path | None, typer.Option(help="With --to: ids and names of what the facts name.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="With --to: columns that hold the same ids: imdb=imdb_id."),
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="With --to: its column of ids.")] = None,
    name_column: Annotated[str | None, typer.Option(help="With --to: its column of names.")] = None,
    year_column: Annotated[str | None, typer.Option(help="With --to: its column of years.")] = None,
    attribute: Annotated[
        str | None, typer.Option(help="With --to: the attribute that keeps the id of the thing.")
    ] = None,
    delimiter: Annotated[
        str, typer.Option(help="With --to: what separates the fields, such as ; or tab.")
    ] = ",",
    encoding: Annotated[
        str, typer.Option(help="With --to: the encoding, such as latin-1.")
    ] = "utf-8",
    prefix: Annotated[
        str, typer.Option(help="With --to: put before the ids of new entities.")
    ] = "",
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose facts that texts name; with `--to`, link items or entities to another source.

    With --to, find the thing of another source that each item, or each entity, is: by ids that both
    have, or by names and years. Accepted links bring the facts about these things into the graph.

    Nothing is written into the graph before --accept: in the file that --out writes, set the column
    accept to 0, or delete the row, where a proposal is wrong.
    """
    if accept is not None and out is not None:
        raise RequestError("--out proposes and --accept writes; give one of them.")
    files = None
    if to is not None:
        columns = (id_column, name_column, year_column)
        files = DumpFiles(to, facts, entities, *columns, attribute, delimiter, encoding)
    elif facts or entities or key:
        raise RequestError("--facts, --entities and --key describe the dump of --to; give it too.")
    with open_store(store, user=db_user, database=database, mapping=mapping) as graph:
        if accept is not None:
            _write(graph, accept, files, split_list(relations), prefix, as_json)
        elif files is None:
            _propose(graph, out, split_list(relations), min_confidence, fuzzy, as_json)
        else:
            propose_links(
                graph,
                files,
                out,
                nodes=nodes,
                min_confidence=min_confidence,
                fuzzy=fuzzy,
                keys=split_keys(key),
                as_json=as_json,
            )


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
        show(f"and {len(found) - _ROWS:,} more")


def _write(
    graph: GraphStore,
    path: Path,
    files: DumpFiles | None,
    relations: list[str] | None,
    prefix: str,
    as_json: bool,
) -> None:
    from kgrec.entity_linking import accept, read_proposals
    from kgrec.entity_linking.nodes import is_links

    proposals = read_proposals(path)
    if is_links(proposals) != (files is not None):
        raise RequestError(
            f"{path} holds links to a dump. Cure: give the dump with --to, as it was proposed."
            if files is None
            else f"{path} holds facts from texts, and no links. Cure: leave out --to."
        )
    if files is not None:
        write_links(graph, files, proposals, relations=relations, prefix=prefix, as_json=as_json)
        return
    with progress_on_stderr() as progress:
        written = graph.write(accept(proposals), progress=progress)
    print_values({"facts": written.rows.get("facts", 0)}, as_json)
