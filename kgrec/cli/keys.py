"""``kgrec keys``: who may call the service, and for what."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import command_group
from kgrec.cli._console import show
from kgrec.cli._options import JsonOption
from kgrec.cli._output import print_json, print_values
from kgrec.cli._progress import say
from kgrec.cli.serve import RootOption, ServedOption, open_root

keys = command_group("keys", "Keys of the service: who may call it, and for what.")


@keys.command(epilog="Example: `kgrec keys add shop --scopes read,write --model model`")
def add(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    scopes: Annotated[
        str, typer.Option(help="What it allows: some of read, write, explore and admin.")
    ] = "read,write",
    model: ServedOption = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it: it is shown once, and stored as a hash."""
    from kgrec.presentation import split_list
    from kgrec.serving.access import Keys

    text = Keys(open_root(model, root).keys).add(name, split_list(scopes) or [])
    say("keep this key: it is not shown again")
    print_values({"name": name, "key": text}, as_json)


@keys.command("list", epilog="Example: `kgrec keys list --model model`")
def list_(model: ServedOption = None, root: RootOption = None, as_json: JsonOption = False) -> None:
    """The names and scopes of all keys."""
    from kgrec.serving.access import Keys

    found = [
        {"name": key.name, "scopes": list(key.scopes), "made": key.made}
        for key in Keys(open_root(model, root).keys)
    ]
    if as_json:
        print_json(found)
        return
    for one in found:
        show(f"{one['name']}: {', '.join(one['scopes'])}")


@keys.command(epilog="Example: `kgrec keys remove shop --model model`")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    model: ServedOption = None,
    root: RootOption = None,
) -> None:
    """Remove a key; a service that runs refuses it within a second."""
    from kgrec.serving.access import Keys

    Keys(open_root(model, root).keys).remove(name)
    say(f"removed {name}")


@keys.command(epilog="Example: `kgrec keys audit --model model --last 20`")
def audit(
    last: Annotated[int, typer.Option(help="How many entries to show.", min=0)] = 20,
    model: ServedOption = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the audit log, all its files, and show who asked for what last."""
    from dataclasses import asdict

    from kgrec.serving.audit import entries_of

    entries = list(entries_of(open_root(model, root).audit))
    shown = entries[:last][::-1]
    if as_json:
        print_json({"entries": len(entries), "last": [asdict(entry) for entry in shown]})
        return
    for one in shown:
        show(f"{one.time} {one.who or '-'} {one.method} {one.route} {one.status} {one.of}".rstrip())
    say(f"{len(entries):,} entries, none changed")
