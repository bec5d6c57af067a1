"""``kgrec explore``: what lies around a node, how two nodes are joined, what moves the scores."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from graph_schema.errors import RequestError
from kgrec.cli.answers import open_model
from kgrec.cli.app import app
from kgrec.cli.options import JsonOption, ModelOption, SeedOption, split_list
from kgrec.cli.output import print_frame, print_json
from kgrec.cli.progress import say

if TYPE_CHECKING:
    import networkx as nx

    from kgrec.explore import GraphExplorer, GraphPath


class By(StrEnum):
    """What importance is told by."""

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
        str | None, typer.Option("--to", help="Show how --node is joined to this node.")
    ] = None,
    hops: Annotated[
        int | None,
        typer.Option(help="Steps around --node (0-4, else 1), or to --to (1-4, else 4)."),
    ] = None,
    relations: Annotated[
        str | None, typer.Option(help="Only edges of relations among these: A,B.")
    ] = None,
    via: Annotated[
        list[str] | None, typer.Option(help="With --to: only ways through this node; repeatable.")
    ] = None,
    avoid: Annotated[
        list[str] | None, typer.Option(help="With --to: no way through this node; repeatable.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="Rows or paths to print.", min=1)] = 20,
    nodes: Annotated[int, typer.Option(help="Nodes to save, at most.", min=1)] = 40,
    html: Annotated[Path | None, typer.Option(help="Save a page to click through (.html).")] = None,
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
    users: Annotated[
        int, typer.Option(help="With --importance: how many users to draw.", min=1)
    ] = 100,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Look around in the graph: a node's edges, the ways to another node, what moves scores."""
    if (importance is None) == (not node):
        raise typer.BadParameter("give either --node or --importance")
    asked, only = node or [], split_list(relations)
    _check_names(html, picture, export)
    if importance is not None:
        if any(option is not None for option in (to, html, export)):
            raise typer.BadParameter(
                "--importance goes with --picture, not --to, --html or --export"
            )
        frame = open_model(model).importance(
            importance.value, scenario=scenario or None, users=users, seed=seed
        )
        _show_importance(frame, k, picture, as_json)
        return
    if to is None and (via or avoid):
        raise typer.BadParameter("--via and --avoid go with --to")
    if to is not None and len(asked) != 1:
        raise typer.BadParameter("--to goes with exactly one --node")
    graph, files = open_model(model).graph, [p for p in (html, picture, export) if p is not None]
    if to is None:
        around = graph.subgraph(asked, 1 if hops is None else hops, relations=only, max_nodes=nodes)
        _show_edges(graph, asked, only, k, as_json)
        _save(around, files)
        return
    most = 4 if hops is None else hops
    paths = graph.paths(asked[0], to, most, k, relations=only, via=via or (), avoid=avoid or ())
    steps = f"{most} step" if most == 1 else f"{most} steps"
    _show_paths(paths, f"no path of at most {steps} joins {asked[0]} and {to}", as_json)
    if files and not paths:
        raise RequestError(f"{asked[0]} and {to} are not joined, so there is nothing to save")
    _save(graph.joined(paths), files, paths)


def _check_names(html: Path | None, picture: Path | None, export: Path | None) -> None:
    """Wrong usage, told before the model is opened."""
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
    frames = []
    for node in nodes:
        frame = graph.neighbours(node, relations, k=k)
        if frame.attrs["total"] > len(frame):
            say(f"{node}: {len(frame)} of {frame.attrs['total']:,} edges; -k shows more")
        if len(nodes) > 1:
            frame.insert(0, "of", node)
        frames.append(frame)
    told = pd.concat(frames, ignore_index=True)
    print_frame(told if as_json else _for_people(told), as_json)


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    """What fits a terminal."""
    told = frame[[name for name in frame.columns if name == "of"]].copy()
    told["relation"] = frame["direction"].map({"out": "→ ", "in": "← "}) + frame["relation"]
    told["node"] = frame["label"] + ":" + frame["id"]
    told["name"] = frame["name"].where(frame["name"] != "", frame["kind"])
    return told.assign(edges=frame["degree"])


def _show_paths(paths: Sequence[GraphPath], otherwise: str, as_json: bool) -> None:
    if as_json:
        print_json([path.to_dict() for path in paths])
        return
    for rank, path in enumerate(paths, start=1):
        print(f"{rank:>3}. {path.sentence}\n     {path}")
    if not paths:
        print(otherwise)


def _show_importance(frame: pd.DataFrame, k: int, picture: Path | None, as_json: bool) -> None:
    """The rows that moved scores most, in each scenario."""
    if picture is not None:
        from kgrec.explore.importance import draw_importance

        say(f"saved {draw_importance(frame, picture)}")
    told = frame.groupby("scenario", sort=False).head(k)
    silent = [name for name in ("scenario", "node") if (told[name] == "").all()]
    print_frame(told if as_json else told.drop(columns=silent), as_json)


def _save(
    graph: nx.MultiDiGraph[tuple[str, str]],
    files: Sequence[Path],
    paths: Sequence[GraphPath] = (),
) -> None:
    """Each file as its option and suffix say."""
    from kgrec.explore import draw, export_graph
    from kgrec.explore.graph_files import SUFFIXES

    for file in files:
        if file.suffix.lower() in SUFFIXES:
            export_graph(graph, file)
        else:
            draw(graph, file, paths=paths)
        say(f"saved {file}")
