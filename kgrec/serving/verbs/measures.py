"""What moves scores: scenarios of a request, words of a text, relations of the graph, vectors."""

from __future__ import annotations

from kgrec.query import Query
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import RowsAnswer, VectorsAnswer, WhyAnswer
from kgrec.serving.verbs.bodies import ImportanceBody, RecogniseBody, VectorsBody, WordsBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import chosen_of, ids_of, query_of
from kgrec.serving.verbs.tables import people_only, rows_answer


def recognise(service: Service, body: RecogniseBody, call: Call) -> RowsAnswer:
    """How likely each scenario is for a user, a history, a query or a context."""
    served = service.served
    query = Query()
    if body.user is not None or body.history is not None:
        query, _ = query_of(served, body)
    found = served.model.recognise(
        users=query.users, histories=query.histories, text=body.text, context=body.context
    )
    return rows_answer(served, found)


def words(service: Service, body: WordsBody, call: Call) -> WhyAnswer:
    """Which words of a text moved the score of an item; those of other people's reviews only with
    ``people=true``."""
    if body.source == "reviews":
        people_only(call, "words of reviews are people's")
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    found = served.model_for(people=call.people).words(
        query,
        str(body.item),
        source=body.source,
        of=None if body.of is None else str(body.of),
        method=body.method,
    )
    return WhyAnswer(model=served.entry.name, answer=found.to_dict())


def importance(service: Service, body: ImportanceBody, call: Call) -> RowsAnswer:
    """What moves the scores of many users' best items most: relations, parts, entities, texts."""
    found = service.served.model.importance(
        body.by,
        scenario=body.scenario,
        users=body.users,
        horizon=body.horizon,
        k=body.k,
        seed=body.seed,
    )
    return rows_answer(service.served, found)


def vectors(service: Service, body: VectorsBody, call: Call) -> VectorsAnswer:
    """The vectors that scores are computed from; those of users only with ``people=true``."""
    if body.kind == "user":
        people_only(call, "users are described")
    served = service.served
    found = served.model.vectors(body.kind, ids_of(body.ids))
    return VectorsAnswer(
        model=served.entry.name, ids=found.ids.tolist(), vectors=found.vectors.tolist()
    )
