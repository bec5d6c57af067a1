"""A first mapping of a graph that has its own names, guessed from its outline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from graph_schema.errors import StoreError
from graph_schema.names import INTERACTED, ITEM, USER
from kgrec.stores.outline.graph import GraphOutline, LabelOutline, TypeOutline
from loaders.mapping.draft.names import Role, plain, rank
from loaders.mapping.draft.toml import comment, key, written

_USERS: Final = (
    *("user", "customer", "person", "member", "reader", "client", "buyer", "visitor"),
    *("account", "reviewer", "listener", "viewer", "player", "subscriber", "guest", "student"),
)
_ITEMS: Final = (
    *("item", "product", "movie", "film", "book", "song", "track", "article", "video", "game"),
    *("recipe", "business", "restaurant", "hotel", "app", "news", "course", "paper", "album"),
    *("artist", "place", "venue", "podcast", "show", "anime", "sku", "service", "job", "event"),
)
_TEXTS: Final = ("review", "comment")
_TITLES: Final = ("title", "name", "label")
_UNITS: Final = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))


@dataclass
class _Draft:
    """The parts of a mapping while they are guessed: fields by table, each with its comments."""

    outline: GraphOutline
    lines: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def table(self, header: str, fields: dict[str, Any], *comments: str) -> None:
        """Add a table."""
        self.lines += ["", *(line for text in comments for line in comment(text)), header]
        self.lines += [f"{key(name)} = {written(value)}" for name, value in fields.items()]


def draft_graph_mapping(outline: GraphOutline, source: str) -> str:
    """Guess a mapping of a graph.

    Parameters
    ----------
    outline : GraphOutline
        What ``GraphStore.outline`` found.
    source : str
        The graph's address, for messages.

    Returns
    -------
    str
        A ``GraphMapping`` in TOML, with its reasons as comments, and what it leaves out.

    Raises
    ------
    StoreError
        If kgrec wrote the graph, or no labels of users and items are seen in it.
    """
    if any((one.source, one.type, one.target) == (USER, INTERACTED, ITEM) for one in outline.types):
        raise StoreError(
            f"{source}: kgrec wrote this graph, and reads it as it is. Cure: leave the mapping out."
        )
    pair = _users_and_items(outline)
    if pair is None:
        without = [one.label for one in outline.labels if not _key(one)[0]]
        keyless = f" No property is a key of: {', '.join(without)}." if without else ""
        raise StoreError(
            f"{source}: no labels of users and items with a key are seen. There are: "
            f"{_listed(outline)}.{keyless} Cure: write a mapping by hand (docs/neo4j.md)."
        )
    user, item = pair
    draft = _Draft(outline, [*comment(_HEAD), *comment(f"Graph: {source}"), "", "version = 1"])
    draft.keys = {one.label: found for one in outline.labels if (found := _key(one)[0])}
    _node(draft, "[users]", user)
    _node(draft, "[items]", item)
    texts = _reviews(draft, user, item)
    _entities(draft, {user.label, item.label, *texts})
    _interactions(draft, user, item)
    draft.lines += _facts(draft, user, item)
    if draft.left_out:
        draft.lines += ["", "# Left out:", *(line for x in draft.left_out for line in comment(x))]
    return "\n".join(draft.lines) + "\n"


_HEAD: Final = (
    "A first mapping, guessed from names and values: read and correct it. The fields are described "
    "in docs/neo4j.md; kgrec doctor --mapping compares it with the whole graph."
)


def _listed(outline: GraphOutline) -> str:
    labels = [f"(:{one.label}) {one.count:,}" for one in outline.labels]
    return ", ".join([*labels, *map(_shown, outline.types)]) or "nothing"


def _shown(one: TypeOutline) -> str:
    return f"(:{one.source})-[:{one.type}]->(:{one.target}) {one.count:,}"


def _users_and_items(outline: GraphOutline) -> tuple[LabelOutline, LabelOutline] | None:
    """The labels of users and items: with known names, and the most relationships between them."""
    best: tuple[tuple[int, int], LabelOutline, LabelOutline] | None = None
    for edge in outline.types:
        for left, right in ((edge.source, edge.target), (edge.target, edge.source)):
            user, item = outline.label(left), outline.label(right)
            known = _is_called(left, _USERS) + _is_called(right, _ITEMS)
            if left == right or not known or not _key(user)[0] or not _key(item)[0]:
                continue
            if not _is_called(left, _USERS) and _is_called(left, _ITEMS):
                continue
            score = (known, edge.count)
            if best is None or score > best[0]:
                best = score, user, item
    return None if best is None else best[1:]


def _is_called(label: str, names: Iterable[str]) -> bool:
    word = plain(label)
    return word in names or word.removesuffix("s") in names


def _key(node: LabelOutline) -> tuple[str, str]:
    """The property that identifies the nodes of a label, and why; "" where there is none."""
    if node.unique:
        return node.unique[0], "a constraint keeps it unique"
    good = []
    for name in dict.fromkeys(name for one in node.sample for name in one):
        values = node.values(name)
        plain_values = all(isinstance(one, str | int) and one is not True for one in values)
        if plain_values and len(values) == len(node.sample) == len(set(map(str, values))):
            good.append(name)
    if not good:
        return "", ""
    best = min(good, key=lambda name: (not _is_id(name, node.label), good.index(name)))
    return best, f"every one of {len(node.sample):,} nodes has its own"


def _is_id(name: str, label: str) -> bool:
    word, kind = plain(name), plain(label)
    known = ("id", "key", "uuid", "code", "sku", "isbn", "asin", f"{kind}id", f"{kind}no")
    return word in known or word.endswith("id")


def _node(draft: _Draft, header: str, node: LabelOutline) -> None:
    found, reason = _key(node)
    fields: dict[str, Any] = {"label": node.label, "key": found}
    names = {name for one in node.sample for name in one}
    title = next((one for one in _TITLES if one in names), None)
    if header == "[items]" and "title" not in names and title is not None:
        fields["properties"] = {"title": title}
    draft.table(header, fields, f"{node.count:,} nodes; the key {found}: {reason}.")


def _reviews(draft: _Draft, user: LabelOutline, item: LabelOutline) -> list[str]:
    """The label of reviews: texts between users and items."""
    for node in draft.outline.labels:
        text = next((n for n in ("text", "body", "content", "review") if node.values(n)), None)
        if not _is_called(node.label, _TEXTS) or text is None or node.label not in draft.keys:
            continue
        fields: dict[str, Any] = {"label": node.label, "key": draft.keys[node.label]}
        for end, of in (("user", user), ("item", item)):
            edge = _between(draft.outline, node.label, of.label)
            if edge is not None:
                outward = edge.source == node.label
                fields[f"{end}_type"] = edge.type
                fields[f"{end}_direction"] = "out" if outward else "in"
        properties = {} if text == "text" else {"text": text}
        fields |= _measures(node, properties)
        draft.table("[reviews]", fields, f"{node.count:,} nodes with texts.")
        return [node.label]
    return []


def _between(outline: GraphOutline, one: str, other: str) -> TypeOutline | None:
    """The relationship type between two labels, in either direction, with the most edges."""
    found = [edge for edge in outline.types if {edge.source, edge.target} == {one, other}]
    return max(found, key=lambda edge: edge.count, default=None)


def _measures(place: LabelOutline | TypeOutline, properties: dict[str, str]) -> dict[str, Any]:
    """The fields ``properties`` and ``time_unit`` for the time and the rating."""
    properties = dict(properties)
    names = dict.fromkeys(name for one in place.sample for name in one)
    fields: dict[str, Any] = {}
    for role, fits in ((Role.TIME, _unit), (Role.RATING, _number)):
        ranked = [
            (place_of, name)
            for name in names
            if (place_of := _rank(name, role)) is not None and fits(place.values(name)) is not None
        ]
        if not ranked:
            continue
        name = min(ranked)[1]
        if name != role:
            properties[role.value] = name
        if role is Role.TIME:
            unit = _unit(place.values(name))
            fields |= {"time_unit": unit} if unit != "s" else {}
    return ({"properties": properties} if properties else {}) | fields


def _rank(name: str, role: Role) -> int | None:
    others = ("at", "on", "when", "since", "written") if role is Role.TIME else ("grade", "points")
    found = rank(name, role)
    return 100 + others.index(plain(name)) if found is None and plain(name) in others else found


def _number(values: list[Any]) -> str | None:
    good = values and all(isinstance(one, int | float) and one is not True for one in values)
    return "" if good else None


def _unit(values: list[Any]) -> str | None:
    """The unit of times; None for values that are none."""
    if values and all(isinstance(one, date | datetime) for one in values):
        return "datetime"
    if values and all(isinstance(one, str) and one[:4].isdigit() for one in values):
        return "s"  # ISO text is read as it is
    if _number(values) is None or min(values) < 1e8:
        return None
    middle = sorted(values)[len(values) // 2]
    return next((unit for least, unit in _UNITS if middle >= least), "s")


def _entities(draft: _Draft, used: set[str]) -> None:
    ends = {one.source for one in draft.outline.types} | {one.target for one in draft.outline.types}
    for node in draft.outline.labels:
        if node.label in used:
            continue
        if node.label not in draft.keys:
            draft.left_out.append(f"(:{node.label}) {node.count:,}: no property is a key")
        elif node.label not in ends:
            draft.left_out.append(f"(:{node.label}) {node.count:,}: no relationship leads to it")
        else:
            _entity(draft, node)


def _entity(draft: _Draft, node: LabelOutline) -> None:
    found, reason = _key(node)
    fields: dict[str, Any] = {"label": node.label, "key": found}
    names = {name for one in node.sample for name in one}
    title = next((one for one in ("name", "title", "label") if one in names), None)
    if title is not None and title != "name":
        fields["properties"] = {"name": title}
    draft.table("[[entities]]", fields, f"{node.count:,} nodes; the key {found}: {reason}.")


def _interactions(draft: _Draft, user: LabelOutline, item: LabelOutline) -> None:
    ends = {user.label, item.label}
    seen: dict[str, TypeOutline] = {}
    for edge in sorted(draft.outline.types, key=lambda one: -one.count):
        if {edge.source, edge.target} == ends and edge.type not in seen:
            seen[edge.type] = edge
    for edge in seen.values():
        fields: dict[str, Any] = {"type": edge.type}
        if edge.source == item.label:
            fields["direction"] = "in"
        if not edge.values("event"):
            fields["event"] = edge.type.lower()
        fields |= _measures(edge, {})
        names = ", ".join(dict.fromkeys(name for one in edge.sample for name in one)) or "none"
        draft.table("[[interactions]]", fields, f"{_shown(edge)}; properties: {names}.")


def _facts(draft: _Draft, user: LabelOutline, item: LabelOutline) -> list[str]:
    """A comment on the relationship types that are read as facts: all others."""
    ends = {user.label, item.label}
    others = [one for one in draft.outline.types if {one.source, one.target} != ends]
    if not others:
        return []
    text = "Every other type between these labels is a fact; [[facts]] with type would choose some."
    return ["", *comment(text), *(f"#   {_shown(one)}" for one in others)]
