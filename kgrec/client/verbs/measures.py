"""Questions to new users, scenarios of requests, importance and vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client import frames
from kgrec.client.asking import Histories, Id, Users, Where, askers, conditions, id_list, limits
from kgrec.client.exchange import Ask, Steps

if TYPE_CHECKING:
    import pandas as pd

    from kgrec.paths.index import Constraints

_MOST = 1_000  # vectors of a request


def ask(
    k: int = 1,
    answers: Mapping[str, str] | None = None,
    *,
    about: Literal["items", "entities", "both"] = "items",
    candidates: Sequence[Id] | None = None,
    where: Where | None = None,
    exclude: Sequence[Id] | None = None,
    targets: Where | None = None,
    constraints: Constraints | None = None,
) -> Steps[pd.DataFrame]:
    """``Recommender.ask``: the questions to a new user whose answers improve the list most."""
    body = {
        **limits(constraints, candidates=candidates, where=where, exclude=exclude),
        "k": k,
        "about": about,
        "answers": None if answers is None else dict(answers),
        "targets": None if targets is None else conditions(targets),
    }
    answer = yield Ask("POST", "/v1/ask", body)
    return frames.frame_of(answer["rows"], frames.QUESTIONS)


def unsure(
    of: Literal["users", "items", "scenarios"] = "users", k: int = 10
) -> Steps[pd.DataFrame]:
    """``Recommender.unsure``: of which more interactions would tell most."""
    params = {"people": "true" if of == "users" else None}
    answer = yield Ask("POST", "/v1/unsure", {"of": of, "k": k}, params=params)
    return frames.frame_of(answer["rows"], frames.UNSURE)


def recognise(
    users: Users = None,
    *,
    histories: Histories | None = None,
    text: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> Steps[pd.DataFrame]:
    """``Recommender.recognise``: how likely each scenario is for each request."""
    more = {"text": text, "context": None if context is None else dict(context)}
    if users is None and histories is None:
        rows = (yield Ask("POST", "/v1/recognise", more))["rows"]
        return frames.frame_of(rows, frames.SCENARIOS)
    rows = []
    for one in askers(users, histories):
        answer = yield Ask("POST", "/v1/recognise", {**more, **one.body})
        rows += [{**row, "user_id": one.name} for row in answer["rows"]]
    return frames.frame_of(rows, frames.SCENARIOS)


def importance(
    by: Literal["relation", "part", "entity", "text"] = "relation",
    *,
    scenario: str | None = None,
    users: int = 50,
    horizon: Literal["next", "later"] = "next",
    k: int = 10,
    seed: int = 0,
) -> Steps[pd.DataFrame]:
    """``Recommender.importance``: what moves the scores of many users' best items most."""
    body = {"by": by, "scenario": scenario, "users": users, "horizon": horizon, "k": k}
    answer = yield Ask("POST", "/v1/importance", {**body, "seed": seed})
    return frames.frame_of(answer["rows"], frames.IMPORTANCE)


def vectors(
    kind: Literal["item", "history_item", "user"], ids: Id | Sequence[Id]
) -> Steps[pd.DataFrame]:
    """``Recommender.vectors(…).to_frame()`` without biases: an id and a vector (float32 ``[d]``)
    each. Those of users need a key of the scope "admin"."""
    import numpy as np

    wanted = id_list(ids, "ids")
    rows: list[tuple[Id, list[float]]] = []
    name = "user_id" if kind == "user" else "item_id"
    params = {"people": "true" if kind == "user" else None}
    for start in range(0, len(wanted), _MOST):
        body: dict[str, Any] = {"kind": kind, "ids": wanted[start : start + _MOST]}
        answer = yield Ask("POST", "/v1/vectors", body, params=params)
        rows += zip(answer["ids"], answer["vectors"], strict=True)
    frame = frames.frame_of([{name: one} for one, _ in rows], {name: frames.ID})
    found: list[Any] = [np.array(values, dtype=np.float32) for _, values in rows]
    frame["vector"] = found
    return frame
