"""``kgrec evaluate``: load, fit and measure in one go, ending with one line of JSON."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph_schema.errors import RequestError
from graph_schema.names import INTERACTED
from kgrec.cli._app import app
from kgrec.cli._options import (
    DatabaseOption,
    DbUserOption,
    DeviceOption,
    Protocol,
    SeedOption,
    is_given,
)
from kgrec.cli._output import print_json
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._pseudonyms import PseudonymiseOption, given_key, with_pseudonyms
from kgrec.cli._settings import ConfigOption, read_config
from kgrec.cli._stores import is_store, open_store
from kgrec.cli.load import FormatOption, load_source
from kgrec.cli.train import say_leaks
from kgrec.presentation import split_list
from kgrec.progress import Progress

if TYPE_CHECKING:
    from graph_schema import Catalog
    from kgrec import GraphStore, RecommenderConfig

    Opened = Callable[[str], GraphStore]


class History(StrEnum):
    """What the model knows of a user when it is tested."""

    now = "now"
    train = "train"


@dataclass(frozen=True)
class Request:
    """What to evaluate and how, apart from where it comes from."""

    seed: int
    device: str | None
    history: Literal["now", "train"]
    ks: tuple[int, ...]
    config: RecommenderConfig
    keep_model: Path | None


EitherMappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        envvar="KGREC_MAPPING",
        help="A .toml or .json file that maps your own Neo4j graph, or the files of a folder (then "
        "it is not read from the environment).",
        exists=True,
        dir_okay=False,
    ),
]


@app.command(epilog="Example: `kgrec evaluate my-data --split-protocol time --seed 1`")
def evaluate(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A folder of files, ml-100k, or a store (file or address).")
    ],
    history: Annotated[
        History,
        typer.Option(help="now: validation rows count as history when testing; train: they don't."),
    ] = History.now,
    split_column: Annotated[
        str, typer.Option(help="Column of interactions that says train, valid or test.")
    ] = "split",
    split_protocol: Annotated[
        Protocol, typer.Option(help="given: by that column; otherwise how rows are held out.")
    ] = Protocol.given,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    ks: Annotated[str, typer.Option("--ks", help="Lengths of the lists to measure.")] = "10,20",
    keep_model: Annotated[
        Path | None, typer.Option("--model", "-m", help="Also save the model in this folder.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Text cache to use; if absent an empty one, so that the time is whole."),
    ] = None,
    config: ConfigOption = None,
    source_format: FormatOption = None,
    pseudonymise: PseudonymiseOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: EitherMappingOption = None,
) -> None:
    """Load, train and measure on held-out rows; the last line on stdout is JSON.

    Training reads no test row. A folder without the split column is split by time for each user, or
    at random where there are no timestamps, and a notice says so. fit_seconds runs from an opened
    store to a model ready to answer, texts and the choice on validation rows included.
    """
    from kgrec.files import check_writable
    from kgrec.persistence.model_folder import MODEL

    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch, progress_on_stderr() as progress:
        folder = Path(scratch)
        if keep_model is not None:
            check_writable(keep_model, MODEL)  # before hours of work
        settings = read_config(config, text_cache=cache or folder / "texts")
        request = Request(
            seed,
            device,
            "now" if history is History.now else "train",
            _cuts(ks),
            settings,
            keep_model,
        )
        opened: Opened = partial(open_store, user=db_user, database=database, mapping=mapping)
        if is_store(source) and _is_ready(source, opened, split_protocol, split_column):
            store, used = source, Protocol.given.value
        else:
            from kgrec.cli._splits import with_split

            files = mapping if is_given(context, "mapping") else None
            catalog = _catalog(source, opened, source_format, files, progress)
            catalog, used = with_split(catalog, split_protocol, split_column, seed)
            store = str(folder / "catalog.kgl")
            with open_store(store, create=True) as graph:
                graph.write(catalog, progress=progress)
            del catalog  # the figure for memory is the model's
            opened = open_store
        with opened(store) as graph:
            result = _measure(graph, request, progress)
    print_json({**result, "split": used, "source": source})


def _is_ready(source: str, opened: Opened, protocol: Protocol, column: str) -> bool:
    """Whether the store's own interactions say which of them are test rows."""
    if protocol is not Protocol.given or column != "split":
        return False
    import pyarrow.compute as pc

    with opened(source) as graph:
        edges = [edge for edge in graph.edge_types() if edge.name == INTERACTED]
        tables = [graph.read_edges(edge, ["split"]) for edge in edges]
    return any("test" in pc.unique(table.column("split")).to_pylist() for table in tables)


def _catalog(
    source: str,
    opened: Opened,
    source_format: str | None,
    mapping: Path | None,
    progress: Progress,
) -> Catalog:
    if is_store(source):
        from kgrec.cli._catalog import read_catalog

        with opened(source) as graph:
            return read_catalog(graph, progress)
    loaded = load_source(source, source_format, progress, mapping=mapping)
    say(str(loaded.report))
    return with_pseudonyms(loaded.catalog, given_key())


def _measure(graph: GraphStore, request: Request, progress: Progress) -> dict[str, Any]:
    from kgrec import Recommender

    started = time.perf_counter()
    model = Recommender(request.config)
    model.fit(graph, seed=request.seed, device=request.device, progress=progress)
    fitted = time.perf_counter()
    say_leaks(model)
    report = model.evaluate(split="test", history=request.history, ks=request.ks)
    if request.keep_model is not None:
        model.save(request.keep_model)
    say(str(report))
    return {
        "metrics": report.metrics,
        "fit_seconds": round(fitted - started, 2),
        "evaluate_seconds": round(time.perf_counter() - fitted, 2),
        "peak_memory_gb": round(peak_memory_gb(), 3),
        "seed": request.seed,
        "history": request.history,
        "users": report.n_users,
        "items": report.n_items,
        "targets": report.n_targets,
    }


def _cuts(text: str) -> tuple[int, ...]:
    try:
        cuts = tuple(int(part) for part in split_list(text) or [])
    except ValueError:
        cuts = ()
    if not cuts or min(cuts) < 1:
        raise RequestError(f"--ks {text!r} is no list of numbers above 0, such as 10,20")
    return cuts


def peak_memory_gb() -> float:
    """The most memory this process has held at once, in 10^9 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9
