"""What holds people only its owner may read, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from graph_schema.disk.files import put_text
from kgrec import Recommender
from kgrec.cli._tables import write_table
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.rules.folder import RuleFolder
from kgrec.rules.ruleset import Rules
from kgrec.serving.access import Keys
from kgrec.serving.event_log import EventLog
from kgrec.serving.registry import Root
from kgrec.stores import EmbeddedStore
from tests.recommender import catalogs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs the rights of files")


@pytest.fixture(params=[0o022, 0o000], ids=oct)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder, where files are made readable by all."""
    before = os.umask(request.param)
    try:
        folder = tmp_path / "place"
        folder.mkdir()
        yield folder
    finally:
        os.umask(before)


def rights(place: Path) -> set[str]:
    """The rights of a file, or of a folder and all below it."""
    below = place.rglob("*") if place.is_dir() else ()
    return {oct(stat.S_IMODE(path.stat().st_mode)) for path in (place, *below)}


def test_models_snapshots_and_stores(short: Recommender, place: Path) -> None:
    short.save(place / "model")
    assert rights(place / "model") == {"0o700", "0o600"}
    catalogs.catalog().to_parquet(place / "catalog")
    assert rights(place / "catalog") - {oct(stat.S_IMODE(place.stat().st_mode))} == {"0o600"}
    with EmbeddedStore(place / "new" / "graph.kgl") as store:
        store.write(catalogs.catalog())
        found = {path.name: rights(path) for path in (place / "new").iterdir()}
    assert found["graph.kgl"] == {"0o600"}
    assert set().union(*found.values()) == {"0o600"}  # its locks too


def test_lists_and_logs(short: Recommender, place: Path) -> None:
    lists = short.recommend("u1", k=3)
    for end in ("csv", "parquet", "jsonl"):
        write_table([lists], place / f"lists.{end}")
    short.vectors().save(place / "vectors.npz")
    log = pd.DataFrame(
        {"list_id": ["a"], "user_id": ["u1"], "item_id": ["i1"], "position": [1],
         "probability": [0.5], "reward": [1.0]}
    )  # fmt: skip
    FeedbackLog.read(log).write(place / "feedback.csv")
    RuleFolder(place).set(
        Rules.parse('[[rule]]\nname = "a"\neffect = "never"\nitems = ["i1"]\n'), "x"
    )
    assert {path.name: rights(path) for path in place.iterdir()} == {
        path.name: {"0o600"} for path in place.iterdir()
    }


def test_what_a_service_keeps(place: Path) -> None:
    root = Root.open(place / "service")
    Keys(root.keys).add("shop", ["read"])
    root.log.touch(0o666)  # copied there, say
    log = EventLog(root.log)
    log.append([{"user": "u1"}]).result()
    log.close()
    assert rights(root.keys) == rights(root.log) == {"0o600"}
    assert stat.S_IMODE(root.folder.stat().st_mode) == 0o700


def test_other_files_have_the_usual_rights(short: Recommender, place: Path) -> None:
    """Pages and pictures are made to be shown."""
    put_text(place / "text", "x")
    (place / "usual").touch()
    short.page("u1", place / "page.html", k=1)
    assert rights(place / "text") == rights(place / "page.html") == rights(place / "usual")
