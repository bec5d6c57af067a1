"""``kgrec erase``: people leave stores, models, services, logs and caches, and are kept out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import FAILED, app
from kgrec.cli._console import show
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption
from kgrec.cli._output import print_frame, print_json
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption, stored_ids
from kgrec.cli._removals import given_ids
from kgrec.cli._stores import open_store

if TYPE_CHECKING:
    from kgrec.erasure import Receipt


def _places(name: str, text: str, *short: str, variable: str | None = None) -> Any:
    return typer.Option(name, *short, envvar=variable, help=f"{text}; repeatable.")


@app.command(
    epilog="Example: `kgrec erase 7 8 --store catalog.kgl --model model --receipt receipt.json`",
)
def erase(
    users: Annotated[list[str] | None, typer.Argument(metavar="USER…", help="User ids.")] = None,
    users_file: Annotated[
        Path | None,
        typer.Option(
            help="A file of ids, one a line, or a .csv or .parquet file with a column user_id.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    store: Annotated[
        list[str] | None,
        _places("--store", "The graph: a file or an address", "-s", variable="KGREC_STORE"),
    ] = None,
    model: Annotated[
        list[Path] | None,
        _places("--model", "Folder of a trained model", "-m", variable="KGREC_MODEL"),
    ] = None,
    root: Annotated[
        list[Path] | None,
        _places("--root", "Folder of a service: its log and its models", variable="KGREC_ROOT"),
    ] = None,
    log: Annotated[
        list[Path] | None, _places("--log", "A feedback log (.csv, .parquet, .jsonl)")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        _places("--checkpoint", "A checkpoint of training, which is removed with its search"),
    ] = None,
    cache: Annotated[
        list[Path] | None, _places("--cache", "A folder of text vectors, beside the usual one")
    ] = None,
    snapshot: Annotated[
        list[Path] | None, _places("--snapshot", "A folder of kgrec snapshot, written anew")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Also everybody erased before whom a place has: after a copy came back."
        ),
    ] = False,
    lift: Annotated[
        bool, typer.Option("--lift", help="Let these people come back; nothing is erased.")
    ] = False,
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing", help="Keep out ids that no place has, too.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Read every byte afterwards; exit code 1 if an id is left."),
    ] = False,
    pseudonymise: PseudonymiseOption = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Also write the receipt to this .json file.", dir_okay=False)
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase people from stores, models, services and logs, and keep them out, without asking.

    What they did and wrote leaves; item–item weights are fitted again without them, and other
    learned parts are marked until the next training. Running it again finishes what was
    interrupted. The receipt names nobody.
    """
    from contextlib import ExitStack

    if not (store or model or root or log or checkpoint or snapshot):
        raise typer.BadParameter(
            "give a --store, --model, --root, --log, --checkpoint or --snapshot"
        )
    people = stored_ids([*(users or ()), *_of_file(users_file)]) or []
    if not people and not (again and not lift):
        raise typer.BadParameter("name the people, as arguments or with --users-file")
    from kgrec.erasure import erase as run
    from kgrec.erasure import lift as let_back

    with ExitStack() as stack:
        stores = [
            stack.enter_context(open_store(one, user=db_user, database=database))
            for one in store or ()
        ]
        models, services = model or (), root or ()
        if lift:
            back = let_back(people, stores=stores, models=models, services=services)
            _print_lifted(back, len(people), as_json)
            return
        done = run(
            people,
            stores=stores,
            models=models,
            services=services,
            logs=log or (),
            checkpoints=checkpoint or (),
            caches=cache or (),
            snapshots=snapshot or (),
            again=again,
            missing="ignore" if ignore_missing else "error",
            check=check,
        )
    _report(done, receipt, as_json)


def _of_file(path: Path | None) -> list[str]:
    return [] if path is None else given_ids(f"@{path}", "users") or []


def _print_lifted(back: int, people: int, as_json: bool) -> None:
    if as_json:
        print_json({"lifted": back, "asked": people})
    else:
        show(f"{back:,} of {people:,} people may come back")


def _report(done: Receipt, file: Path | None, as_json: bool) -> None:
    """Print the receipt, write it, and end with an error where ids are left."""
    import json

    import pandas as pd

    from kgrec.files import save_text

    if file is not None:
        save_text(file, json.dumps(done.to_json(), indent=1))
    if as_json:
        print_json(done.to_json())
    else:
        rows = [
            {
                "kind": one.kind,
                "place": one.place,
                "removed": ", ".join(f"{n:,} {name}" for name, n in one.removed.items()),
                "seconds": one.seconds,
            }
            for one in done.places
        ]
        print_frame(pd.DataFrame(rows), as_json=False)
        for one in done.places:
            if one.learned:
                say(f"{one.place}: {one.learned}")
    if done.traces:
        files = ", ".join(f"{name} ({n:,})" for name, n in done.traces.items())
        say(f"ids are left in: {files}")
        raise typer.Exit(FAILED)
