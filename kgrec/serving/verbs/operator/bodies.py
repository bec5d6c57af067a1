"""Bodies of the operator's requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from kgrec.serving.verbs.bodies import Asked, Body, Count, Id, Limits, Name

Said = Annotated[str, Meta(max_length=500)]


class PageBody(Asked, kw_only=True):
    """Whose page; ``k``: items; ``paths``: reasons of each; ``title``, ``foot``: its heading and
    last line."""

    k: Annotated[int, Meta(ge=1, le=50)] = 10
    paths: Annotated[int, Meta(ge=1, le=10)] = 3
    title: Said | None = None
    foot: Said = ""


class RerankBody(Limits, kw_only=True):
    """Lists in which a group of items (by popularity, or by conditions as ``where``) has ``share``
    of the exposure, over all these users; or the ``boost`` of an earlier answer."""

    users: Annotated[list[Id], Meta(min_length=1, max_length=1_000)]
    group: Literal["head", "middle", "tail", "cold"] | dict[Name, Any]
    share: Annotated[float, Meta(ge=0, le=1)] | None = None
    boost: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    k: Count = 10
    scenario: Name | None = None
    horizon: Literal["next", "later"] = "next"
    exclude_seen: bool = True


class CypherBody(Body, kw_only=True):
    """A query that reads; values belong in ``parameters``; ``rows``: at most so many."""

    cypher: Annotated[str, Meta(min_length=1, max_length=20_000)]
    parameters: dict[Name, Any] = msgspec.field(default_factory=dict)
    rows: Count = 100
