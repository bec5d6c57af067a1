"""``kgrec explore``: a node's neighbours, paths between two nodes, and what moves scores."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    CandidatesOption,
    ContextOption,
    ExcludeOption,
    FewestPeopleOption,
    JsonOption,
    ModelOption,
    SeedOption,
    ShowPeopleOption,
    WhereOption,
    open_model,
    read_constraints,
)
from kgrec.cli._output import print_frame, print_json
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption, stored_nodes
from kgrec.presentation import parse_context, split_list

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from kgrec.explore import GraphExplorer, GraphPath


class By(StrEnum):
    """What importance is divided by."""

    relation = "relation"
    part = "part"
    entity = "entity"
    text = "text"


@app.command(
    epilog="Example: `kgrec explore --model model --node Item:588 --hops 1 --html around.html`",
)
def explore(
    model: ModelOption,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", "-n", help="Item:588, User:1, Entity:e7, or a name; repeatable."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Show the paths from --node to this node.")
    ] = None,
    hops: Annotated[
        int | None,
        typer.Option(help="Steps around --node (0-4, else 1), or to --to (1-4, else 4)."),
    ] = None,
    pseudonymise: PseudonymiseOption = None,
    relations: Annotated[
        str | None, typer.Option(help="Only edges of relations among these: A,B.")
    ] = None,
    via: Annotated[
        list[str] | None, typer.Option(help="With --to: only paths through this node; repeatable.")
    ] = None,
    avoid: Annotated[
        list[str] | None, typer.Option(help="With --to: no path through this node; repeatable.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="Rows or paths to print.", min=1)] = 20,
    nodes: Annotated[int, typer.Option(help="Nodes to save, at most.", min=1)] = 40,
    html: Annotated[Path | None, typer.Option(help="Save an interactive page (.html).")] = None,
    picture: Annotated[Path | None, typer.Option(help="Save a picture (.svg, .png, .pdf).")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Save the graph shown (.graphml, .json, .cypher).")
    ] = None,
    importance: Annotated[
        By | None, typer.Option(help="Instead: what moved the scores of some users' top 10.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="With --importance: in this scenario; repeatable.")
    ] = None,
    context: ContextOption = None,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    users: Annotated[
        int, typer.Option(help="With --importance: how many users to draw.", min=1)
    ] = 100,
    seed: SeedOption = 0,
    show_people: ShowPeopleOption = False,
    fewest_people: FewestPeopleOption = None,
    as_json: JsonOption = False,
) -> None:
    """The graph: a node's edges, the paths to another node, and what moves scores.

    `--scenario`, `--context`, `--candidates`, `--where` and `--exclude` go with `--importance` and
    are those of `kgrec recommend`. Users but the one in --node are numbers of people.
    """
    if (importance is None) == (not node):
        raise typer.BadParameter("give either --node or --importance")
    nodes_given, only = stored_nodes(node), split_list(relations)
    to, via, avoid = (stored_nodes([to])[0] if to else to), stored_nodes(via), stored_nodes(avoid)
    _check_names(html, picture, export)
    if importance is not None:
        if any(option is not None for option in (to, html, export)):
            raise typer.BadParameter(
                "--importance goes with --picture, not --to, --html or --export"
            )
        frame = open_model(model).importance(
            importance.value,
            scenario=scenario or None,
            users=users,
            context=parse_context(context),
            seed=seed,
            constraints=read_constraints(candidates, where, exclude),
        )
        _show_importance(frame, k, picture, as_json)
        return
    if any((scenario, context, candidates, where, exclude)):
        raise typer.BadParameter(
            "--scenario, --context, --candidates, --where and --exclude go with --importance"
        )
    if to is None and (via or avoid):
        raise typer.BadParameter("--via and --avoid go with --to")
    if to is not None and len(nodes_given) != 1:
        raise typer.BadParameter("--to goes with exactly one --node")
    graph = open_model(model, show_people, fewest_people).graph
    files = [p for p in (html, picture, export) if p is not None]
    if to is None:
        around = graph.subgraph(
            nodes_given, 1 if hops is None else hops, relations=only, max_nodes=nodes
        )
        _show_edges(graph, nodes_given, only, k, as_json)
        _save(around, files)
        return
    most = 4 if hops is None else hops
    paths = graph.paths(nodes_given[0], to, most, k, relations=only, via=via, avoid=avoid)
    steps = f"{most} step" if most == 1 else f"{most} steps"
    _show_paths(paths, f"no path of at most {steps} joins {nodes_given[0]} and {to}", as_json)
    if files and not paths:
        raise RequestError(f"{nodes_given[0]} and {to} are not joined, so there is nothing to save")
    _save(graph.joined(paths), files, paths)


def _check_names(html: Path | None, picture: Path | None, export: Path | None) -> None:
    """Raises BadParameter for a wrong suffix, before the model is opened."""
    from kgrec.explore.graph_files import SUFFIXES

    ends = {"--html": (html, (".html",)), "--export": (export, SUFFIXES)}
    ends["--picture"] = (picture, (".svg", ".png", ".pdf"))
    for option, (file, known) in ends.items():
        if file is not None and file.suffix.lower() not in known:
            raise typer.BadParameter(f"{option} {file.name}: end its name in {' or '.join(known)}")


def _show_edges(
    graph: GraphExplorer, nodes: list[str], relations: list[str] | None, k: int, as_json: bool
) -> None:
    """The edges of every node, one table for all."""
    import pandas as pd

    frames = []
    for node in nodes:
        frame = graph.neighbours(node, relations, k=k)
        if frame.attrs["total"] > len(frame):
            say(f"{node}: {len(frame)} of {frame.attrs['total']:,} edges; -k shows more")
        if len(nodes) > 1:
            frame.insert(0, "of", node)
        frames.append(frame)
    edges = pd.concat(frames, ignore_index=True)
    print_frame(edges if as_json else _for_terminal(edges), as_json)


def _for_terminal(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that fit a terminal."""
    shown = frame[[name for name in frame.columns if name == "of"]].copy()
    arrows = ["→ " if way == "out" else "← " for way in frame["direction"]]
    shown["relation"] = [*map("".join, zip(arrows, frame["relation"], strict=True))]
    named = frame["label"].astype(str) + ":" + frame["id"].astype(str)
    shown["node"] = named.where(frame["label"] != "People", "People")
    shown["name"] = frame["name"].where(frame["name"] != "", frame["kind"])
    return shown.assign(edges=frame["degree"])


def _show_paths(paths: Sequence[GraphPath], otherwise: str, as_json: bool) -> None:
    if as_json:
        print_json([path.to_dict() for path in paths])
        return
    for rank, path in enumerate(paths, start=1):
        show(f"{rank:>3}. {path.sentence}\n     {path}")
    if not paths:
        show(otherwise)


def _show_importance(frame: pd.DataFrame, k: int, picture: Path | None, as_json: bool) -> None:
    """The rows that moved scores most, in each scenario."""
    if picture is not None:
        from kgrec.explore.importance import draw_importance

        say(f"saved {draw_importance(frame, picture)}")
    rows = frame.groupby("scenario", sort=False).head(k)
    empty = [name for name in ("scenario", "node") if (rows[name] == "").all()]
    print_frame(rows if as_json else rows.drop(columns=empty), as_json)


def _save(
    graph: nx.MultiDiGraph[tuple[str, str]],
    files: Sequence[Path],
    paths: Sequence[GraphPath] = (),
) -> None:
    """Save each file in the format of its suffix."""
    from kgrec.explore import draw, export_graph
    from kgrec.explore.graph_files import SUFFIXES

    for file in files:
        if file.suffix.lower() in SUFFIXES:
            export_graph(graph, file)
        else:
            draw(graph, file, paths=paths)
        say(f"saved {file}")
