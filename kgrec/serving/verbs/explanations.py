"""Explanations: why an item is in a list, why not, what would change it, and comparisons."""

from __future__ import annotations

from typing import Any

from kgrec.paths.index import Constraints
from kgrec.serving.service import Served, Service
from kgrec.serving.verbs.answers import WhyAnswer
from kgrec.serving.verbs.bodies import CompareBody, CounterfactualBody, ExplainBody, PlaceBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import check_alone, chosen_of, limits_of, query_of


def explain(service: Service, body: ExplainBody, call: Call) -> WhyAnswer:
    """The paths in the graph that lead from the user to an item, with contributions that add up."""
    served = chosen_of(service, body).served
    if body.answers is not None:
        check_alone(body)
        said = served.model.explain_answers(
            body.answers, str(body.item), k=body.k, writer=body.language
        )
        return _answer(served, said.to_dict())
    query, _ = query_of(served, body)
    limits = Constraints(
        relations=body.relations, via=body.via, avoid=body.avoid, max_hops=body.max_hops
    )
    found = served.model_for(people=call.people).explain(
        query, str(body.item), k=body.k, constraints=limits, writer=body.language
    )
    return _answer(served, found.to_dict())


def counterfactual(service: Service, body: CounterfactualBody, call: Call) -> WhyAnswer:
    """The fewest events without which an item leaves the list, or one that brings it in."""
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    found = served.model.counterfactual(
        query, str(body.item), k=body.k, add=body.add, constraints=limits_of(served, body)
    )
    return _answer(served, {**found.to_dict(), "text": str(found)})


def why_not(service: Service, body: PlaceBody, call: Call) -> WhyAnswer:
    """Why an item is not in the list."""
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    found = served.model_for(people=call.people).why_not(
        query,
        str(body.item),
        k=body.k,
        constraints=limits_of(served, body),
        writer=body.language,
    )
    return _answer(served, found.to_dict())


def compare(service: Service, body: CompareBody, call: Call) -> WhyAnswer:
    """Why one item has a higher score than another."""
    served = chosen_of(service, body).served
    query, _ = query_of(served, body)
    model = served.model_for(people=call.people)
    found = model.compare(query, str(body.item), str(body.other), writer=body.language)
    return _answer(served, found.to_dict())


def _answer(served: Served, content: dict[str, Any]) -> WhyAnswer:
    return WhyAnswer(model=served.entry.name, answer=content)
