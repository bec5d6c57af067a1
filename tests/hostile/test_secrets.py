"""Passwords and keys are in no message, traceback, repr, log, answer or file that others read."""

from __future__ import annotations

import json
import logging
import re
import traceback
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graph_schema.disk.signature import KEY_FILE
from kgrec import connect
from kgrec.cli import app
from kgrec.cli._stores import open_store
from kgrec.errors import KgrecError, StoreAuthError, StoreConnectionError
from kgrec.serving.access import Keys
from kgrec.stores.kind import Access, without_password
from kgrec.stores.neo4j import PASSWORD
from tests.neo4j_server import Server

SECRET = "s3cret"
NOWHERE = "neo4j://127.0.0.1:9"  # a port where nothing answers

ADDRESSES = (
    f"neo4j://neo4j:{SECRET}@127.0.0.1:7687",
    f"bolt+s://neo4j:{SECRET}/more@127.0.0.1",
    f"neo4j://neo4j:{SECRET}@{SECRET}@127.0.0.1",
    f"bolt://neo4j:a\n{SECRET}@127.0.0.1",
    f"neo4j://{SECRET}@127.0.0.1",
    f"https://neo4j:{SECRET}@127.0.0.1:7474/browser",
    f"neo4j:{SECRET}@127.0.0.1",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_password_in_an_address_is_shown_nowhere(address: str) -> None:
    with pytest.raises(KgrecError, match=re.escape("127.0.0.1")) as caught:
        open_store(address)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_doctor_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)
    monkeypatch.setenv(KEY_FILE, SECRET)
    for missing in ("_text_model", "_embedded", "_cache"):  # slow, and no part of this
        monkeypatch.setattr(f"kgrec.cli.doctor.{missing}", lambda: "")
    monkeypatch.setattr("kgrec.cli.doctor._text_speed", lambda: "")
    for options in ([], ["--json"]):
        words = ["doctor", "--store", ADDRESSES[2], "--model", "nothing", *options]
        done = CliRunner().invoke(app, words)
        assert SECRET not in done.output
        assert "127.0.0.1" in done.output


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("neo4j://127.0.0.1:7687", "neo4j://127.0.0.1:7687"),
        ("shop@2024/graph.kgl", "shop@2024/graph.kgl"),
        ("graph.kgl", "graph.kgl"),
    ],
)
def test_other_addresses_stay(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_the_password_of_the_environment_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)
    monkeypatch.setattr("kgrec.stores.neo4j.session.RETRY_SECONDS", 0.1)
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreConnectionError) as caught:
        connect(NOWHERE)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text
    assert caplog.records  # the driver says what it does
    assert SECRET not in repr(Access(("neo4j", SECRET)))


@pytest.mark.neo4j
def test_a_refused_password_is_shown_nowhere(
    neo4j_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreAuthError) as caught:
        connect(neo4j_server.uri, auth=("neo4j", SECRET))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text
    assert SECRET not in repr(vars(caught.value))


def test_the_file_of_keys_has_no_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    text = keys.add("shop", ["read"])
    assert text not in (tmp_path / "keys.json").read_text()
    assert text not in repr([*keys])
    assert keys.find(text) is not None
    assert [*json.loads((tmp_path / "keys.json").read_text())] == ["keys"]
