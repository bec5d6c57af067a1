"""RatingRequest: pairs, and histories with ratings, as rows that a rating model reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.report import shown
from kgrec.arguments import as_id, check_text, id_list
from kgrec.config.scenarios import TIMES
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.graph.tables import request_times
from kgrec.ratings.pools import RatedEvents, RatingPairs
from kgrec.scenarios.inferred_scenarios import UserScenarios
from kgrec.scenarios.matching import Matcher, at_times
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import item_rows, known_users, scenario_code

RatedHistories: TypeAlias = pd.DataFrame | Mapping[str, Mapping[str, float]]
ANSWERS: Final = ("like", "rating")  # columns that ``Recommender.predict`` adds


@dataclass(frozen=True, eq=False)
class RatingRequest:
    """Rows to predict.

    ``pairs`` with their slots in ``events``; ``user`` int64 rows, -1 for users that are not stored;
    ``scenario`` int64 codes, -1 for none.
    """

    events: RatedEvents
    pairs: RatingPairs
    user: Ints
    scenario: Ints


def read_rating_request(
    engine: Engine,
    user_scenarios: UserScenarios,
    stored: RatedEvents,
    pairs: pd.DataFrame,
    histories: RatedHistories | None,
) -> RatingRequest:
    """The rows of ``Recommender.predict``. Raises RequestError."""
    _need(pairs, ("user_id", "item_id"), "pairs")
    taken = [name for name in ANSWERS if name in pairs.columns]
    if taken:
        raise RequestError(
            f"pairs has a column {taken[0]!r}, which the answer adds; rename it, or leave it out."
        )
    names = np.array(id_list(pairs["user_id"], "pairs"), dtype=object)
    given = _histories(histories)
    users = engine.snapshot.users
    stored_only = ~np.isin(names, given["user_id"].to_numpy(dtype=object))
    known_users(users, [*pd.unique(names[stored_only])])
    user = users.rows(names)
    events, slots = _joined(engine, stored, given)
    slot = np.where(
        stored_only, user, slots.get_indexer(pd.Index(names, dtype=object)) + len(users)
    )
    time = request_times(pairs, "pairs")
    items = id_list(pairs["item_id"], "pairs")
    rows = RatingPairs(slot, item_rows(engine.snapshot.items, items), time)
    return RatingRequest(events, rows, user, _scenarios(engine, user_scenarios, pairs, user, time))


def _need(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    if isinstance(frame, pd.DataFrame) and not frame.columns.is_unique:
        raise RequestError(f"{what} has a column twice; keep one of them.")
    for column in columns:
        if not isinstance(frame, pd.DataFrame) or column not in frame.columns:
            raise RequestError(f"{what} must be a DataFrame with a column {column!r}.")
        if frame[column].isna().any():
            row = int(np.argmax(frame[column].isna().to_numpy()))
            raise RequestError(f"{what}: row {row} has no {column}; add it, or leave the row out.")


def _histories(given: RatedHistories | None) -> pd.DataFrame:
    """A frame user_id, item_id, rating and perhaps timestamp.

    A user with an empty mapping has one row without an item.
    """
    columns = ["user_id", "item_id", "rating"]
    if given is None:
        given = pd.DataFrame(columns=columns)
    elif isinstance(given, Mapping):
        rows = [
            (user, item, rating)
            for user, rated in given.items()
            for item, rating in [*_rated(user, rated).items(), (None, np.nan)]
        ]
        given = pd.DataFrame(rows, columns=columns, dtype=object)
    elif isinstance(given, pd.DataFrame):
        _need(given, columns, "histories")
    else:
        raise RequestError(
            f"histories is a {type(given).__name__}; pass {{user: {{item: rating}}}}, or a "
            "DataFrame with user_id, item_id and rating."
        )
    values = [np.nan if _is_no_rating(one) else one for one in given["rating"].tolist()]
    rating = pd.to_numeric(pd.Series(values, given.index, dtype=object), errors="coerce")
    rating = rating.astype("float64")
    large = ~(rating.abs().to_numpy(dtype=np.float64) <= np.finfo(np.float32).max)
    wrong = large & given["item_id"].notna().to_numpy()
    if wrong.any():
        row = given.iloc[int(np.argmax(wrong))]
        raise RequestError(
            f"histories: user {row['user_id']!r} rated {row['item_id']!r} "
            f"{shown(row['rating'])}, which is no rating; pass a number."
        )
    return given.assign(user_id=id_list(given["user_id"], "histories"), rating=rating)


def _is_no_rating(value: object) -> bool:
    """Whether pandas would take a value that is no rating for a number, or fail."""
    huge = isinstance(value, int) and abs(value) > sys.float_info.max
    return isinstance(value, bool | np.bool_) or huge


def _rated(user: object, rated: object) -> Mapping[str, float]:
    if not isinstance(rated, Mapping):
        raise RequestError(
            f"the history of user {user!r} is a {type(rated).__name__}; predict needs ratings: "
            "pass {item: rating}."
        )
    for item in rated:
        as_id(item, f"the history of user {user!r}")
    return rated


def _joined(
    engine: Engine, stored: RatedEvents, given: pd.DataFrame
) -> tuple[RatedEvents, pd.Index[str]]:
    """The stored ratings, then a slot for each user of ``given``, in the order of the index."""
    names: pd.Index[str] = pd.Index(pd.unique(given["user_id"]), dtype=object)
    if not len(names):
        return stored, names
    rated = given[given["item_id"].notna()]
    own = RatedEvents.sort(
        names.get_indexer(pd.Index(rated["user_id"], dtype=object)).astype(np.int64),
        item_rows(engine.snapshot.items, id_list(rated["item_id"], "histories")),
        rated["rating"].to_numpy(dtype=np.float32),
        request_times(rated, "histories"),
        len(names),
    )
    return stored.followed_by(own), names


def _scenarios(
    engine: Engine, inferred: UserScenarios, pairs: pd.DataFrame, user: Ints, time: Ints
) -> Ints:
    """The scenario of each pair, int64 ``[n]``, else the one inferred from its user or time."""
    codes = _inferred(inferred, user, time)
    if "scenario" not in pairs.columns:
        return codes
    given = pairs["scenario"].to_numpy(dtype=object, copy=True)
    given[pairs["scenario"].isna().to_numpy(dtype=bool)] = ""
    names = np.array([check_text(name, "scenario") for name in given], dtype=object)
    for name in pd.unique(names[names != ""]):
        codes = np.where(names == name, scenario_code(engine, name), codes)
    return codes


def _inferred(inferred: UserScenarios, user: Ints, time: Ints) -> Ints:
    codes, rule = inferred.of(user), inferred.rule
    if codes is not None:
        return codes
    codes = np.full(len(user), -1, dtype=np.int64)
    known = time != NO_TIME
    if rule is None or rule.by not in TIMES or not known.any():
        return codes
    names = at_times(Matcher(rule), rule.by, time[known])
    index = pd.Index(inferred.vocabulary.scenarios, dtype=object)
    codes[known] = index.get_indexer(pd.Index(names, dtype=object))
    return codes
