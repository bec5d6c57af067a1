"""Lists of items and users, and scores of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client import frames
from kgrec.client.asking import (
    Asker,
    Histories,
    Id,
    Users,
    Where,
    askers,
    conditions,
    id_list,
    limits,
)
from kgrec.client.exchange import Ask, Steps
from kgrec.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

    from kgrec.paths.index import Constraints

_MOST = 1_000  # users of a batch
_PAIRS = 10_000


def recommend(
    users: Users = None,
    *,
    histories: Histories | None = None,
    k: int = 10,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    candidates: Sequence[Id] | None = None,
    exclude_seen: bool = True,
    where: Where | None = None,
    exclude: Sequence[Id] | None = None,
    horizon: Literal["next", "later"] = "next",
    missing: Literal["error", "ignore", "cold"] = "error",
    target: Literal["items", "users"] = "items",
    answers: Mapping[str, str] | None = None,
    constraints: Constraints | None = None,
    explore: float | None = None,
    explain: int = 0,
    fields: Sequence[str] = (),
) -> Steps[pd.DataFrame]:
    """``Recommender.recommend``: the ``k`` best items for each user.

    Beside its arguments: ``missing="cold"`` gives an unknown user the list of a new one;
    ``explain`` adds a column ``why`` with the reasons (list of str) of so many items of each list;
    ``fields`` adds attributes of the items as columns. With one user ``attrs["list_id"]`` is the
    list's id, for ``next_page``, events and impressions.
    """
    limited = limits(constraints, candidates=candidates, where=where, exclude=exclude)
    asked = {**limited, "k": k, "exclude_seen": exclude_seen}
    extra = {"explore": explore, "explain": explain or None, "fields": list(fields) or None}
    extra = {name: value for name, value in extra.items() if value is not None}
    if answers is not None:
        said = {**asked, **extra, "answers": dict(answers)}
        return (yield from _lists([Asker("0", {})], said, fields, "error"))
    who = askers(users, histories, scenario, context, horizon)
    if target == "users":
        return (yield from _followed(who, asked))
    plain = len(who) > 1 and not extra and missing != "cold" and all(map(_is_plain, who))
    if plain:
        return (yield from _batches(who, asked, missing))
    return (yield from _lists(who, {**asked, **extra}, fields, missing))


def rerank(
    users: Users,
    *,
    group: str | Where,
    share: float | None = None,
    boost: float | None = None,
    k: int = 10,
    scenario: str | None = None,
    horizon: Literal["next", "later"] = "next",
    exclude_seen: bool = True,
    where: Where | None = None,
    exclude: Sequence[Id] | None = None,
) -> Steps[pd.DataFrame]:
    """``Recommender.rerank``: the frame of its lists, with boost, share, share_before and
    score_loss in ``attrs``."""
    body = {
        **limits(where=where, exclude=exclude),
        "users": id_list(users, "users"),
        "group": group if isinstance(group, str) else conditions(group),
        "share": share,
        "boost": boost,
        "k": k,
        "scenario": scenario,
        "horizon": horizon,
        "exclude_seen": exclude_seen,
    }
    answer = yield Ask("POST", "/v1/rerank", body)
    frame = frames.frame_of(answer["rows"], frames.LISTED)
    frame.attrs |= {name: answer[name] for name in ("boost", "share", "share_before", "score_loss")}
    return frame


def next_page(list_id: str, k: int | None = None) -> Steps[pd.DataFrame]:
    """The next ``k`` items of a list of ``recommend``, none of which was on its pages so far:
    columns item_id, score and rank, which goes on."""
    answer = yield Ask("POST", "/v1/recommend/next", {"list_id": list_id, "k": k}, repeatable=False)
    return frames.list_frame(("user_id", "item_id"), [("", answer["items"])]).drop(
        columns="user_id"
    )


def similar(
    items: Id | Sequence[Id] | None = None,
    k: int = 10,
    *,
    users: Users = None,
    candidates: Sequence[Id] | None = None,
    where: Where | None = None,
    exclude: Sequence[Id] | None = None,
    constraints: Constraints | None = None,
) -> Steps[pd.DataFrame]:
    """``Recommender.similar``: the items most similar to each item."""
    limited = limits(constraints, candidates=candidates, where=where, exclude=exclude)
    if users is not None:
        if items is not None or limited:
            raise RequestError("users is given beside items or conditions on items; leave one out.")
        return (yield from similar_users(users, k))
    body = {**limited, "items": id_list(items, "items"), "k": k}
    answer = yield Ask("POST", "/v1/similar", body)
    lists = [(one["item"], one["items"]) for one in answer["results"]]
    return frames.list_frame(("item_id", "similar_id"), lists)


def search(
    text: str,
    *,
    user: Id | None = None,
    scenario: str | None = None,
    k: int = 10,
    where: Where | None = None,
    candidates: Sequence[Id] | None = None,
    exclude: Sequence[Id] | None = None,
    constraints: Constraints | None = None,
) -> Steps[pd.DataFrame]:
    """``Recommender.search``: items for words."""
    limited = limits(constraints, candidates=candidates, where=where, exclude=exclude)
    body = {**limited, "text": text, "user": user, "scenario": scenario, "k": k}
    answer = yield Ask("POST", "/v1/search", body)
    rows = [{"item_id": one["id"], **one} for one in answer["items"]]
    return frames.frame_of(rows, frames.FOUND)


def score(pairs: Any, *, scenario: str | None = None) -> Steps[pd.DataFrame]:
    """``Recommender.score``: the pairs in their order with their scores."""
    return (yield from _scored("/v1/score", pairs, {"scenario": scenario}, {"score": "float32"}))


def predict(pairs: Any) -> Steps[pd.DataFrame]:
    """``Recommender.predict``: how likely users like items, and how they would rate them."""
    kinds = {"like": "float64", "rating": "float64"}
    return (yield from _scored("/v1/predict", pairs, {}, kinds))


def recommend_users(
    items: Id | Sequence[Id],
    k: int = 10,
    *,
    users: Sequence[Id] | None = None,
    scenario: str | None = None,
    exclude_seen: bool = True,
) -> Steps[pd.DataFrame]:
    """``Recommender.recommend_users``: the users with the highest scores for each item; needs a
    key of the scope "admin"."""
    body = {"items": id_list(items, "items"), "k": k, "users": users, "scenario": scenario}
    body["exclude_seen"] = exclude_seen
    answer = yield Ask("POST", "/v1/recommend/users", body, params={"people": "true"})
    return frames.frame_of(answer["rows"], frames.ITEM_USERS)


def similar_users(
    users: Users = None,
    k: int = 10,
    *,
    histories: Histories | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Literal["next", "later"] = "next",
) -> Steps[pd.DataFrame]:
    """``Recommender.similar_users``: the users most similar to each; needs a key of the scope
    "admin"."""
    rows = []
    for one in askers(users, histories, scenario, context, horizon):
        ask = Ask("POST", "/v1/similar/users", {**one.body, "k": k}, params={"people": "true"})
        rows += [{**row, "user_id": one.name} for row in (yield ask)["rows"]]
    return frames.frame_of(rows, frames.SIMILAR_USERS)


def pair_frame(pairs: Any) -> pd.DataFrame:
    """Pairs as a frame with user_id and item_id. Raises RequestError for a frame without them."""
    import pandas as pd

    if not isinstance(pairs, pd.DataFrame):
        rows = [list(pair) for pair in pairs]
        return pd.DataFrame(rows, columns=["user_id", "item_id"], dtype=object)
    lacking = [name for name in ("user_id", "item_id") if name not in pairs.columns]
    if lacking:
        raise RequestError(f"the pairs have no column {lacking[0]}; give user_id and item_id.")
    return pairs


def _scored(
    path: str, pairs: Any, more: dict[str, Any], kinds: dict[str, str]
) -> Steps[pd.DataFrame]:
    given = pair_frame(pairs)
    if "scenario" in given.columns:
        raise RequestError("a column scenario can't be sent; ask for each scenario by itself.")
    ids = zip(given["user_id"].tolist(), given["item_id"].tolist(), strict=True)
    listed = [{"user": user, "item": item} for user, item in ids]
    rows: list[dict[str, Any]] = []
    for start in range(0, max(len(listed), 1), _PAIRS):
        answer = yield Ask("POST", path, {**more, "pairs": listed[start : start + _PAIRS]})
        rows += answer["scores"]
    there = {name: kind for name, kind in kinds.items() if not rows or name in rows[0]}
    values = frames.frame_of(rows, there)
    return given.assign(**{name: values[name].to_numpy() for name in there})


def _is_plain(asker: Asker) -> bool:
    return set(asker.body) <= {"user", "scenario"}


def _batches(who: list[Asker], asked: dict[str, Any], missing: str) -> Steps[pd.DataFrame]:
    """Lists of many users, a thousand a request."""
    lists = []
    scenario = who[0].body.get("scenario")
    for start in range(0, len(who), _MOST):
        users = [one.name for one in who[start : start + _MOST]]
        body = {**asked, "users": users, "scenario": scenario}
        answer = yield Ask("POST", "/v1/recommend/batch", body)
        errors = answer.get("errors", [])
        if errors and missing == "error":
            said = "; ".join(str(one["detail"]) for one in errors)
            raise RequestError(f"{said} Leave them out with missing='ignore'.")
        lists += [(one["user"], one["items"]) for one in answer["results"]]
    return frames.list_frame(("user_id", "item_id"), lists)


def _lists(
    who: list[Asker], asked: dict[str, Any], fields: Sequence[str], missing: str
) -> Steps[pd.DataFrame]:
    """Lists of users or histories, one a request."""
    lists, attrs, explored = [], {}, []
    for one in who:
        body = {**asked, **one.body}
        if "user" in one.body:
            body["strict"] = missing != "cold"
        answer = yield from _known(Ask("POST", "/v1/recommend", body), missing)
        if answer is None:
            continue
        lists.append((one.name, answer["items"]))
        explored += [answer["list_id"]] * len(answer["items"])
        attrs = {name: answer.get(name, False) for name in ("list_id", "model", "cold")}
    more = [*(["why"] if asked.get("explain") else []), *fields]
    if asked.get("explore") is not None:
        more.append("probability")
    frame = frames.list_frame(("user_id", "item_id"), lists, more)
    if "probability" in more:
        frame["list_id"] = explored
    frame.attrs.update(attrs if len(lists) == 1 else {})
    return frame


def _known(ask: Ask, missing: str) -> Steps[Any]:
    """The answer; None for a user who is unknown and is to be left out."""
    from kgrec.client.errors import RefusedError

    try:
        return (yield ask)
    except RefusedError as error:
        if missing == "ignore" and error.code == "unknown_user":
            return None
        raise


def _followed(who: list[Asker], asked: dict[str, Any]) -> Steps[pd.DataFrame]:
    rows = []
    for one in who:
        body = {**asked, **one.body}
        if "user" in one.body:
            body["strict"] = True
        rows += [
            {**row, "user_id": one.name} for row in (yield Ask("POST", "/v1/follow", body))["rows"]
        ]
    return frames.frame_of(rows, frames.FOLLOWED)
