"""Events, impressions, and changes of the graph's nodes and facts."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client import frames
from kgrec.client.asking import Id, id_list
from kgrec.client.exchange import Ask, Fields, Steps, fields_of, pages

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["items", "users", "entities"]
_MOST = 1_000  # events of a request


def add_events(
    events: Iterable[Mapping[str, Any]] | pd.DataFrame,
    *,
    missing: Literal["create", "reject"] = "create",
    key: str | None = None,
) -> Steps[Fields]:
    """Store events; the next list of each user counts them.

    Parameters
    ----------
    events : iterable of dict, or DataFrame
        user and item (or user_id and item_id), and perhaps id, event, rating, timestamp, scenario,
        list_id. An event without ``id`` is known by ``key`` and its place.
    missing : {"create", "reject"}
        Whether events of unknown items are kept until the item comes.
    key : str, optional
        Idempotency-Key: sending the same events with the same key again stores them once. By
        default a new one for this call, which makes its own repetitions safe.

    Returns
    -------
    Fields
        accepted, duplicate, sequence, and rejected: index, code and detail of each.
    """
    rows, done = list(map(_event, _rows(events))), Fields(accepted=0, duplicate=0, rejected=[])
    key = key or secrets.token_hex(16)
    for start in range(0, len(rows), _MOST):
        body = {"events": rows[start : start + _MOST], "missing": missing}
        part = f"{key}/{start}" if start else key
        answer = Fields.of((yield Ask("POST", "/v1/events", body, repeat_key=part)))
        rejected = [
            Fields({**one, "index": start + one.index}) for one in answer.get("rejected", [])
        ]
        done = Fields(
            accepted=done.accepted + answer.accepted,
            duplicate=done.duplicate + answer.get("duplicate", 0),
            rejected=[*done.rejected, *rejected],
            sequence=answer.sequence,
        )
    return done


def take_back(event_id: str) -> Steps[Fields]:
    """Take an event back by its id."""
    return fields_of((yield Ask("DELETE", "/v1/events/{id}", parts={"id": event_id})))


def add_impressions(list_id: str, items: Sequence[Id]) -> Steps[Fields]:
    """Say which items of a list were shown, in their order."""
    body = {"list_id": list_id, "items": id_list(items, "items")}
    return fields_of((yield Ask("POST", "/v1/impressions", body)))


def events_of(user: Id, limit: int = 1_000) -> Steps[pd.DataFrame]:
    """The events of a user, the latest first, at most ``limit``: item_id, timestamp (Int64),
    event, rating, title, and number (of those that came over HTTP)."""
    ask = Ask("GET", "/v1/users/{id}/events", parts={"id": user})
    rows, _ = yield from pages(ask, "events", limit, _MOST)
    return frames.frame_of([{**row, "item_id": row["item"]} for row in rows], frames.EVENTS)


def get_node(kind: Kind, node_id: Id) -> Steps[Fields]:
    """A user, item or entity with its attributes, also those since the last fold."""
    return fields_of((yield Ask("GET", _path(kind), parts={"id": node_id})))


def put_node(kind: Kind, node_id: Id, attributes: Mapping[str, Any]) -> Steps[Fields]:
    """Make a user, item or entity, or change its attributes."""
    body = {"attributes": dict(attributes)}
    return fields_of((yield Ask("PUT", _path(kind), body, parts={"id": node_id})))


def delete_node(kind: Kind, node_id: Id) -> Steps[Fields]:
    """Remove a user, item or entity."""
    return fields_of((yield Ask("DELETE", _path(kind), parts={"id": node_id})))


def put_facts(facts: Iterable[Mapping[str, Any]]) -> Steps[Fields]:
    """Add facts: head, relation, tail, and perhaps head_type and tail_type."""
    return fields_of((yield Ask("PUT", "/v1/facts", {"facts": list(map(dict, facts))})))


def delete_facts(facts: Iterable[Mapping[str, Any]]) -> Steps[Fields]:
    """Remove facts."""
    return fields_of((yield Ask("DELETE", "/v1/facts", {"facts": list(map(dict, facts))})))


def _path(kind: Kind) -> str:
    return f"/v1/{kind}/{{id}}"


def _rows(events: Any) -> Iterable[Mapping[str, Any]]:
    if hasattr(events, "to_dict"):
        rows: Iterable[Mapping[str, Any]] = events.to_dict(orient="records")
        return rows
    return list(events)


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    """An event without absent values."""
    names = {"user_id": "user", "item_id": "item"}
    return {
        names.get(name, name): value
        for name, value in row.items()
        if value is not None and value == value
    }
