"""The exit code and output of each kind of error, in a small application with the same group."""

import errno
import warnings
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from graph_schema.errors import RequestError, StoreAuthError
from kgrec.cli._app import KgrecCommand, KgrecGroup

ERRORS: dict[str, BaseException] = {
    "request": RequestError("k is 0; ask for at least 1."),
    "auth": StoreAuthError("the server refused the password."),
    "disk": OSError(errno.ENOSPC, "No space left on device", "catalog.kgl"),
    "internal": ZeroDivisionError("division by zero"),
    "interrupt": KeyboardInterrupt(),
    "usage": typer.BadParameter("no such thing"),
    "exit": typer.Exit(7),
}


def _small_app() -> typer.Typer:
    small = typer.Typer(cls=KgrecGroup, pretty_exceptions_enable=False)

    @small.callback()
    def root() -> None:
        """A group, as the real one is."""

    @small.command(cls=KgrecCommand)
    def act(
        kind: str, size: int = 0, name: Annotated[list[str] | None, typer.Option()] = None
    ) -> None:
        if kind == "warning":
            warnings.warn("some rows have no time", stacklevel=1)
        if kind in ERRORS:
            raise ERRORS[kind]
        print("done")

    return small


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("nothing", 0, ""),
        ("request", 1, "error: k is 0; ask for at least 1."),
        ("auth", 1, "error: the server refused the password."),
        ("disk", 1, "No space left on device: 'catalog.kgl'"),
        ("internal", 3, "this is an error in kgrec itself"),
        ("interrupt", 130, "interrupted"),
        ("usage", 2, "no such thing"),
        ("exit", 7, ""),
    ],
)
def test_exit_codes(kind: str, code: int, message: str) -> None:
    result = CliRunner().invoke(_small_app(), ["act", kind])
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ("done\n" if kind == "nothing" else "")


def test_only_an_internal_error_shows_a_traceback() -> None:
    internal = CliRunner().invoke(_small_app(), ["act", "internal"])
    assert "ZeroDivisionError: division by zero" in internal.stderr
    known = CliRunner().invoke(_small_app(), ["act", "request"])
    assert "Traceback" not in known.stderr


def test_an_option_given_twice_is_refused_unless_it_may_be_repeated() -> None:
    twice = CliRunner().invoke(_small_app(), ["act", "nothing", "--size", "1", "--size", "2"])
    assert (twice.exit_code, "--size is given 2 times" in twice.stderr) == (2, True)
    names = CliRunner().invoke(_small_app(), ["act", "nothing", "--name", "a", "--name", "b"])
    assert names.exit_code == 0


def test_a_warning_is_a_note_without_code() -> None:
    result = CliRunner().invoke(_small_app(), ["act", "warning"])
    assert result.stderr == "note: some rows have no time\n"
