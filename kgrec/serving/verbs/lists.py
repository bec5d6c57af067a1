"""Lists of items: for a user or a history, for many users, similar items, search, scores."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from kgrec.answers.explored_lists import ExploredLists
from kgrec.errors import KgrecError, RequestError
from kgrec.paths.index import Constraints
from kgrec.presentation import plain_value
from kgrec.query import Query
from kgrec.recommender import Recommender
from kgrec.scoring.ranked_lists import Ranked
from kgrec.serving.experiments.running import Chosen
from kgrec.serving.problems import Problem
from kgrec.serving.service import Served, Service
from kgrec.serving.verbs.answers import (
    BatchAnswer,
    FoundItem,
    ListAnswer,
    ListedItem,
    Refused,
    ScoresAnswer,
    SearchAnswer,
    SimilarAnswer,
    SimilarItems,
    UserList,
)
from kgrec.serving.verbs.bodies import (
    Asked,
    BatchBody,
    ExplainBody,
    Limits,
    NextBody,
    PairsBody,
    Person,
    RecommendBody,
    SearchBody,
    SimilarBody,
    TimedItem,
)
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.tables import plain_rows

_RANGE = {"min", "max"}
_REASONS = 3  # of each item of a list


def recommend(service: Service, body: RecommendBody, call: Call) -> ListAnswer:
    """The best items for a user or a history."""
    started = time.perf_counter()
    chosen = chosen_of(service, body)
    experiment, arm = chosen.names
    with service.experiments.watched(chosen):
        answer = _answer(chosen.served, body)
    answer.experiment, answer.arm = experiment, arm
    answer.list_id += service.mark
    if answer.cold:
        service.metrics.cold.inc()
    if not answer.items:
        service.metrics.empty.inc()
    service.lists.keep(answer.list_id, body, _given(answer), answer.model, experiment, arm)
    service.experiments.gave(chosen, None if body.user is None else str(body.user))
    shadow = service.experiments.shadow
    if shadow is not None and body.explore is None:
        sent = [str(item.id) for item in answer.items]
        shadow.offer(body, sent, time.perf_counter() - started)
    return answer


async def next_page(service: Service, body: NextBody, call: Call) -> ListAnswer:
    """The next items of a list, without any of its pages so far; only its first explores."""
    given = await service.given(body.list_id)
    if given is None:
        minutes = service.config.list_minutes
        raise Problem(
            404,
            "unknown_list",
            f"no list of the last {minutes:g} minutes is called {body.list_id!r}; ask for another.",
        )
    asked: RecommendBody = given.body
    k = body.k or asked.k
    exclude = [*(asked.exclude or []), *given.items]
    page = msgspec.structs.replace(asked, k=k, exclude=exclude, explore=None)
    chosen = chosen_of(service, asked)
    with service.experiments.watched(chosen):
        answer = _answer(chosen.served, page, first=len(given.items) + 1)
    service.lists.extend(body.list_id, _given(answer))
    experiment, arm = chosen.names
    return msgspec.structs.replace(answer, list_id=body.list_id, experiment=experiment, arm=arm)


def recommend_batch(service: Service, body: BatchBody, call: Call) -> BatchAnswer:
    """Lists for many users, those of one model scored together."""
    found: dict[int, UserList] = {}
    for served, places in by_model(service, body.users):
        known = [place for place in places if served.knows_user(str(body.users[place]))]
        found |= _batch(served, body, known)
    errors = [
        Refused(index=place, code="unknown_user", detail=f"user {user!r} is unknown.")
        for place, user in enumerate(body.users)
        if place not in found
    ]
    return BatchAnswer(
        model=service.served.entry.name,
        results=[found[place] for place in sorted(found)],
        errors=errors,
    )


def _batch(served: Served, body: BatchBody, places: list[int]) -> dict[int, UserList]:
    """The lists of one model, by the places of their users."""
    if not places:
        return {}
    users = [body.users[place] for place in places]
    ranked = served.model.rank(
        Query(users=ids_of(users), scenario=body.scenario),
        k=body.k,
        exclude_seen=body.exclude_seen,
        constraints=limits_of(served, body),
    )
    return {
        place: UserList(user=user, items=_listed(served, ranked, row), model=served.entry.name)
        for row, (place, user) in enumerate(zip(places, users, strict=True))
    }


def similar(service: Service, body: SimilarBody, call: Call) -> SimilarAnswer:
    """Items like given ones."""
    served = service.served
    frame = served.model.similar(ids_of(body.items), k=body.k, constraints=limits_of(served, body))
    by_item = {str(item): rows for item, rows in frame.groupby("item_id", sort=False)}
    results = [
        SimilarItems(item=item, items=_of_frame(served, by_item.get(str(item)), "similar_id"))
        for item in body.items
    ]
    return SimilarAnswer(model=served.entry.name, results=results)


def search(service: Service, body: SearchBody, call: Call) -> SearchAnswer:
    """Items for words."""
    served = chosen_of(service, body).served
    user = None
    if body.user is not None and served.knows_user(str(body.user)):
        user = Query(users=ids_of([body.user]), scenario=body.scenario)
    frame = served.model.search(
        body.text,
        user=user,
        scenario=None if user is not None else body.scenario,
        k=body.k,
        constraints=limits_of(served, body),
    )
    items = [
        FoundItem(
            id=item,
            score=float(score),
            rank=int(rank),
            title=served.titles.get(str(item)),
            found_by=str(found) if found else None,
        )
        for item, score, rank, found in zip(
            frame["item_id"].tolist(), frame["score"], frame["rank"], frame["found_by"], strict=True
        )
    ]
    return SearchAnswer(model=served.entry.name, items=items)


def score(service: Service, body: PairsBody, call: Call) -> ScoresAnswer:
    """The scores of pairs, as in the users' lists."""
    scores = _of_pairs(service, body, lambda one, pairs: one.score(pairs, scenario=body.scenario))
    return ScoresAnswer(model=service.served.entry.name, scores=scores)


def predict(service: Service, body: PairsBody, call: Call) -> ScoresAnswer:
    """How likely users like items, and how they would rate them."""
    scores = _of_pairs(service, body, lambda one, pairs: one.predict(pairs))
    return ScoresAnswer(model=service.served.entry.name, scores=scores)


def warm(served: Served, bodies: Sequence[RecommendBody]) -> None:
    """Answer for one user, and recorded requests; those that the model refuses are left out."""
    for user in served.model.snapshot.users.ids[:1].tolist():
        served.model.rank([user], k=10)
    for body in bodies:
        with suppress(KgrecError, Problem):
            ranked(served, body)


def chosen_of(service: Service, body: Any) -> Chosen[Served]:
    """The model that answers who asks: a user, a history by its first item, or answers by the first
    thing that is answered about."""
    user, history = getattr(body, "user", None), getattr(body, "history", None)
    answers = getattr(body, "answers", None)
    who = None
    if user is not None:
        who = str(user)
    elif history:
        first = history[0]
        who = str(first.item if isinstance(first, TimedItem) else first)
    elif answers:
        who = next(iter(answers))
    return service.chosen(who)


def by_model(service: Service, users: Sequence[str | int]) -> list[tuple[Served, list[int]]]:
    """The models that answer these users, each with the places of its users."""
    found: dict[str, tuple[Served, list[int]]] = {}
    for place, user in enumerate(users):
        served = service.chosen(str(user)).served
        found.setdefault(served.entry.name, (served, []))[1].append(place)
    return list(found.values())


def ranked(served: Served, body: RecommendBody) -> tuple[Ranked, bool]:
    """The list of a request, and whether nothing is known of the user. Raises KgrecError."""
    limits = limits_of(served, body)
    if body.answers is not None:
        check_alone(body)
        found = served.model.rank(
            answers=body.answers, k=body.k, exclude_seen=body.exclude_seen, constraints=limits
        )
        return found, False
    query, cold = query_of(served, body)
    found = served.model.rank(
        query,
        k=body.k,
        exclude_seen=body.exclude_seen,
        constraints=limits,
        explore=body.explore,
    )
    return found, cold


def _given(answer: ListAnswer) -> dict[str | int, float | None]:
    return {item.id: item.probability for item in answer.items}


def check_alone(body: RecommendBody | ExplainBody) -> None:
    """Raise RequestError where answers come with somebody who has a history."""
    others = [
        name
        for name in ("user", "history", "scenario", "context", "explore")
        if getattr(body, name, None) is not None
    ]
    if others:
        raise RequestError(f"answers and {others[0]} are given; a list is made from one of them.")


def query_of(served: Served, body: Asked | ExplainBody | Person) -> tuple[Query, bool]:
    """The Query of a body, and whether nothing is known of the user. Raises Problem."""
    histories: Any = None
    users, cold = None, False
    if body.history is not None:
        history = _history(body.history)
        histories = [history] if body.user is None else {body.user: history}
    elif body.user is None:
        raise Problem(
            422,
            "nobody",
            "nobody to answer for; give a user or a history.",
            [{"pointer": "/user", "detail": "neither user nor history is given"}],
        )
    elif served.knows_user(str(body.user)):
        users = ids_of([body.user])
    elif getattr(body, "strict", True):
        raise Problem(
            404,
            "unknown_user",
            f"user {body.user!r} is unknown; send events of the user, or a history.",
        )
    else:
        histories, cold = {body.user: []}, True
    query = Query(
        users=users,
        histories=histories,
        scenario=body.scenario,
        context=body.context,
        horizon=body.horizon,
    )
    return query, cold


def limits_of(served: Served, body: Limits) -> Constraints | None:
    """The Constraints of a body; None without. Items that were removed since are in no list."""
    exclude = list(body.exclude or ())
    if served.live.withdrawn:
        there = served.model.state.engine.item_row
        exclude += [item for item in served.live.withdrawn if item in there]
    return conditions_of(body, exclude)


def conditions_of(body: Limits, exclude: Sequence[str | int]) -> Constraints | None:
    """The Constraints of a body, with ``exclude`` in place of its own; None without."""
    if body.candidates is None and body.where is None and not exclude:
        return None
    return Constraints(
        candidates=None if body.candidates is None else ids_of(body.candidates),
        where=None if body.where is None else where_of(body.where),
        exclude=ids_of(exclude) or None,
    )


def ids_of(values: Iterable[str | int]) -> list[Any]:
    """Ids as they were given, which kgrec takes as text or as integers."""
    return list(values)


def where_of(conditions: dict[str, Any]) -> dict[str, Any]:
    """Conditions of JSON as those of Python: ``{"min": …, "max": …}`` is a range."""
    return {name: _condition(value) for name, value in conditions.items()}


def _condition(value: Any) -> Any:
    if isinstance(value, dict) and value and set(value) <= _RANGE:
        return value.get("min"), value.get("max")
    if isinstance(value, dict) and set(value) == {"not"}:
        return {"not": _condition(value["not"])}
    return value


def _history(events: list[Any]) -> list[Any]:
    """Items, or (item, time) pairs where one has a time. Raises RequestError where others don't."""
    if not any(isinstance(event, TimedItem) for event in events):
        return events
    if not all(isinstance(event, TimedItem) for event in events):
        raise RequestError("some events of the history have times and others none; give all times.")
    return [(event.item, event.timestamp) for event in events]


def _answer(served: Served, body: RecommendBody, first: int = 1) -> ListAnswer:
    found, cold = ranked(served, body)
    items = _listed(served, found, 0, body.fields, first)
    list_id = secrets.token_urlsafe(9)
    if isinstance(found, ExploredLists):
        list_id = str(found.list_ids[0])
        for item, probability in zip(items, found.probabilities[0].tolist(), strict=False):
            item.probability = probability
    if body.explain and items:
        _add_reasons(served, body, items[: body.explain])
    return ListAnswer(
        list_id=list_id,
        model=served.entry.name,
        scenario=body.scenario,
        items=items,
        cold=cold,
    )


def _add_reasons(served: Served, body: RecommendBody, items: list[ListedItem]) -> None:
    ids = ids_of(item.id for item in items)
    if body.answers is not None:
        found = [served.model.explain_answers(body.answers, one, k=_REASONS) for one in ids]
    else:
        query, _ = query_of(served, body)
        found = served.model.explain_all(query, ids, k=_REASONS)
    for item, one in zip(items, found, strict=True):
        item.why = [path.sentence for path in one.paths if path.contribution > 0]


def _listed(
    served: Served, found: Ranked, row: int, fields: list[str] | None = None, first: int = 1
) -> list[ListedItem]:
    titles = served.titles
    listed = [
        ListedItem(id=item, score=score, rank=rank, title=titles.get(str(item)))
        for rank, (item, score) in enumerate(
            zip(found.ids[row].tolist(), found.scores[row].tolist(), strict=True), first
        )
        if item is not None and score > -np.inf
    ]
    if fields:
        _add_fields(served, listed, fields)
    return listed


def _add_fields(served: Served, listed: list[ListedItem], fields: list[str]) -> None:
    attributes = served.model.snapshot.items.attributes
    wrong = [name for name in fields if name not in attributes.columns]
    if wrong:
        known = ", ".join(map(str, attributes.columns)) or "none"
        raise RequestError(f"items have no attribute {wrong[0]!r}; there are: {known}.")
    rows = [served.model.state.engine.item_row[str(item.id)] for item in listed]
    part = attributes.iloc[rows][fields]
    for item, values in zip(listed, part.to_dict(orient="records"), strict=True):
        item.fields = {str(name): plain_value(value) for name, value in values.items()}


def _of_frame(served: Served, frame: pd.DataFrame | None, column: str) -> list[ListedItem]:
    if frame is None:
        return []
    return [
        ListedItem(id=item, score=float(score), rank=int(rank), title=served.titles.get(str(item)))
        for item, score, rank in zip(
            frame[column].tolist(), frame["score"], frame["rank"], strict=True
        )
    ]


def _of_pairs(
    service: Service, body: PairsBody, scored: Callable[[Recommender, pd.DataFrame], pd.DataFrame]
) -> list[dict[str, Any]]:
    """A row for each pair, in their order, from the model that answers its user."""
    found: dict[int, dict[str, Any]] = {}
    for served, places in by_model(service, [pair.user for pair in body.pairs]):
        pairs = [body.pairs[place] for place in places]
        frame = pd.DataFrame(
            {"user_id": [one.user for one in pairs], "item_id": [one.item for one in pairs]}
        )
        rows = plain_rows(
            scored(served.model, frame).rename(columns={"user_id": "user", "item_id": "item"})
        )
        found |= dict(zip(places, rows, strict=True))
    return [found[place] for place in sorted(found)]
