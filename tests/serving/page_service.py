"""A running service for the tests of its page: a small catalog with scenarios, a hub and odd names.

``python -m tests.serving.page_service`` serves it on port 8131 until it is stopped, to look at.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd

from kgrec import Recommender
from kgrec.serving.registry import Root
from tests.recommender import catalogs
from tests.visualization.graphs import ODD

HUB = "Everything ever made"
WAIT = 120  # seconds in which it must be ready, on however busy a machine
_START = "from kgrec.cli import app; app()"


def saved_model(folder: Path) -> Path:
    """A fit of a second. Item i1 has an odd name; all items are of one category."""
    frames = catalogs.frames()
    frames["items"].loc[1, "title"] = ODD
    hub = pd.DataFrame({"entity_id": ["hub"], "name": [HUB], "kind": ["category"]})
    facts = pd.DataFrame(
        {
            "head": frames["items"]["item_id"],
            "head_type": "item",
            "relation": "IN_CATEGORY",
            "tail": "hub",
            "tail_type": "entity",
        }
    )
    catalog = catalogs.catalog(
        items=frames["items"],
        entities=pd.concat([frames["entities"], hub], ignore_index=True),
        facts=pd.concat([frames["facts"], facts], ignore_index=True),
    )
    config = catalogs.config({"head": "adapter"}, refit=False)
    model = Recommender(config).fit(catalogs.snapshot(folder, catalog), seed=0)
    model.save(folder / "model")
    return folder / "model"


def root_of(folder: Path, model: Path) -> Root:
    """A service's folder in which "first" answers and "second" waits."""
    root = Root.open(folder)
    for name in ("first", "second"):
        root.add(name, model, note=f"the {name} one")
    root.activate("first", "test", "to begin with")
    return root


@contextmanager
def served(root: Root, port: int = 0) -> Iterator[str]:
    """The service in a process of its own; its address, once it is ready."""
    command = [sys.executable, "-c", _START, "serve", "--root", str(root.folder), "--port"]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen([*command, str(port)], stdout=said, stderr=said) as process,
    ):
        try:
            yield _address(process, said)
        finally:
            process.terminate()
            process.wait(WAIT)


def _address(process: subprocess.Popen[bytes], said: object) -> str:
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.1)
        said.seek(0)  # type: ignore[attr-defined]
        text = said.read()  # type: ignore[attr-defined]
        if " on http" not in text:
            continue
        address: str = text.rpartition(" on ")[2].strip()
        try:
            with urlopen(f"{address}/health/ready"):
                return address
        except URLError:
            continue
    raise RuntimeError(f"the service is not ready: {text}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with served(root_of(place / "root", saved_model(place)), 8131) as here:
            print(here, flush=True)
            while True:
                time.sleep(60)
