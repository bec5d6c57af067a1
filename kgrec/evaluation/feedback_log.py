"""FeedbackLog: what was shown to whom, at which place, with which probability, and its reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.disk.paths import given_path
from graph_schema.output.spreadsheets import guarded_frame, unguarded_frame
from kgrec.arguments import as_id
from kgrec.errors import RequestError, SourceError
from kgrec.files import save_file
from kgrec.graph.snapshot import Floats, Ints

COLUMNS: Final = ("list_id", "user_id", "item_id", "position", "probability", "reward")
_TIME: Final = "timestamp"
_IDS: Final = {"list_id": str, "user_id": str, "item_id": str}


@dataclass(frozen=True, eq=False)
class FeedbackLog:
    """A log of explored lists, one row for each place of a list.

    Attributes
    ----------
    list_id, user_id, item_id : object ``[n]``
        Ids, as str.
    position : int64 ``[n]``
        Place in the list, from 1.
    probability : float64 ``[n]``
        That the recommender which made the list shows this item to this user at this place; above
        0, at most 1.
    reward : float64 ``[n]``
        Reward of the place, such as 1 for a click and 0 without one; any finite number.
    timestamp : object ``[n]`` or None
        When, as it was given; not used by estimates.
    """

    list_id: np.ndarray
    user_id: np.ndarray
    item_id: np.ndarray
    position: Ints
    probability: Floats
    reward: Floats
    timestamp: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.reward)

    @staticmethod
    def read(source: FeedbackLog | pd.DataFrame | str | PathLike[str]) -> FeedbackLog:
        """A log from a DataFrame or a .csv, .parquet or .jsonl file.

        Parameters
        ----------
        source : FeedbackLog, DataFrame or path
            Columns list_id, user_id, item_id, position, probability, reward and, if wanted,
            timestamp; others are left out.

        Raises
        ------
        SourceError
            Where a file can't be read.
        RequestError
            For a missing column, and the first row with an absent id, a position that is no whole
            number from 1, a probability outside (0, 1] or a reward that is not finite; for two rows
            of a list with the same position or item, and a list of several users.
        """
        if isinstance(source, FeedbackLog):
            return source
        frame = source if isinstance(source, pd.DataFrame) else _read(given_path(source, "log"))
        _check_columns(frame)
        if not len(frame):
            raise RequestError("the log has no rows; give one for each place of each list shown.")
        log = FeedbackLog(
            list_id=_ids(frame, "list_id"),
            user_id=_ids(frame, "user_id"),
            item_id=_ids(frame, "item_id"),
            position=_positions(frame),
            probability=_probabilities(frame),
            reward=_rewards(frame),
            timestamp=frame[_TIME].to_numpy() if _TIME in frame.columns else None,
        )
        log._check_lists()
        return log

    @staticmethod
    def of_lists(
        lists: pd.DataFrame, rewards: pd.DataFrame | None = None, *, timestamp: int | None = None
    ) -> FeedbackLog:
        """The log of lists from ``recommend(explore=...)``.

        Parameters
        ----------
        lists : DataFrame
            One or several answers of ``recommend(explore=...)``.
        rewards : DataFrame, optional
            Columns list_id, item_id and reward: what was rewarded. Other places have the reward 0.
        timestamp : int, optional
            When the lists were shown, in unix seconds.

        Raises
        ------
        RequestError
            As ``read``, and for rewards of items that the lists did not show.
        """
        for name in ("list_id", "probability"):
            if name not in lists.columns:
                raise RequestError(f"the lists have no column {name}; call recommend(explore=...).")
        frame = lists.rename(columns={"rank": "position"})
        frame = frame.assign(reward=_joined(frame, rewards))
        return FeedbackLog.read(frame if timestamp is None else frame.assign(timestamp=timestamp))

    def of_users(self, known: np.ndarray) -> FeedbackLog:
        """The rows where ``known`` (bool ``[n]``) is True. Raises RequestError without any."""
        if not known.any():
            raise RequestError("no user of the log is in the model's graph; check their ids.")
        return FeedbackLog.read(self.frame()[known])

    def frame(self) -> pd.DataFrame:
        """The log as a DataFrame, with the columns of ``read``."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        if self.timestamp is not None:
            columns[_TIME] = self.timestamp
        return pd.DataFrame(columns)

    def write(self, path: str | PathLike[str]) -> None:
        """Write a .csv, .parquet or .jsonl file, which is complete or not there.

        Raises RequestError for another ending, and where the disk refuses.
        """
        place = given_path(path, "path")
        writer = _format(place, _WRITERS)
        save_file(place, lambda name: writer(self.frame(), name), private=True)

    def _check_lists(self) -> None:
        frame = self.frame()
        for name, what in (("position", "place"), ("item_id", "item")):
            twice = frame.duplicated(["list_id", name]).to_numpy()
            if twice.any():
                row = int(np.flatnonzero(twice)[0])
                raise RequestError(
                    f"row {row + 1} of the log repeats {what} {frame[name].iloc[row]} of list "
                    f"{self.list_id[row]}; give each request a list_id of its own (recommend does, "
                    "unless seed= is set) and log a list once."
                )
        several = frame.groupby("list_id")["user_id"].nunique()
        if (several > 1).any():
            raise RequestError(
                f"list {several.index[several > 1][0]} of the log has several users; give each "
                "list one user."
            )


def _check_columns(frame: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if "probability" in missing:
        raise RequestError(
            "the log has no column probability: how likely each item was at its place. It can't be "
            "found afterwards; show lists of recommend(explore=...) and log their probability."
        )
    if missing:
        raise RequestError(
            f"the log has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}."
        )


def _ids(frame: pd.DataFrame, name: str) -> np.ndarray:
    values = frame[name].tolist()
    return np.array(
        [as_id(one, f"row {row} of the log, {name}") for row, one in enumerate(values, start=1)],
        dtype=object,
    )


def _numbers(frame: pd.DataFrame, name: str, cure: str) -> Floats:
    found = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(frame, name, ~np.isfinite(found), cure)
    return np.asarray(found)


def _refuse(frame: pd.DataFrame, name: str, wrong: np.ndarray, cure: str) -> None:
    """Raise RequestError for the first row where ``wrong`` is True."""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        value = frame[name].iloc[row]
        raise RequestError(f"row {row + 1} of the log has the {name} {value}; {cure}")


def _positions(frame: pd.DataFrame) -> Ints:
    cure = "give the place in the list as a whole number from 1."
    found = _numbers(frame, "position", cure)
    _refuse(frame, "position", (found < 1) | (found != np.floor(found)) | (found > 1e6), cure)
    return np.asarray(found.astype(np.int64))


def _probabilities(frame: pd.DataFrame) -> Floats:
    cure = (
        "give how likely this item was at this place, above 0 and at most 1: the column "
        "probability of recommend(explore=...)."
    )
    found = _numbers(frame, "probability", cure)
    _refuse(frame, "probability", (found <= 0.0) | (found > 1.0 + 1e-9), cure)
    return np.asarray(np.minimum(found, 1.0))


def _rewards(frame: pd.DataFrame) -> Floats:
    cure = (
        "give a number: 0 for what was shown without success. Leave out lists whose rewards are "
        "not known yet."
    )
    return _numbers(frame, "reward", cure)


def _joined(lists: pd.DataFrame, rewards: pd.DataFrame | None) -> np.ndarray:
    """float64: the reward of each row of ``lists``, 0 where none is given."""
    if rewards is None:
        return np.zeros(len(lists))
    keys = ["list_id", "item_id"]
    for name in (*keys, "reward"):
        if name not in rewards.columns:
            raise RequestError(f"the rewards have no column {name}; give list_id, item_id, reward.")
    given = rewards.assign(**{name: _ids(rewards, name) for name in keys})
    shown = pd.DataFrame({name: _ids(lists, name) for name in keys})
    if given.duplicated(keys).any():
        raise RequestError("the rewards name an item of a list twice; add them up to one row.")
    found = shown.merge(given[[*keys, "reward"]], on=keys, how="left", indicator=True)
    known = int((found["_merge"] == "both").sum())
    if known < len(given):
        raise RequestError(
            f"{len(given) - known} of {len(given)} rewards are for items that these lists did not "
            "show; give all lists, and rewards by list_id and item_id."
        )
    return np.asarray(np.where(found["_merge"] == "both", found["reward"], 0.0))


def _read(path: Path) -> pd.DataFrame:
    reader: Callable[[Path], pd.DataFrame] = _format(path, _READERS)
    try:
        return reader(path)
    except (OSError, ValueError) as error:  # pyarrow's and pandas' errors are ValueErrors
        raise SourceError(
            f"{path} can't be read ({error}); give a .csv, .parquet or .jsonl file with the "
            f"columns {', '.join(COLUMNS)}."
        ) from error


_READERS: Final[Mapping[str, Callable[[Path], pd.DataFrame]]] = {
    ".csv": lambda path: unguarded_frame(pd.read_csv(path, dtype=_IDS, keep_default_na=True)),
    ".parquet": pd.read_parquet,
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False),
}
_WRITERS: Final[Mapping[str, Callable[[pd.DataFrame, str], Any]]] = {
    ".csv": lambda frame, name: guarded_frame(frame).to_csv(name, index=False, lineterminator="\n"),
    ".parquet": lambda frame, name: frame.to_parquet(name, index=False),
    ".jsonl": lambda frame, name: frame.to_json(name, orient="records", lines=True),
}


def _format(path: Path, known: Mapping[str, Any]) -> Any:
    ending = path.suffix.lower()
    if ending not in known:
        raise RequestError(f"{path}: a feedback log is a {', '.join(known)} file.")
    return known[ending]
