"""The feedback log: formats, rewards joined to lists, and errors that name row and cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError, SourceError
from kgrec.evaluation import FeedbackLog


def frame(**changed: Any) -> pd.DataFrame:
    """Two lists of two places."""
    columns = {
        "list_id": ["07", "07", "b", "b"],
        "user_id": ["1", "1", "u2", "u2"],
        "item_id": ["01", "i2", "i2", "i3"],
        "position": [1, 2, 1, 2],
        "probability": [0.9, 0.05, 1.0, 0.5],
        "reward": [0, 1, 0, 0.5],
        "timestamp": [10, 10, 11, 11],
    }
    return pd.DataFrame({**columns, **changed})


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_every_format_comes_back_as_it_was_written(tmp_path: Path, ending: str) -> None:
    log = FeedbackLog.read(frame())
    log.write(tmp_path / f"log.{ending}")
    back = FeedbackLog.read(tmp_path / f"log.{ending}")
    pd.testing.assert_frame_equal(back.frame(), log.frame())
    assert back.list_id.tolist()[0] == "07"
    assert back.item_id.tolist()[0] == "01"


def test_other_columns_and_no_times_are_fine() -> None:
    log = FeedbackLog.read(frame().assign(device="phone").drop(columns="timestamp"))
    assert log.timestamp is None
    assert "device" not in log.frame().columns
    assert len(log) == 4
    assert FeedbackLog.read(log) is log


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"probability": [0.9, 0.0, 1, 1]}, r"row 2 of the log has the probability 0.0; give how"),
        ({"probability": [0.9, 0.1, 1.2, 1]}, "row 3 of the log has the probability 1.2"),
        ({"probability": [0.9, 0.1, np.nan, 1]}, "row 3 of the log has the probability nan"),
        ({"probability": ["x", 0.1, 1, 1]}, "row 1 of the log has the probability x"),
        ({"reward": [0, 1, np.nan, 0]}, r"row 3 of the log has the reward nan; give a number: 0"),
        ({"reward": [0, np.inf, 1, 0]}, "row 2 of the log has the reward inf"),
        ({"position": [0, 2, 1, 2]}, "row 1 of the log has the position 0; give the place"),
        ({"position": [1, 1.5, 1, 2]}, "row 2 of the log has the position 1.5"),
        ({"position": [1, 1, 1, 2]}, "row 2 of the log repeats place 1 of list 07; give each"),
        ({"item_id": ["a", "a", "b", "c"]}, "row 2 of the log repeats item a of list 07"),
        ({"user_id": ["1", "2", "u", "u"]}, "list 07 of the log has several users"),
        ({"user_id": ["1", None, "u", "u"]}, "row 2 of the log, user_id: .* is not an id"),
    ],
)
def test_a_wrong_row_is_named_with_the_cure(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        FeedbackLog.read(frame(**changed))


def test_a_log_without_probabilities_is_refused() -> None:
    with pytest.raises(RequestError, match=r"no column probability.*can't be found afterwards"):
        FeedbackLog.read(frame().drop(columns="probability"))
    with pytest.raises(RequestError, match=r"no column list_id, reward; it needs list_id, user_id"):
        FeedbackLog.read(frame().drop(columns=["reward", "list_id"]))
    with pytest.raises(RequestError, match="the log has no rows"):
        FeedbackLog.read(frame()[:0])


def test_files_that_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"a feedback log is a .csv, .parquet, .jsonl file"):
        FeedbackLog.read(tmp_path / "log.txt")
    (tmp_path / "log.parquet").write_bytes(b"\x00\xff")
    for name in ("missing.csv", "log.parquet"):
        with pytest.raises(SourceError, match=f"{name} can't be read"):
            FeedbackLog.read(tmp_path / name)
    with pytest.raises(RequestError, match=r"a feedback log is a"):
        FeedbackLog.read(frame()).write(tmp_path / "log.xlsx")


def lists() -> pd.DataFrame:
    return frame().rename(columns={"position": "rank"}).drop(columns=["reward", "timestamp"])


def test_rewards_are_joined_to_lists() -> None:
    rewards = pd.DataFrame({"list_id": ["b"], "item_id": ["i3"], "reward": [2.0]})
    log = FeedbackLog.of_lists(lists(), rewards, timestamp=12)
    assert log.reward.tolist() == [0, 0, 0, 2]
    assert log.position.tolist() == [1, 2, 1, 2]
    assert log.timestamp is not None
    assert log.timestamp.tolist() == [12] * 4
    assert FeedbackLog.of_lists(lists()).reward.tolist() == [0] * 4


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ({"list_id": ["b"], "item_id": ["i9"], "reward": [1]}, "1 of 1 rewards are for items that"),
        ({"list_id": ["b"] * 2, "item_id": ["i3"] * 2, "reward": [1, 1]}, "twice; add them up"),
        ({"list_id": ["b"], "item_id": ["i3"]}, "the rewards have no column reward"),
        ({"list_id": ["b"], "item_id": ["i3"], "reward": [np.nan]}, "row 4 .* reward nan"),
    ],
)
def test_wrong_rewards_are_refused(rewards: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        FeedbackLog.of_lists(lists(), pd.DataFrame(rewards))


def test_lists_without_probabilities_are_refused() -> None:
    with pytest.raises(RequestError, match=r"no column probability; call recommend\(explore="):
        FeedbackLog.of_lists(lists().drop(columns="probability"))
