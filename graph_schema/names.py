"""Names of the graph's labels, relationship types, frames and key columns."""

from __future__ import annotations

from typing import Final

USER: Final = "User"
ITEM: Final = "Item"
ENTITY: Final = "Entity"
REVIEW: Final = "Review"
QUERY: Final = "Query"
SCENARIO: Final = "Scenario"  # no relationships: interactions hold its id
NODE_LABELS: Final = (USER, ITEM, ENTITY, REVIEW, QUERY, SCENARIO)

INTERACTED: Final = "INTERACTED"  # (:User)-[:INTERACTED {event, rating, timestamp, ...}]->(:Item)
WROTE: Final = "WROTE"  # (:User)-[:WROTE]->(:Review)
ABOUT: Final = "ABOUT"  # (:Review)-[:ABOUT]->(:Item)
ISSUED: Final = "ISSUED"  # (:User)-[:ISSUED]->(:Query)
CLICKED: Final = "CLICKED"  # (:Query)-[:CLICKED]->(:Item)
RESERVED_TYPES: Final = (INTERACTED, WROTE, ABOUT, ISSUED, CLICKED)

FRAMES: Final = (
    "users",
    "items",
    "entities",
    "interactions",
    "facts",
    "reviews",
    "queries",
    "scenarios",
)

# The values of a fact's head_type and tail_type columns, and the labels they stand for.
NODE_TYPES: Final = {"user": USER, "item": ITEM, "entity": ENTITY}
KEY_COLUMNS: Final = {
    "users": "user_id",
    "items": "item_id",
    "entities": "entity_id",
    "reviews": "review_id",
    "queries": "query_id",
    "scenarios": "scenario_id",
}
LABEL_FRAMES: Final = {
    USER: "users",
    ITEM: "items",
    ENTITY: "entities",
    REVIEW: "reviews",
    QUERY: "queries",
    SCENARIO: "scenarios",
}
SPLITS: Final = ("train", "valid", "test")
# Properties of a store that models don't read: of an interaction, which record of a service it is;
# of a node, the unix seconds at which it or its facts were changed.
RECORD: Final = "kgrec_record"
CHANGED: Final = "kgrec_changed"
