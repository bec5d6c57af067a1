"""The typer application, and the exit code of each kind of error.

Exit codes: 0 done; 1 a KgrecError or an error of the system (its message on stderr); 2 wrong usage;
3 an error in kgrec itself (the traceback on stderr); 130 interrupted.
"""

from __future__ import annotations

import errno
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from graph_schema.errors import KgrecError
from graph_schema.output.printable import printable
from kgrec.cli._console import settle_console, show
from kgrec.cli._pseudonyms import forget_key
from kgrec.extras import give_matplotlib_a_folder

FAILED = 1
INTERNAL_ERROR = 3
INTERRUPTED = 130


class KgrecCommand(TyperCommand):
    """A command that refuses an option given twice, of which only the last would count."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return self._parsed(ctx, args)
        except Exception as error:
            _make_harmless(error)
            raise

    def _parsed(self, ctx: Any, args: list[str]) -> list[str]:
        given: list[Any] = self.make_parser(ctx).parse_args(args=list(args))[2]
        for option, times in Counter(given).items():
            if times > 1 and not (option.multiple or option.is_flag):
                raise typer.BadParameter(
                    f"{option.opts[0]} is given {times} times; give it once.", ctx=ctx
                )
        return super().parse_args(ctx, args)


class KgrecGroup(TyperGroup):
    """Runs a command and turns its errors into a message on stderr and an exit code."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        settle_console()  # before the help and messages on wrong usage, too
        give_matplotlib_a_folder()  # packages that kgrec needs import it for themselves
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            return super().main(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KgrecError as error:
            fail(str(error), FAILED)
        except UnicodeEncodeError as error:
            if not _is_no_text(error.object):
                _fail_internally()
            fail(
                f"{error.object[:200]!r} is no text in the encoding of this console; write it in "
                "UTF-8, and set PYTHONUTF8=1 where the console's locale is another.",
                FAILED,
            )
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of the output has closed it
                raise
            fail(str(error), FAILED)
        except Exception as error:
            _make_harmless(error)
            if hasattr(error, "exit_code") or isinstance(error, (typer.Abort, EOFError)):
                raise  # typer's own: usage errors, exits, prompts broken off
            _fail_internally()


def _make_harmless(error: Any) -> None:
    """Errors of usage have what was given in their message."""
    if isinstance(getattr(error, "message", None), str):
        error.message = printable(error.message)


def _show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning without the line of code that gave it."""
    show(f"note: {message}", err=True)


def _fail_internally() -> None:
    show(traceback.format_exc(), err=True, end="")
    fail("this is an error in kgrec itself: please report it with the lines above", INTERNAL_ERROR)


def _is_no_text(text: str) -> bool:
    """Whether it has half signs, as which Python reads bytes of an argument that are no text."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def fail(message: str, code: int) -> None:
    """Print the message on stderr and end with this exit code."""
    show(f"error: {message}", err=True)
    raise typer.Exit(code)


class _Application(typer.Typer):
    """An application whose commands are ``KgrecCommand``s."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        return super().command(name, cls=KgrecCommand, **options)


app = _Application(
    name="kgrec",
    cls=KgrecGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recommendations that can be traced through a knowledge graph.",
    epilog="Start with `kgrec demo`. Exit codes: 0 done, 1 error, 2 wrong usage, 3 error in kgrec "
    "itself.",
)


def command_group(name: str, text: str, inside: typer.Typer = app) -> typer.Typer:
    """A group of commands, such as ``kgrec keys``, that keep the rules of all others."""
    group = _Application(name=name, no_args_is_help=True, help=text, rich_markup_mode="markdown")
    inside.add_typer(group)
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        show(version("kgrec"))
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Recommendations that can be traced through a knowledge graph."""
    forget_key()
