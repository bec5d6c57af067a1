"""People as answers: whom to follow, and users for an item or like a user."""

from __future__ import annotations

from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import RowsAnswer, WhyAnswer
from kgrec.serving.verbs.bodies import (
    ExplainUserBody,
    FollowBody,
    ItemUsersBody,
    SimilarUsersBody,
)
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import chosen_of, conditions_of, ids_of, query_of
from kgrec.serving.verbs.tables import people_only, rows_answer


def follow(service: Service, body: FollowBody, call: Call) -> RowsAnswer:
    """Whom a user may like to follow; ids of users are the answer."""
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    found = served.model.recommend(
        query,
        k=body.k,
        target="users",
        exclude_seen=body.exclude_seen,
        constraints=conditions_of(body, body.exclude or ()),
    )
    return rows_answer(served, found)


def explain_user(service: Service, body: ExplainUserBody, call: Call) -> WhyAnswer:
    """Why a user is recommended to another: paths through people and items of both."""
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    model = served.model_for(people=call.people)
    found = model.explain_user(query, str(body.other), k=body.k, writer=body.language)
    return WhyAnswer(model=served.entry.name, answer=found.to_dict())


def recommend_users(service: Service, body: ItemUsersBody, call: Call) -> RowsAnswer:
    """The users with the highest scores for items, with ``people=true``."""
    people_only(call, "users are named")
    found = service.served.model.recommend_users(
        ids_of(body.items),
        body.k,
        users=None if body.users is None else ids_of(body.users),
        scenario=body.scenario,
        exclude_seen=body.exclude_seen,
    )
    return rows_answer(service.served, found)


def similar_users(service: Service, body: SimilarUsersBody, call: Call) -> RowsAnswer:
    """The users most similar to one, with ``people=true``."""
    people_only(call, "users are named")
    query, _ = query_of(service.served, body)
    found = service.served.model.similar_users(query, body.k)
    return rows_answer(service.served, found)
