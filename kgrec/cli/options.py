"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graph_schema.errors import RequestError

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        "-s",
        envvar="KGREC_STORE",
        help="The graph: a file (catalog.kgl) or an address (neo4j://host:7687).",
        show_default=False,
    ),
]
ModelOption = Annotated[
    Path,
    typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder of a trained model."),
]
DbUserOption = Annotated[
    str | None,
    typer.Option(
        envvar="KGREC_NEO4J_USER",
        help="Neo4j user name; the password comes from KGREC_NEO4J_PASSWORD or a prompt.",
    ),
]
DatabaseOption = Annotated[
    str | None, typer.Option(help="Neo4j database, if not the server's default.")
]
MappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        envvar="KGREC_MAPPING",
        help="A .toml or .json file that maps the labels and types of your own Neo4j graph.",
        exists=True,
        dir_okay=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print only JSON on stdout; progress goes to stderr.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of every random choice.")]
DeviceOption = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 …; chosen by itself if absent.")
]
KOption = Annotated[int, typer.Option("-k", "--k", help="How many answers.", min=1)]


def split_list(text: str | None) -> list[str] | None:
    """``"1,2,3"`` as a list of ids; None stays None. An id with a comma is quoted, as in CSV."""
    if text is None:
        return None
    import csv

    return [part.strip() for part in next(csv.reader([text], skipinitialspace=True), [])]


def parse_conditions(texts: list[str] | None) -> dict[str, Any] | None:
    """``["year=1990..1999", "genres=Drama"]`` as the ``where`` argument of ``recommend``.

    A range becomes a (low, high) pair whose open end is None, ``a,b`` a list, the rest a value.
    """
    if not texts:
        return None
    conditions: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise RequestError(f"--where {text!r} is not NAME=VALUE, NAME=LOW..HIGH or NAME=A,B")
        conditions[name.strip()] = _condition(value.strip())
    return conditions


def _condition(value: str) -> Any:
    if ".." in value:
        low, _, high = value.partition("..")
        return (_number(low), _number(high))
    parts = split_list(value) or [""]
    return parts if len(parts) > 1 else parts[0]


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise RequestError(
            f"{text!r} is not a number: a range is LOW..HIGH, as 1990..1999"
        ) from None
