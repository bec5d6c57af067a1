"""The typer application, and what each kind of error turns into.

Exit codes: 0 done; 1 a KgrecError or an error of the system (its message on stderr); 2 wrong usage;
3 a fault of kgrec itself (the traceback on stderr); 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from graph_schema.errors import KgrecError

FAILED = 1
FAULT = 3
INTERRUPTED = 130


class KgrecGroup(TyperGroup):
    """Runs a command and turns its errors into a message on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KgrecError as error:
            fail(str(error), FAILED)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone: not our error
                raise
            fail(str(error), FAILED)
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, (typer.Abort, EOFError)):
                raise  # typer's own: usage errors, exits, prompts broken off
            traceback.print_exc()
            fail("this is a fault of kgrec: please report it with the lines above", FAULT)


def fail(message: str, code: int) -> None:
    """Say what is wrong on stderr and leave with this exit code."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code)


app = typer.Typer(
    name="kgrec",
    cls=KgrecGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recommendations that can be traced through a knowledge graph.",
    epilog="Start with `kgrec demo`. Exit codes: 0 done, 1 error, 2 wrong usage, 3 fault of kgrec.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("kgrec"))
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Recommendations that can be traced through a knowledge graph."""
