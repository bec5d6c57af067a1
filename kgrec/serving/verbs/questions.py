"""Questions to new users, and of what more interactions would tell most."""

from __future__ import annotations

from kgrec.paths.index import Constraints
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import RowsAnswer
from kgrec.serving.verbs.bodies import AskBody, UnsureBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import chosen_of, limits_of, where_of
from kgrec.serving.verbs.tables import people_only, rows_answer


def ask(service: Service, body: AskBody, call: Call) -> RowsAnswer:
    """The questions to a new user whose answers are expected to improve the list most."""
    served = chosen_of(service, body).served
    found = served.model.ask(
        body.k,
        body.answers,
        about=body.about,
        targets=None if body.targets is None else where_of(body.targets),
        constraints=limits_of(served, body) or Constraints(),
    )
    return rows_answer(served, found)


def unsure(service: Service, body: UnsureBody, call: Call) -> RowsAnswer:
    """The users, items or scenarios of which more interactions would tell most; users only with
    ``people=true``."""
    if body.of == "users":
        people_only(call, "users are named")
    return rows_answer(service.served, service.served.model.unsure(body.of, body.k))
