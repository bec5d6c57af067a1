"""Hostile texts over HTTP: in answers, headers, pages, logs and jobs of a service that runs."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from kgrec.serving.access import Keys
from kgrec.serving.registry import Root
from tests.hostile.catalogs import MARK, TEXTS
from tests.hostile.test_outputs import acting
from tests.serving.running import Running, running

USUAL = {
    "cache-control",
    "content-length",
    "content-type",
    "x-content-type-options",
    "x-kgrec-model",
    "x-request-id",
    "retry-after",
    "www-authenticate",
}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The root of a service, and a key for all."""
    root = Root.open(tmp_path_factory.mktemp("service"))
    return root.folder, Keys(root.keys).add("test", ["admin"])


@pytest.fixture(scope="module")
def service(folder: Path, key: tuple[Path, str]) -> Iterator[Running]:
    with running("--model", folder, "--root", key[0]) as found:
        yield found


def _raw(service: Running, request: bytes) -> bytes:
    """What the service answers to these bytes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def test_answers_hold_the_texts_as_json(
    service: Running, key: tuple[Path, str], user: str, item: str
) -> None:
    bodies = {
        "/v1/recommend": {"user": user, "k": 30},
        "/v1/explain": {"user": user, "item": item},
        "/v1/search": {"text": MARK},
    }
    for path, body in bodies.items():
        reply = service.post(path, body, key[1])
        assert reply.status == 200, reply.content
        assert MARK in json.dumps(reply.json), path
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert set(reply.headers) <= USUAL


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_a_request_gets_into_a_header(
    service: Running, key: tuple[Path, str], text: str
) -> None:
    encoded = quote(text, safe="")
    for reply in (
        service.post("/v1/recommend", {"user": text, "scenario": text}, key[1]),
        service.get(f"/v1/items/{encoded}", key[1]),
        service.get(f"/v1/models/{encoded}", key[1]),
        service.get(f"/{encoded}"),
        service.get(f"/v1/status?x={encoded}", key[1]),
    ):
        assert reply.status < 500, reply.content
        assert set(reply.headers) <= USUAL | {"allow"}
        assert MARK not in "".join(reply.headers.values())


@pytest.mark.parametrize("value", [b"a\x1b[2Jb", b"a\tb", b"\xe2\x80\xae", b"x" * 200, b""])
def test_ids_of_requests_that_act_are_not_sent_back(service: Running, value: bytes) -> None:
    answer = _raw(
        service,
        b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"X-Request-Id: " + value + b"\r\n\r\n",
    )
    head = answer.partition(b"\r\n\r\n")[0]
    assert not (value and value in head)
    assert b"\x1b" not in head


def test_pages_are_under_a_strict_policy(service: Running) -> None:
    page = service.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.content.decode())  # none in the page
    assert " on" not in " ".join(re.findall(r"<[^>]*>", page.content.decode()))
    for name in re.findall(r'(?:src|href)="(/?page/[^"]+)"', page.content.decode()):
        found = service.get(f"/{name.lstrip('/')}")
        assert found.headers["content-security-policy"] == policy
        assert found.headers["x-content-type-options"] == "nosniff"


def test_the_programs_of_pages_make_no_html_of_texts() -> None:
    import kgrec.serving
    import kgrec.visualization

    makes = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|srcdoc")
    for package in (kgrec.serving, kgrec.visualization):
        for folder in ("page", "assets"):
            for file in (Path(package.__file__).parent / folder).glob("*.js"):
                assert not makes.search(file.read_text(encoding="utf-8")), file.name


def test_neither_keys_nor_what_acts_get_into_the_log(
    service: Running, key: tuple[Path, str]
) -> None:
    wrong = f"{key[1][:-4]}abcd"
    for given in (key[1], wrong):
        for path in ("/v1/status", "/v1/jobs", "/v1/models", "/metrics", "/nowhere"):
            reply = service.get(path, given)
            assert given not in reply.content.decode()
            assert given not in "".join(reply.headers.values())
    said = "".join(service.said)
    assert key[1] not in said
    assert wrong not in said
    assert not acting(said)
