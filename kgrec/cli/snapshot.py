"""``kgrec snapshot``: a graph as a folder of columns that are mapped, not read."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, MappingOption
from kgrec.cli._output import print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import is_store, open_store
from kgrec.progress import Progress

if TYPE_CHECKING:
    from loaders.parts import FolderParts


@app.command(epilog="Example: `kgrec snapshot my-data graph && kgrec train --store graph -m model`")
def snapshot(
    source: Annotated[
        str, typer.Argument(help="Folder of data (see kgrec load), or a store: a file or address.")
    ],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    memory: Annotated[
        str, typer.Option(help="Parquet: the most memory for the edges, such as 4GB.")
    ] = "1GB",
    threads: Annotated[int, typer.Option(min=1, help="Parquet: threads of DuckDB.")] = 1,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a graph as a folder of columns, from which training reads without loading it.

    A folder whose interactions and facts are Parquet may be larger than memory: DuckDB (the extra
    duckdb) puts its rows in order within `--memory`. Everything else is read as a whole first. The
    folder takes the place of a store in `kgrec train --store FOLDER`.
    """
    from kgrec.files import check_writable
    from kgrec.graph.mapped.folder import SNAPSHOT, open_snapshot

    check_writable(folder, SNAPSHOT)
    with progress_on_stderr() as progress:
        if is_store(source):
            _of_store(source, folder, progress, db_user, database, mapping)
        else:
            _of_files(source, folder, progress, memory, threads)
    made = open_snapshot(folder)
    facts = sum(map(len, made.facts))
    size = sum(path.stat().st_size for path in folder.iterdir())
    say(f"wrote {folder}")
    print_values(
        {
            "snapshot": str(folder),
            "users": len(made.users),
            "items": len(made.items),
            "entities": len(made.entities),
            "interactions": len(made.interactions),
            "facts": facts,
            "bytes_per_edge": round(size / max(len(made.interactions) + facts, 1), 1),
        },
        as_json,
    )


def _of_store(
    source: str,
    folder: Path,
    progress: Progress,
    db_user: str | None,
    database: str | None,
    mapping: Path | None,
) -> None:
    from kgrec.graph.mapped import save_snapshot
    from kgrec.graph.read import read_snapshot

    with open_store(source, user=db_user, database=database, mapping=mapping) as graph:
        save_snapshot(read_snapshot(graph, progress=progress), folder)


def _of_files(source: str, folder: Path, progress: Progress, memory: str, threads: int) -> None:
    import loaders
    from kgrec.graph.mapped import save_snapshot
    from kgrec.graph.mapped.build import build_snapshot
    from kgrec.graph.source import catalog_snapshot

    parts = _parts(Path(source), progress)
    if parts is not None:
        build_snapshot(parts, folder, catalog_snapshot, memory=memory, threads=threads)
        say(str(parts.report))
        return
    result = loaders.load(source, progress=progress)
    say(str(result.report))
    save_snapshot(catalog_snapshot(result.catalog), folder)


def _parts(source: Path, progress: Progress) -> FolderParts | None:
    """The folder as one that is read in parts; None where it is read as a whole."""
    from loaders.parts import FolderParts
    from loaders.registry import find_loader

    if not source.is_dir() or find_loader(source, None).name not in ("csv", "catalog"):
        return None
    parts = FolderParts.find(source, progress)
    if parts is not None and find_spec("duckdb") is None:
        say(
            "read as a whole: with DuckDB (pip install 'kgrec[duckdb]') it need not fit into memory"
        )
        return None
    return parts
