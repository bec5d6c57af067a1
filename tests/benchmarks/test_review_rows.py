"""The review files' rows: what is held out, and that nothing of it is repeated or lost."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.texts.review_rows import last_two, review_catalog
from graph_schema.errors import SourceError


def test_the_last_two_rows_by_time_are_held_out_and_ties_keep_file_order() -> None:
    events = pd.DataFrame(
        {
            "user_id": ["a", "b", "a", "a", "b", "a", "c", "c", "c"],
            "item_id": list("pqrstuvwx"),
            "timestamp": [9, 1, 5, 9, 2, 1, 7, 7, 7],
        },
        index=range(10, 19),
    )
    found = last_two(events)
    assert found.tolist() == [
        "valid", "train", "train", "test", "train", "train", "train", "valid", "test",
    ]  # fmt: skip


def test_unknown_files_are_refused() -> None:
    with pytest.raises(SourceError, match="Musical_Instruments, Gift_Cards"):
        review_catalog("Books")


@pytest.mark.slow
@pytest.mark.data
def test_rows_of_the_published_files(data_dir: Path) -> None:
    music = review_catalog()
    assert music.interactions["split"].value_counts().to_dict() == {
        "train": 10_261 - 2 * 1_429, "valid": 1_429, "test": 1_429,
    }  # fmt: skip
    assert len(music.items) == 900
    assert not music.interactions.duplicated(["user_id", "item_id"]).any()
    gifts = review_catalog("Gift_Cards")
    assert len(gifts.items) == 148
    assert (gifts.items["title"] != "").all()
    users = gifts.interactions.groupby("user_id")["split"].apply(lambda kinds: set(kinds))
    assert all({"valid", "test"} <= kinds or kinds == {"train"} for kinds in users)
