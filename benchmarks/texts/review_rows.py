"""The Amazon review files as catalogs whose interactions say train, valid or test."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import data_folder
from graph_schema import Catalog
from graph_schema.errors import SourceError
from loaders.review_formats.amazon import amazon

DATA: Final = "amazon-reviews"
MUSIC: Final = "Musical_Instruments"
WITH_METADATA: Final = ("Gift_Cards", "Magazine_Subscriptions")
NAMES: Final = (MUSIC, *WITH_METADATA)
PROTOCOL: Final = (
    "exact repeats of a review dropped; per user the last row by time is test, the one before "
    "valid, ties in file order, users with fewer than three rows only train; fit on train, chosen "
    "on valid, full ranking of all items but those of the user's history"
)


def review_catalog(name: str = MUSIC) -> Catalog:
    """The catalog of ``name``, one of NAMES: interactions with a split, reviews, and items with
    their metadata and facts where the file of it is there. Interactions and reviews stand in file
    order.

    A review belongs to the interaction of its user and item: it is held out with it. Raises
    SourceError for another name, or where the data isn't there.
    """
    if name not in NAMES:
        raise SourceError(f"{name!r} is no review file. Cure: use one of {', '.join(NAMES)}.")
    folder = data_folder() / DATA
    metadata = folder / f"meta_{name}.json.gz" if name in WITH_METADATA else None
    catalog = amazon(folder / f"{name}_5.json.gz", metadata).catalog
    events = catalog.interactions
    return Catalog.from_frames(
        **{**catalog.tables, "interactions": events.assign(split=last_two(events))}
    )


def last_two(events: pd.DataFrame) -> np.ndarray:
    """object ``[n]``: "test" for each user's last row by ``timestamp``, "valid" for the one before,
    "train" for all others and for users with fewer than three rows; ties in the frame's order."""
    users = events.sort_values("timestamp", kind="stable").groupby("user_id", sort=False)
    from_end = users.cumcount(ascending=False).reindex(events.index)
    size = users["item_id"].transform("size").reindex(events.index)
    few, last, before = (size < 3, from_end == 0, from_end == 1)
    return np.asarray(np.select([few, last, before], ["train", "test", "valid"], "train")).astype(
        object
    )
