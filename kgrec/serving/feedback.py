"""The log of explored lists that a service has shown, to judge models by."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from kgrec.errors import RequestError
from kgrec.evaluation.feedback_log import COLUMNS, FeedbackLog
from kgrec.serving.event_log import Record
from kgrec.serving.live_graph import EVENT, IMPRESSIONS, TAKEN_BACK


def shown_lists(
    records: Iterable[Record], *, event: str | None = None, rated: float | None = None
) -> FeedbackLog:
    """The places of explored lists that were shown, with their rewards.

    A place has the reward 1 where an event came with the list's id and the place's item, else 0.
    Lists that were made from a history or answers have no user, and are left out.

    Parameters
    ----------
    records : iterable of dict
        Records of an event log.
    event : str, optional
        The kind of event that is a reward, such as "buy"; by default every kind.
    rated : float, optional
        The rating from which an event is a reward; those without one are none then.

    Raises
    ------
    RequestError
        Where no explored list was shown.
    """
    kept = list(records)
    gone = {record["of"] for record in kept if record["kind"] == TAKEN_BACK}
    rewarded = {
        (record["list_id"], record["item"])
        for record in kept
        if record["kind"] == EVENT
        and record["number"] not in gone
        and "list_id" in record
        and _is_reward(record, event, rated)
    }
    rows: dict[tuple[str, str], tuple[object, ...]] = {}
    for record in kept:
        if record["kind"] != IMPRESSIONS or record.get("user") is None:
            continue
        list_id = record["list_id"]
        places = zip(record["items"], record["positions"], record["probabilities"], strict=True)
        for item, position, probability in places:
            reward = float((list_id, item) in rewarded)
            row = (list_id, record["user"], item, position, probability, reward, record["received"])
            if probability is not None:
                rows.setdefault((list_id, item), row)
    if not rows:
        raise RequestError(
            "no explored list was shown: ask with explore, and send what was shown to "
            "/v1/impressions with its list_id."
        )
    return FeedbackLog.read(pd.DataFrame(list(rows.values()), columns=[*COLUMNS, "timestamp"]))


def _is_reward(record: Record, event: str | None, rated: float | None) -> bool:
    if event is not None and record.get("event") != event:
        return False
    rating = record.get("rating")
    return rated is None or (rating is not None and rating >= rated)
