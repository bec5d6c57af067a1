"""Every answer is one that the service's OpenAPI describes, and none is a fault of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.serving.verbs import administration
from tests.serving.running import new_root, running_here

pytest.importorskip("schemathesis", reason="schemathesis is an extra of development")

from benchmarks.service_contract import campaign


def test_answers_keep_to_the_description(saved: Path, tmp_path: Path) -> None:
    """A few requests of each kind for each route; the benchmark sends many more."""
    with running_here(new_root(tmp_path / "service", saved)) as service:
        found = campaign(f"http://127.0.0.1:{service.port}", examples=2)
    assert found.faults == {}
    assert {200, 202, 404, 422} <= set(found.statuses)


def test_what_breaks_the_description_is_found(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def live(service: object, body: None, call: object) -> dict[str, int]:
        return {"status": 5}

    def ready(service: object, body: None, call: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(administration, "live", live)
    monkeypatch.setattr(administration, "ready", ready)
    routes = ["GET /health/live", "GET /health/ready"]
    with running_here(new_root(tmp_path / "service", saved)) as service:
        found = campaign(f"http://127.0.0.1:{service.port}", examples=1, only=routes)
    assert sorted(route for route, _ in found.faults) == routes
