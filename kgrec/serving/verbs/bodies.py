"""Bodies of requests. Unknown fields are refused; limits are part of the types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

LONGEST_ID, LONGEST_TEXT = 512, 2_000  # characters
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
Id = Text | int
Count = Annotated[int, Meta(ge=1, le=1_000)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
Time = Annotated[int, Meta(ge=-(2**60), le=2**60)]
Said = Annotated[dict[Name, Literal["yes", "no", "unknown"]], Meta(max_length=1_000)]


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A JSON object with these fields and no others."""


class TimedItem(Body, kw_only=True):
    """An item of a history, with the time of the event in unix seconds."""

    item: Id
    timestamp: Time


class Limits(Body, kw_only=True):
    """Which items a list may have.

    ``where``: conditions on attributes, by name: a value, a list of values, ``{"min": …, "max":
    …}``, null for items without a value, or ``{"not": …}``.
    """

    candidates: Annotated[list[Id], Meta(max_length=10_000)] | None = None
    exclude: Annotated[list[Id], Meta(max_length=10_000)] | None = None
    where: dict[str, Any] | None = None


class Asked(Limits, kw_only=True):
    """Who asks: a user, or a history (item ids, oldest first, or items with times); a history given
    for a user replaces the stored one."""

    user: Id | None = None
    history: Annotated[list[Id | TimedItem], Meta(max_length=10_000)] | None = None
    scenario: Name | None = None
    context: dict[str, str | int | float | bool | None] | None = None
    horizon: Literal["next", "later"] = "next"
    strict: bool = False


class RecommendBody(Asked, kw_only=True):
    """``explain``: for how many items, from the first, the reasons are given in words; ``fields``:
    attributes of the items to return; ``strict``: an unknown user is an error; ``answers``: what a
    new user said about items and entities (see ``AskBody``), in place of a user or a history;
    ``explore``: the share of places that show another item than the best for them, drawn at
    random, with the probability of each item."""

    k: Count = 10
    exclude_seen: bool = True
    explain: Annotated[int, Meta(ge=0, le=10)] = 0
    fields: Annotated[list[Name], Meta(max_length=50)] = []
    answers: Said | None = None
    explore: Annotated[float, Meta(ge=0, le=0.5)] | None = None


class NextBody(Body, kw_only=True):
    """The list whose next page is asked for."""

    list_id: Name
    k: Count | None = None


class BatchBody(Limits, kw_only=True):
    """Lists for several users at once."""

    users: Annotated[list[Id], Meta(min_length=1, max_length=1_000)]
    k: Count = 10
    scenario: Name | None = None
    exclude_seen: bool = True


class SimilarBody(Limits, kw_only=True):
    """Items for which similar ones are asked."""

    items: Annotated[list[Id], Meta(min_length=1, max_length=100)]
    k: Count = 10


class SearchBody(Limits, kw_only=True):
    """Words to search for, and who searches."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    user: Id | None = None
    scenario: Name | None = None
    k: Count = 10


class Pair(Body, kw_only=True):
    """A user and an item."""

    user: Id
    item: Id


class PairsBody(Body, kw_only=True):
    """Pairs to score."""

    pairs: Annotated[list[Pair], Meta(min_length=1, max_length=10_000)]
    scenario: Name | None = None


class Paths(Body, kw_only=True):
    """Which paths may explain: relations, nodes on them or not, and their length."""

    relations: list[Name] | None = None
    via: list[Name] = []
    avoid: list[Name] = []
    max_hops: Annotated[int, Meta(ge=1, le=4)] = 4
    language: Literal["en", "de"] = "en"


class ExplainBody(Paths, kw_only=True):
    """The item to explain, and for whom; ``k``: number of paths; ``answers``: those that the list
    was made from, in place of a user or a history."""

    item: Id
    answers: Said | None = None
    user: Id | None = None
    history: Annotated[list[Id | TimedItem], Meta(max_length=10_000)] | None = None
    scenario: Name | None = None
    context: dict[str, str | int | float | bool | None] | None = None
    horizon: Literal["next", "later"] = "next"
    k: Annotated[int, Meta(ge=1, le=50)] = 5


class PlaceBody(Asked, kw_only=True):
    """An item and its place in a list of ``k``."""

    item: Id
    k: Count = 10
    language: Literal["en", "de"] = "en"


class CounterfactualBody(PlaceBody, kw_only=True):
    """``add``: which events would bring the item into the list, in place of those without which it
    would leave it."""

    add: bool = False


class CompareBody(PlaceBody, kw_only=True):
    """Another item to compare with."""

    other: Id


class AskBody(Limits, kw_only=True):
    """Questions to a new user.

    ``answers``: what was said so far, by id of an item or entity ("Item:588" or "Entity:e1" where
    both have it); ``about``: what may be asked about; ``targets``: conditions, as ``where``, on the
    items of the list that the questions are for; ``k``: number of questions.
    """

    answers: Said | None = None
    about: Literal["items", "entities", "both"] = "items"
    targets: dict[str, Any] | None = None
    k: Annotated[int, Meta(ge=1, le=100)] = 1


class UnsureBody(Body, kw_only=True):
    """Of what more interactions would tell most: users, items or scenarios."""

    of: Literal["users", "items", "scenarios"] = "items"
    k: Count = 10


class Person(Body, kw_only=True):
    """A user or a history, in a scenario, context and horizon."""

    user: Id | None = None
    history: Annotated[list[Id | TimedItem], Meta(max_length=10_000)] | None = None
    scenario: Name | None = None
    context: dict[str, str | int | float | bool | None] | None = None
    horizon: Literal["next", "later"] = "next"


class FollowBody(Asked, kw_only=True):
    """Whom to follow. Conditions are about users; ``exclude_seen`` leaves out those who are
    followed already."""

    k: Count = 10
    exclude_seen: bool = True


class ExplainUserBody(Person, kw_only=True):
    """``other``: the user in the list of whom to follow; ``k``: number of paths."""

    other: Id
    k: Annotated[int, Meta(ge=1, le=50)] = 5
    language: Literal["en", "de"] = "en"


class ItemUsersBody(Body, kw_only=True):
    """The items for which users are wanted; ``users``: whom to choose among, by default all."""

    items: Annotated[list[Id], Meta(min_length=1, max_length=100)]
    users: Annotated[list[Id], Meta(min_length=1, max_length=10_000)] | None = None
    scenario: Name | None = None
    exclude_seen: bool = True
    k: Count = 10


class SimilarUsersBody(Person, kw_only=True):
    """A user or a history for which the most similar users are wanted."""

    k: Count = 10


class RecogniseBody(Person, kw_only=True):
    """Evidence of the scenario of a request: a user or a history, a query, a context."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)] | None = None


class WordsBody(Person, kw_only=True):
    """Whose score of which item, and the text: the item's own, a review of it, or what the user
    wrote about an item of the history; ``of``: id of the review, or of the history's item."""

    item: Id
    source: Literal["item", "reviews", "history"] = "item"
    of: Id | None = None
    method: Literal["gradients", "occlusion"] = "gradients"


class ImportanceBody(Body, kw_only=True):
    """``by``: what is measured; ``users``: how many are drawn, by ``seed``; ``k``: length of their
    lists."""

    by: Literal["relation", "part", "entity", "text"] = "relation"
    scenario: Name | None = None
    users: Annotated[int, Meta(ge=1, le=1_000)] = 50
    k: Annotated[int, Meta(ge=1, le=100)] = 10
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    horizon: Literal["next", "later"] = "next"


class VectorsBody(Body, kw_only=True):
    """Which vectors; ``ids``: of which items or users, at most a thousand."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=1_000)]
    kind: Literal["item", "history_item", "user"] = "item"


class RulesBody(Body, kw_only=True):
    """``toml``: all rules, in the format of ``rules.toml``; they replace those there are, unless
    these are not ``was`` any more."""

    toml: Annotated[str, Meta(max_length=500_000)]
    reason: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""
    was: Annotated[str, Meta(max_length=500_000)] | None = None


class DecisionBody(Body, kw_only=True):
    """``rule``: the hold that keeps the item back; ``approve``: into lists again, or never."""

    rule: Name
    item: Id
    approve: bool
    reason: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""


class EffectsBody(Asked, kw_only=True):
    """Whose list; ``k``: its length."""

    k: Count = 10


class EventBody(Body, kw_only=True):
    """One event. ``id`` makes sending it again safe: the same id counts once; ``event``: its kind,
    such as "buy", which the model's settings may weigh."""

    user: Id
    item: Id
    id: Name | None = None
    event: Name | None = None
    timestamp: Time | None = None
    rating: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    scenario: Name | None = None
    list_id: Name | None = None


class EventsBody(Body, kw_only=True):
    """Events; ``missing``: whether those with unknown items are kept until the item comes, or
    rejected."""

    events: Annotated[list[EventBody], Meta(min_length=1, max_length=1_000)]
    missing: Literal["create", "reject"] = "create"


class ImpressionsBody(Body, kw_only=True):
    """The items of a list that were shown, in their order."""

    list_id: Name
    items: Annotated[list[Id], Meta(min_length=1, max_length=1_000)]


class NodeBody(Body, kw_only=True):
    """Attributes of a user, item or entity; those that are left out stay as they are."""

    attributes: dict[str, str | int | float | bool | list[str] | None] = {}


class Fact(Body, kw_only=True):
    """One edge of the graph between items, entities and users."""

    head: Id
    relation: Name
    tail: Id
    head_type: Literal["item", "entity", "user"] = "item"
    tail_type: Literal["item", "entity", "user"] = "entity"


class FactsBody(Body, kw_only=True):
    """Facts to add or to remove."""

    facts: Annotated[list[Fact], Meta(min_length=1, max_length=1_000)]


class PathsBody(Body, kw_only=True):
    """Two nodes ("Item:588", or a name that one node has) and the paths between them."""

    source: Name
    target: Name
    relations: list[Name] | None = None
    via: list[Name] = []
    avoid: list[Name] = []
    max_hops: Annotated[int, Meta(ge=1, le=4)] = 4
    k: Annotated[int, Meta(ge=1, le=20)] = 10


class SubgraphBody(Body, kw_only=True):
    """Nodes and how far from them to go."""

    nodes: Annotated[list[Name], Meta(min_length=1, max_length=50)]
    hops: Annotated[int, Meta(ge=0, le=3)] = 1
    relations: list[Name] | None = None
    max_nodes: Annotated[int, Meta(ge=1, le=500)] = 100


class ActivateBody(Body, kw_only=True):
    """``if_current``: the model that must still be the one that answers."""

    if_current: Name | None = None
    reason: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""


class ReasonBody(Body, kw_only=True):
    """Why."""

    reason: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""


class EraseBody(Body, kw_only=True):
    """The people to erase from the log and from all models, and to keep out."""

    users: Annotated[list[Id], Meta(min_length=1, max_length=1_000)]


class JobBody(Body, kw_only=True):
    """Work in another process. ``fold``: the log's new records become part of the graph, in a new
    model with the same parameters, which then answers. ``train``: a new model is trained on what
    came, and answers where it does not lose to the one that does, on the newest events."""

    kind: Literal["fold", "train"]
