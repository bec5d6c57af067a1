"""What the tests of the page serve: a small catalog with scenarios, a hub and odd names.

``python -m tests.serving.page_service`` serves it until it is stopped, to look at.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from kgrec import Recommender
from kgrec.serving.registry import Root
from tests.recommender import catalogs
from tests.serving.running import running
from tests.visualization.graphs import ODD

HUB = "Everything ever made"


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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        root = root_of(place / "root", saved_model(place))
        with running("--root", root.folder) as service:
            print(f"http://127.0.0.1:{service.port}", flush=True)
            service.process.wait()
