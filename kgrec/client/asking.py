"""Arguments of Python as the bodies of requests: who asks, and limits of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from kgrec.errors import RequestError

if TYPE_CHECKING:
    from kgrec.paths.index import Constraints
    from kgrec.query import Query

Id: TypeAlias = "str | int"
Users: TypeAlias = "Id | Sequence[Id] | Query | None"
Histories: TypeAlias = "Mapping[Any, Sequence[Any]] | Sequence[Sequence[Any]]"
Where: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Asker:
    """One who asks: ``name`` is that of the rows of the answer, ``body`` the part of a request."""

    name: Id
    body: dict[str, Any]


def askers(
    users: Users,
    histories: Histories | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: str = "next",
) -> list[Asker]:
    """Those who ask, each with the body that says so. Raises RequestError."""
    if hasattr(users, "histories"):  # a Query, whose module is large
        query: Any = users
        users, histories, scenario = query.users, query.histories, query.scenario
        context, horizon = query.context, query.horizon
    more = {
        "scenario": scenario,
        "context": None if context is None else dict(context),
        "horizon": None if horizon == "next" else horizon,
    }
    more = {name: value for name, value in more.items() if value is not None}
    if histories is not None:
        pairs = _named(users, histories)
        return [Asker(name, {**who, "history": history_of(h), **more}) for name, who, h in pairs]
    return [Asker(one, {"user": one, **more}) for one in id_list(users, "users")]


def one_asker(
    user: Users,
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: str = "next",
) -> dict[str, Any]:
    """The body of the one who asks. Raises RequestError for several."""
    histories = None if history is None else {user: history}
    found = askers(None if histories else user, histories, scenario, context, horizon)
    if len(found) != 1:
        raise RequestError(f"{len(found)} users are given; ask for one.")
    return found[0].body


def limits(
    constraints: Constraints | None = None,
    *,
    candidates: Iterable[Id] | None = None,
    where: Where | None = None,
    exclude: Iterable[Id] | None = None,
) -> dict[str, Any]:
    """The limits of a list as parts of a body. Raises RequestError for a ``where`` that is a
    function, which no request can have."""
    if constraints is not None:
        candidates = candidates or constraints.candidates
        where = where or constraints.where  # type: ignore[assignment]
        exclude = exclude or constraints.exclude
    found: dict[str, Any] = {}
    if candidates is not None:
        found["candidates"] = id_list(candidates, "candidates")
    if where is not None:
        found["where"] = conditions(where)
    if exclude is not None:
        found["exclude"] = id_list(exclude, "exclude")
    return found


def path_limits(constraints: Constraints | None, **given: Any) -> dict[str, Any]:
    """The limits of paths as parts of a body; nodes are texts ("Item:588")."""
    if constraints is not None:
        given = {name: given[name] or getattr(constraints, name) for name in given}
    found = {name: value for name, value in given.items() if value}
    for name in ("via", "avoid"):
        if name in found:
            found[name] = nodes_of(found[name])
    return found


def node_text(node: Any) -> str:
    """A node as a request names it: "Item:588" for ("Item", "588")."""
    return str(node) if isinstance(node, str | int) else f"{node[0]}:{node[1]}"


def nodes_of(nodes: Any) -> list[str]:
    """One node, a (label, id) pair or several as texts."""
    pair = isinstance(nodes, tuple) and len(nodes) == 2 and nodes[0] in ("Item", "Entity", "User")
    return [node_text(nodes)] if isinstance(nodes, str) or pair else list(map(node_text, nodes))


def conditions(where: Where) -> dict[str, Any]:
    """``where`` of Python as JSON: a range is ``{"min": …, "max": …}``. Raises RequestError."""
    if not isinstance(where, Mapping):
        raise RequestError(
            "where is a function, which a service can't be sent; give conditions by attribute."
        )
    return {str(name): _condition(value) for name, value in where.items()}


def id_list(ids: Any, what: str) -> list[Any]:
    """One id, or several in any form that has an order, as a list. Raises RequestError."""
    if isinstance(ids, str | int):
        return [ids]
    if ids is None:
        raise RequestError(f"{what} is missing; give an id or several.")
    if hasattr(ids, "tolist"):
        return list(ids.tolist())
    return sorted(ids, key=str) if isinstance(ids, set | frozenset) else list(ids)


def history_of(events: Sequence[Any]) -> list[Any]:
    """Items, or (item, time) pairs, of a history as JSON."""
    return [
        {"item": event[0], "timestamp": event[1]} if isinstance(event, tuple | list) else event
        for event in events
    ]


def _named(users: Users, histories: Histories) -> list[tuple[Id, dict[str, Any], Sequence[Any]]]:
    """Name, part of the body and history of each. Raises RequestError."""
    if hasattr(histories, "columns"):
        raise RequestError("histories is a frame; give lists of item ids, by user.")
    if isinstance(histories, Mapping):
        if users is not None:
            raise RequestError("histories already name their users; pass users or histories.")
        return [(user, {"user": user}, history) for user, history in histories.items()]
    if users is None:
        return [(str(place), {}, history) for place, history in enumerate(histories)]
    names = id_list(users, "users")
    if len(names) != len(histories):
        raise RequestError(f"{len(names)} users and {len(histories)} histories; give one for each.")
    pairs = zip(names, histories, strict=True)
    return [(user, {"user": user}, history) for user, history in pairs]


def _condition(value: Any) -> Any:
    if isinstance(value, tuple):
        low, high = value
        return {"min": low, "max": high}
    if isinstance(value, Mapping):
        return {str(name): _condition(part) for name, part in value.items()}
    return value
