"""Loads in bulk: lines of any kind, what is wrong with which, and safe to send again."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import records_of
from kgrec.serving.registry import Root
from tests.serving.running import Reply, Running, new_root, running_here

_LINES = "application/x-ndjson"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Root:
    return new_root(tmp_path_factory.mktemp("bulk") / "service", saved)


@pytest.fixture(scope="module")
def loaded(root: Root) -> Iterator[Running]:
    config = ServiceConfig(max_body=20_000, max_bulk=1_000_000, body_seconds=0.5)
    with running_here(root, config) as service:
        yield service


def _send(service: Running, *lines: Any, path: str = "/v1/bulk", **headers: str) -> Reply:
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return service.ask("POST", path, b"\n".join(texts), content_type=_LINES, **headers)


def test_a_file_has_lines_of_every_kind(loaded: Running, root: Root) -> None:
    reply = _send(
        loaded,
        {"kind": "item", "id": "b1", "attributes": {"title": "In bulk", "year": 2026}},
        {"kind": "entity", "id": "be1", "attributes": {"name": "An entity"}},
        {"kind": "user", "id": "bu1"},
        b"",
        {"kind": "fact", "head": "b1", "relation": "made_by", "tail": "be1"},
        {"kind": "fact", "head": "b1", "relation": "made_by", "tail": "e1"},
        {"kind": "event", "id": "be-1", "user": "bu1", "item": "i1"},
        {"kind": "event", "id": "be-2", "user": "bu1", "item": "b1", "rating": 4},
    )
    assert reply.status == 202, reply.content
    found = reply.json
    assert (found["lines"], found["accepted"], found["errors"]) == (8, 7, [])
    assert found["effective"] == "now"
    assert "i1" not in loaded.items("bu1", k=40)
    assert loaded.get("/v1/items/b1").json["name"] == "In bulk"
    assert [record["kind"] for record in records_of(root.log)][-2:] == ["event", "event"]
    assert [record["number"] for record in records_of(root.log)][-1] == found["sequence"]
    assert loaded.get("/v1/graph/nodes/Item/b1").json["counts"] == {"made_by": 2}


def test_a_file_that_is_sent_again_counts_once(loaded: Running) -> None:
    lines = [{"kind": "event", "user": "again", "item": f"i{n}", "id": f"a{n}"} for n in range(5)]
    first, again = _send(loaded, *lines).json, _send(loaded, *lines, *lines).json
    assert (first["accepted"], again["accepted"], again["duplicate"]) == (5, 0, 10)
    unnamed = [{"kind": "event", "user": "again", "item": "i9"}] * 2
    for _ in range(2):
        _send(loaded, *unnamed, idempotency_key="file-7")
    assert loaded.get("/v1/users/again/events").json["total"] == 5 - 1 + 1 + 2  # no item is i0


def test_wrong_lines_are_named_and_the_others_stored(loaded: Running) -> None:
    good = {"kind": "event", "user": "half", "item": "i1"}
    reply = _send(
        loaded,
        good,
        b"{",
        {"kind": "nothing"},
        {"user": "half", "item": "i1"},
        {**good, "rating": "five"},
        {**good, "timestamp": 10**12},
        {**good, "extra": 1},
        {**good, "item": "unknown item"},
        b'{"kind": "event", "user": "half", "item": "i1", "rating": NaN}',
        b'{"kind": "event", "user": "\\ud800", "item": "i1"}',
        b'{"kind": "item", "id": "x", "attributes": {"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}",
        b"\xff\xfe",
        {"kind": "item", "id": "coming"},
        {**good, "item": "coming"},
        path="/v1/bulk?missing=reject",
    )
    found = reply.json
    assert (found["accepted"], found["refused"]) == (3, 11)
    assert [one["line"] for one in found["errors"]] == list(range(2, 13))
    codes = [one["code"] for one in found["errors"]]
    assert codes[:3] == ["not_json", "invalid_body", "invalid_body"]
    assert codes[4:7] == ["from_the_future", "invalid_body", "unknown_item"]
    assert loaded.get("/v1/users/half/events").json["total"] == 2


def test_what_does_not_fit_the_graph_is_named(loaded: Running) -> None:
    found = _send(
        loaded,
        {"kind": "item", "id": "fit1", "attributes": {"year": 2001}},
        {"kind": "item", "id": "fit2", "attributes": {"year": "no number"}},
        {"kind": "fact", "head": "fit1", "relation": "made_by", "tail": "e1"},
    ).json
    assert (found["accepted"], found["refused"]) == (2, 1)
    assert [(one["line"], one["code"]) for one in found["errors"]] == [(2, "does_not_fit")]
    assert loaded.get("/v1/graph/nodes/Item/fit1").json["counts"] == {"made_by": 1}


def test_all_or_nothing(loaded: Running, root: Root) -> None:
    good = {"kind": "event", "user": "whole", "item": "i1"}
    before = len(list(records_of(root.log)))
    found = _send(loaded, good, b"{", good, path="/v1/bulk?all=true").json
    assert (found["accepted"], found["refused"], found["lines"]) == (0, 1, 3)
    assert len(list(records_of(root.log))) == before
    assert _send(loaded, good, good, path="/v1/bulk?all=true").json["accepted"] == 2
    many = [{"kind": "user", "id": "x"}] * 10_001
    reply = _send(loaded, *many, path="/v1/bulk?all=true")
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert loaded.get("/v1/users/x").status == 404


def test_a_json_list_does_the_same(loaded: Running) -> None:
    values = [{"kind": "event", "user": "list", "item": "i1"}, {"kind": "event"}]
    found = loaded.post("/v1/bulk", values).json
    assert (found["accepted"], [one["line"] for one in found["errors"]]) == (1, [2])
    for body, status in ((b"{}", 422), (b"[", 400), (b"[" * 9_000, 400), (b" " * 20_001, 413)):
        assert loaded.post("/v1/bulk", body).status == status
    assert loaded.post("/v1/bulk", values, content_type="text/csv").status == 415
    assert loaded.post("/v1/bulk?all=maybe", values).status == 422


def test_limits_of_lines_and_files(loaded: Running) -> None:
    """What came before the limit is stored, and the answer says so."""
    good = [{"kind": "event", "user": "long", "item": "i1"}] * 2_000
    reply = _send(loaded, *good, b'{"kind": "user", "id": "' + b"x" * 200_000 + b'"}')
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert "until 2,000 are stored" in reply.json["detail"]
    assert loaded.get("/v1/users/long/events").json["total"] == 2_000
    reply = _send(loaded, *[b" " * 9_000] * 200)
    assert (reply.status, reply.json["code"]) == (413, "too_large")


def test_one_load_at_a_time_and_none_waits_for_ever(loaded: Running) -> None:
    """A load that stops sending ends; until then others are refused, and lists are answered."""
    slow = http.client.HTTPConnection("127.0.0.1", loaded.port, timeout=30)
    slow.putrequest("POST", "/v1/bulk")
    slow.putheader("Content-Type", _LINES)
    slow.putheader("Content-Length", "500")
    slow.endheaders(b'{"kind": "user", "id": "slow"}\n')
    statuses = set()
    for _ in range(100):
        reply = _send(loaded, {"kind": "user", "id": "other"})
        statuses.add(reply.status)
        if reply.status == 503:
            break
    assert 503 in statuses
    assert loaded.post("/v1/recommend", {"user": "u1"}).status == 200
    assert slow.getresponse().status == 408
    slow.close()
    assert _send(loaded, {"kind": "user", "id": "other"}).status == 202
