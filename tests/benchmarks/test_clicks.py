"""The rows of click prediction: as many negatives as positives, and none of them a positive."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.clicks import click_rows


def test_each_positive_has_a_negative_of_its_user() -> None:
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame({"user_id": rng.integers(0, 30, 400), "item_id": rng.integers(0, 50, 400)})
    pairs = pairs.astype(str).assign(split="train")
    hidden = pairs.iloc[:40].assign(split="test")
    found = click_rows(pd.concat([pairs, hidden]))
    assert not found.duplicated(["user_id", "item_id"]).any()
    liked = found[found["rating"] > 0]
    chosen = set(zip(pairs["user_id"], pairs["item_id"], strict=True))
    assert set(zip(liked["user_id"], liked["item_id"], strict=True)) == chosen
    assert (found.groupby("user_id")["rating"].mean() == 0.5).all()
    shares = found["split"].value_counts(normalize=True)
    assert shares[["train", "valid", "test"]].round(1).tolist() == [0.6, 0.2, 0.2]
    assert click_rows(pairs, 5)["user_id"].nunique() == 5
    pd.testing.assert_frame_equal(found, click_rows(pd.concat([pairs, hidden])))
