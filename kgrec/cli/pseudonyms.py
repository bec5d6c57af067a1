"""``kgrec pseudonyms``: keys of pseudonyms, and from ids to pseudonyms and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._options import JsonOption
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._progress import say
from kgrec.cli._removals import given_ids
from kgrec.cli._tables import check_table, write_table
from kgrec.presentation import split_list


@app.command(
    epilog="Example: `kgrec pseudonyms ~/keys/shop.key --new`, then "
    "`kgrec pseudonyms ~/keys/shop.key --users 1,2,3`",
)
def pseudonyms(
    key: Annotated[Path, typer.Argument(help="The file of the key.")],
    new: Annotated[bool, typer.Option("--new", help="Make a key in a new file.")] = False,
    users: Annotated[
        str | None,
        typer.Option(
            "--users",
            "-u",
            metavar="IDS",
            help="User ids: 1,2,3, or @FILE: an id a line, or a .csv or .parquet file with a "
            "column user_id.",
        ),
    ] = None,
    find: Annotated[
        str | None,
        typer.Option(help="With --users: only those whose pseudonyms are these, p-…,p-…"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A .csv, .parquet or .jsonl file for the table (mode 0600)."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key; compute the pseudonyms of user ids; find whose a pseudonym is.

    A pseudonym can't be turned back by itself. With the key and the ids that come into question,
    such as those of your own user table, all pseudonyms are computed and compared. Keep the key and
    such a table apart from stores and models.
    """
    from graph_schema.privacy.key import make_key, read_key

    if new and (users is not None or find is not None or out is not None):
        raise typer.BadParameter("--new makes a key and does nothing else")
    if users is None and (find is not None or out is not None):
        raise typer.BadParameter("--find and --out go with --users: the ids that come in question")
    if out is not None:
        check_table(out)
    made = make_key(key) if new else read_key(key)
    if users is None:
        print_values({"key": str(key), "fingerprint": made.fingerprint}, as_json)
        if new:
            say("keep this file: without it nobody can name the users of the graph again")
        return
    table = made.table(given_ids(users, "users", raw=True) or [])
    wanted = split_list(find)
    unknown = [one for one in wanted or [] if one not in table]
    if unknown:
        raise RequestError(
            f"{', '.join(unknown[:5])} is the pseudonym of none of the {len(table):,} users given; "
            f"give all ids that come into question (the key's fingerprint is {made.fingerprint})."
        )
    import pandas as pd

    pairs = [(table[one], one) for one in (table if wanted is None else wanted)]
    frame = pd.DataFrame(pairs, columns=["user_id", "pseudonym"])
    if out is None:
        print_frame(frame, as_json)
        return
    rows = write_table([frame], out)
    os.chmod(out, 0o600)
    print_values({"out": str(out), "rows": rows}, as_json)
