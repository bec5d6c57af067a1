"""Explanations: each answer is what ``to_dict()`` of Python's value says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client.asking import Id, Users, limits, one_asker, path_limits
from kgrec.client.exchange import Ask, Fields, Steps
from kgrec.errors import RequestError

if TYPE_CHECKING:
    from kgrec.paths.index import Constraints

Language = Literal["en", "de"]
Horizon = Literal["next", "later"]


def explain(
    user: Users,
    item: Id,
    *,
    k: int = 5,
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
    relations: Sequence[str] | None = None,
    via: Any = None,
    avoid: Any = None,
    max_hops: int | None = None,
    constraints: Constraints | None = None,
    writer: Language = "en",
) -> Steps[Fields]:
    """``Recommender.explain``: the paths that lead to the item, with contributions that add up."""
    if constraints is not None and constraints.since is not None:
        raise RequestError("since can't be sent; leave it out.")
    shown = path_limits(constraints, relations=relations, via=via, avoid=avoid, max_hops=max_hops)
    who = one_asker(user, history, scenario, context, horizon)
    body = {**who, **shown, "item": item, "k": k, "language": writer}
    return (yield from _told("/v1/explain", body))


def page(
    user: Users = None,
    *,
    history: Sequence[Any] | None = None,
    k: int = 10,
    paths: int = 3,
    title: str | None = None,
    foot: str = "",
) -> Steps[str]:
    """The HTML text of ``Recommender.page``: the list, its reasons and the graph around them."""
    body = {**one_asker(user, history), "k": k, "paths": paths, "title": title, "foot": foot}
    return str((yield Ask("POST", "/v1/page", body, plain=True)))


def explain_answers(
    answers: Mapping[str, str], item: Id, *, k: int = 5, writer: Language = "en"
) -> Steps[Fields]:
    """``Recommender.explain_answers``: why an item is in the list made from answers."""
    body = {"answers": dict(answers), "item": item, "k": k, "language": writer}
    return (yield from _told("/v1/explain", body))


def explain_user(
    user: Users,
    other: Id,
    *,
    k: int = 5,
    history: Sequence[Any] | None = None,
    writer: Language = "en",
) -> Steps[Fields]:
    """``Recommender.explain_user``: why a user is recommended to another."""
    body = {**one_asker(user, history), "other": other, "k": k, "language": writer}
    return (yield from _told("/v1/follow/explain", body))


def counterfactual(
    user: Users,
    item: Id,
    *,
    k: int = 10,
    add: bool = False,
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
    constraints: Constraints | None = None,
) -> Steps[Fields]:
    """``Recommender.counterfactual``: the fewest events without which the item leaves the list;
    with ``add`` those that bring it in. ``text`` says it in words."""
    who = one_asker(user, history, scenario, context, horizon)
    body = {**who, **limits(constraints), "item": item, "k": k, "add": add, "strict": True}
    return (yield from _told("/v1/counterfactual", body))


def why_not(
    user: Users,
    item: Id,
    *,
    k: int = 10,
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
    constraints: Constraints | None = None,
    writer: Language = "en",
) -> Steps[Fields]:
    """``Recommender.why_not``: why an item is not among the ``k`` best."""
    who = one_asker(user, history, scenario, context, horizon)
    body = {**who, **limits(constraints), "item": item, "k": k, "language": writer, "strict": True}
    return (yield from _told("/v1/why-not", body))


def compare(
    user: Users,
    item_a: Id,
    item_b: Id,
    *,
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
    writer: Language = "en",
) -> Steps[Fields]:
    """``Recommender.compare``: why one item scores other than another."""
    who = one_asker(user, history, scenario, context, horizon)
    body = {**who, "item": item_a, "other": item_b, "language": writer, "strict": True}
    return (yield from _told("/v1/compare", body))


def words(
    user: Users,
    item: Id,
    *,
    source: Literal["item", "reviews", "history"] = "item",
    of: Id | None = None,
    method: Literal["gradients", "occlusion"] = "gradients",
    history: Sequence[Any] | None = None,
    scenario: str | None = None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
) -> Steps[Fields]:
    """``Recommender.words``: which words of a text moved the score of an item."""
    who = one_asker(user, history, scenario, context, horizon)
    body = {**who, "item": item, "source": source, "of": of, "method": method}
    return (yield from _told("/v1/words", body))


def _told(path: str, body: dict[str, Any]) -> Steps[Fields]:
    found: Fields = Fields.of((yield Ask("POST", path, body))["answer"])
    return found
