"""What the operator of a service does: loads in bulk, experiments, reports, Cypher, audit."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client import frames
from kgrec.client.exchange import Ask, Fields, Steps, fields_of, pages

if TYPE_CHECKING:
    import pandas as pd

_LINES = 5_000  # of a request
_ROWS = 1_000  # of a page
Reports = Literal["evaluate", "fairness", "card", "suspicious", "judge"]


def bulk(
    lines: Iterable[Mapping[str, Any]],
    *,
    missing: Literal["create", "reject"] = "create",
    all_or_none: bool = False,
    key: str | None = None,
) -> Steps[Fields]:
    """Store items, users, entities, facts and events, of any number.

    Parameters
    ----------
    lines : iterable of dict
        Each with ``kind`` ("item", "user", "entity", "fact" or "event") and the fields of that
        kind. They are read as they are sent, 5,000 at a time.
    missing : {"create", "reject"}
        Whether events of unknown items are kept until the item comes.
    all_or_none : bool
        Whether nothing is stored where a line is wrong; for at most 10,000 lines.
    key : str, optional
        Idempotency-Key: sending the same lines with the same key again stores events without an
        id once. By default a new one for this call.

    Returns
    -------
    Fields
        accepted, duplicate, refused (numbers of lines), errors (line, code and detail of the first
        thousand of each request), and sequence.
    """
    params = {"missing": missing, "all": "true" if all_or_none else None}
    rows, key, start = iter(lines), key or secrets.token_hex(16), 0
    done = Fields(accepted=0, duplicate=0, refused=0, errors=[])
    for group in _groups(rows, None if all_or_none else _LINES):
        part = f"{key}/{start}" if start else key
        ask = Ask("POST", "/v1/bulk", lines=group, params=params, repeat_key=part)
        done = _with(done, Fields.of((yield ask)), start)
        start += len(group)
    return done


def all_experiments() -> Steps[list[Fields]]:
    """All experiments, those that ended too."""
    return list(Fields.of((yield Ask("GET", "/v1/experiments"))["experiments"]))


def one_experiment(name: str) -> Steps[Fields]:
    """An experiment as its log of events is now: each arm's users, mean reward, answers and times;
    of an A/B experiment the ``comparison``, of a shadow the ``shadow``."""
    ask = Ask("GET", "/v1/experiments/{name}", parts={"name": name})
    return fields_of((yield ask))


def start_experiment(
    name: str,
    arms: Mapping[str, float],
    *,
    mode: Literal["ab", "shadow"] = "ab",
    salt: str | None = None,
    reward: Mapping[str, Any] | None = None,
    stop: Mapping[str, Any] | None = None,
    guard: Mapping[str, Any] | None = None,
) -> Steps[Fields]:
    """Compare two models on shares of the users, or let a model answer in the shadow.

    Parameters
    ----------
    arms : mapping of str to float
        The share of the users of each model; of a shadow its share of the requests.
    salt : str, optional
        Joined to users' ids before they are dealt to arms; by default drawn.
    reward, stop, guard : mapping, optional
        What counts as a reward (event, rated, hours, most, linked), when to stop (error, delta,
        planned), and what ends it at once (errors, seconds).
    """
    body = {
        "arms": [{"model": model, "share": share} for model, share in arms.items()],
        "mode": mode,
        "salt": salt,
        "reward": reward,
        "stop": stop,
        "guard": guard,
    }
    ask = Ask("PUT", "/v1/experiments/{name}", body, parts={"name": name}, repeatable=False)
    return fields_of((yield ask))


def stop_experiment(name: str) -> Steps[Fields]:
    """End an experiment: from now on the active model answers everybody."""
    return fields_of((yield Ask("DELETE", "/v1/experiments/{name}", parts={"name": name})))


def drift() -> Steps[Fields]:
    """Whether lists find arriving events as well as before: ``streams``, and ``alarms``."""
    return fields_of((yield Ask("GET", "/v1/drift")))


def start_report(kind: Reports, **settings: Any) -> Steps[Fields]:
    """Start a report as a job, whose ``result`` it is once the job is done: "evaluate" (quality),
    "fairness", "card", "suspicious" or "judge", with the settings of its verb in Python."""
    body = {"kind": kind, **settings}
    return fields_of((yield Ask("POST", "/v1/reports", body, repeatable=False)))


def cypher(query: str, parameters: Mapping[str, Any] | None = None, rows: int = 100) -> Steps[Any]:
    """Rows (list of dict) of a query that only reads the store of the graph, at most ``rows``."""
    body = {"cypher": query, "parameters": dict(parameters or {}), "rows": rows}
    return list((yield Ask("POST", "/v1/cypher", body))["rows"])


def audit(limit: int = 1_000) -> Steps[list[Fields]]:
    """Who asked for what and when, the latest first, at most ``limit`` entries."""
    rows, _ = yield from pages(Ask("GET", "/v1/audit"), "entries", limit, _ROWS)
    return list(Fields.of(rows))


def facts(
    head: str | None = None,
    relation: str | None = None,
    tail: str | None = None,
    *,
    limit: int = 10_000,
) -> Steps[pd.DataFrame]:
    """Facts of the graph that answers, at most ``limit``: columns head, relation, tail, head_type
    and tail_type. Those of people are not among them."""
    ask = Ask("GET", "/v1/facts", params={"head": head, "relation": relation, "tail": tail})
    rows, _ = yield from pages(ask, "facts", limit, _ROWS)
    return frames.frame_of(rows, frames.FACTS)


def _groups(
    rows: Iterator[Mapping[str, Any]], size: int | None
) -> Iterator[list[Mapping[str, Any]]]:
    """So many rows at a time; all in one group where ``size`` is None."""
    while group := list(islice(rows, size)):
        yield group


def _with(done: Fields, answer: Fields, start: int) -> Fields:
    """The sum of two answers; the second one's lines begin after ``start``."""
    errors = [Fields({**one, "line": start + one.line}) for one in answer.get("errors", [])]
    counts = ("accepted", "duplicate", "refused")
    summed = {name: done[name] + answer.get(name, 0) for name in counts}
    return Fields(**summed, errors=[*done.errors, *errors], sequence=answer.sequence)
