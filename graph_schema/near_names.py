"""Names that look like those of the columns of a frame: other case, blanks, or a name that other
programs give to such a column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_TIMES: Final = (
    *("time", "datetime", "date", "ts", "unixtime", "unix_timestamp", "created", "created_at"),
    *("event_time", "review_time", "unix_review_time"),
)
_USERS: Final = ("user", "users", "uid", "customer_id", "visitor_id", "session_id", "reviewer_id")
_ITEMS: Final = (
    *("item", "items", "iid", "product", "product_id", "movie_id", "book_id", "article_id"),
    *("content_id", "asin", "isbn", "sku"),
)
_RATINGS: Final = ("score", "stars", "ratings", "overall")
_TITLES: Final = ("name", "label", "item_name", "product_name", "movie_title", "item_title")
# Names that other programs give to a column, by frame and column.
_OTHER: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "users": {"user_id": (*_USERS, "id")},
    "items": {"item_id": (*_ITEMS, "id"), "title": _TITLES},
    "entities": {
        "entity_id": ("entity", "entities", "node_id", "id"),
        "name": ("label", "title", "entity_name"),
        "kind": ("type", "category", "entity_type"),
    },
    "interactions": {
        "user_id": _USERS,
        "item_id": _ITEMS,
        "rating": _RATINGS,
        "timestamp": _TIMES,
        "event": ("event_type", "type", "behavior", "behaviour", "action", "interaction_type"),
        "scenario": ("scenario_id", "context"),
        "split": ("fold", "set", "subset"),
    },
    "facts": {
        "head": ("source", "subject", "from", "h", "head_id", "source_id"),
        "head_type": ("source_type", "subject_type", "from_type"),
        "relation": ("relation_type", "relation_id", "predicate", "rel", "r", "edge_type", "type"),
        "tail": ("target", "object", "to", "t", "tail_id", "target_id"),
        "tail_type": ("target_type", "object_type", "to_type"),
    },
    "reviews": {
        "user_id": _USERS,
        "item_id": _ITEMS,
        "text": ("review", "review_text", "comment", "content", "body", "review_body"),
        "rating": _RATINGS,
        "timestamp": _TIMES,
    },
    "queries": {
        "text": ("query", "q", "query_text", "keywords", "search"),
        "user_id": _USERS,
        "item_id": (*_ITEMS, "clicked", "clicked_item", "clicked_item_id"),
        "timestamp": _TIMES,
        "scenario": ("scenario_id", "context"),
    },
    "scenarios": {
        "scenario_id": ("scenario", "scenarios", "id", "name"),
        "description": ("desc", "text"),
    },
}
_SIGNS: Final = re.compile(r"[^\w]|_")


def _plain(name: str) -> str:
    return _SIGNS.sub("", name.lower())


def means(frame: str, name: str, column: str) -> bool:
    """Whether a column called ``name`` looks like the column ``column`` of a frame."""
    known = (column, *_OTHER[frame].get(column, ()))
    return bool(_plain(name)) and _plain(name) in map(_plain, known)


def nearest(frame: str, names: Iterable[str], column: str) -> str | None:
    """The one of ``names`` that looks like the column ``column`` of a frame, most of all one that
    differs from it in case or signs alone; None without any."""
    found = [name for name in names if means(frame, name, column)]
    return next((name for name in found if _plain(name) == _plain(column)), (*found, None)[0])
