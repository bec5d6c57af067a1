"""The exit code and output of each kind of error, in a small application with the same group."""

import errno

import pytest
import typer
from typer.testing import CliRunner

from graph_schema.errors import RequestError, StoreAuthError
from kgrec.cli._app import KgrecGroup

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

    @small.command()
    def act(kind: str) -> None:
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
