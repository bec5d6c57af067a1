"""``kgrec page``: the list of a user as a page that names nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kgrec import Recommender
from tests.cli.conftest import kgrec, kgrec_json
from tests.visualization.test_html_page import Page

pytestmark = pytest.mark.slow


def test_the_page_has_the_list_of_recommend(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    asked = ("-m", model, "-u", "u3", "-k", "4")
    printed = kgrec(
        "page", *asked, "--html", file, "--title", "For you", "--foot", "A small catalog"
    )
    assert printed.stdout.strip() == str(file)
    page = Page(file)
    assert "".join(page.texts["h1"]).strip() == "For you"
    assert "".join(page.texts["footer"]).strip() == "A small catalog"
    rows = kgrec_json("recommend", *asked, "--json")
    view = page.view
    titles = [view["nodes"][item["node"]]["text"] for item in view["items"]]
    assert titles == [row["title"] for row in rows]
    assert [item["score"] for item in view["items"]] == pytest.approx([r["score"] for r in rows])
    assert all(item["reasons"] for item in view["items"])
    assert not re.search(r"\bu\d+\b", json.dumps(view))


def test_a_history_in_the_request(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    asked = ("page", "-m", model, "-u", "guest", "--history", "i3,i6", "--html", file, "--json")
    assert kgrec_json(*asked) == {"page": str(file)}
    view = Page(file).view
    assert [event["title"] for event in view["history"]] == [
        "A comedy called i6",
        "A comedy called i3",
    ]
    assert view["past"] == "Chosen"


def test_wrong_requests(model: Path, tmp_path: Path) -> None:
    refused = kgrec("page", "-m", model, "-u", "u3", "--html", tmp_path / "page.txt", expect=2)
    assert "end its name in .html" in refused.stderr
    kgrec("page", "-m", model, "-u", "nobody", "--html", tmp_path / "page.html", expect=1)
    assert not list(tmp_path.iterdir())


def test_the_same_page_each_time(model: Path, tmp_path: Path) -> None:
    recommender = Recommender.load(model)
    first, second = (recommender.page("u5", tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()
