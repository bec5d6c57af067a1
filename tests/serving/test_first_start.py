"""What a stranger starts first: the demo, and a model of a catalog without facts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.client import Client
from tests.serving.running import Running, running

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "serving.md"]


def _first_curl(page: Path) -> tuple[str, str]:
    """Path and body of the first curl of a page."""
    found = re.search(r"^curl (.*?[^\\])$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    words = shlex.split(found[1].replace("\\\n", " "))
    address = next(word for word in words if word.startswith("localhost:8000"))
    return address.removeprefix("localhost:8000"), words[words.index("-d") + 1]


@pytest.mark.slow
def test_the_demo_answers_the_first_request_of_the_pages(tmp_path: Path) -> None:
    with running("--demo", "--root", tmp_path / "root") as service:
        for page in PAGES:
            path, body = _first_curl(page)
            reply = service.post(path, body.encode())
            assert reply.status == 200, reply.content
            [first, *_] = reply.json["items"]
            assert first["title"]
            assert first["why"]
        assert b"<html" in service.get("/").content


def _served(service: Running) -> None:
    client = Client(f"http://127.0.0.1:{service.port}")
    best = client.recommend("u1", k=2, explain=1)
    assert best["why"][0]
    item = str(best["item_id"][0])
    assert client.explain("u1", item).score == pytest.approx(float(best["score"][0]))
    assert len(client.graph.neighbours(f"Item:{item}"))
    assert client.importance(users=3, k=2) is not None


@pytest.mark.slow
def test_a_catalog_without_facts_can_be_served(tmp_path: Path) -> None:
    rows = [(f"u{u}", f"i{i}") for u in range(24) for i in range(12) if i % 2 == u % 2 and i != u]
    interactions = pd.DataFrame(rows, columns=["user_id", "item_id"])
    Recommender().fit(Catalog.from_frames(interactions=interactions), effort="quick", seed=0).save(
        tmp_path / "model"
    )
    with running("--model", tmp_path / "model") as service:
        _served(service)
