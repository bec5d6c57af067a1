"""People other than the one who asks are no names in an answer, but numbers of people."""

from __future__ import annotations

from typing import Any

from graph_schema.names import USER

_FEWEST = 5  # people; fewer are not counted


def hidden(content: dict[str, Any], asker: str | None) -> dict[str, Any]:
    """An explanation without other people's ids and names.

    Parameters
    ----------
    content : dict
        Of ``to_dict`` of an explanation, or of what contains explanations.
    asker : str or None
        Id of the user who asks, whose own id stays.

    Returns
    -------
    dict
        The same, in which a path through others has their number in place of one of them, and no
        Cypher, which would name one.
    """
    shown: dict[str, Any] = _hidden(content, asker)
    return shown


def hidden_for(content: dict[str, Any], user: str | int | None) -> dict[str, Any]:
    """``hidden`` for whoever asked for the explanation: a user, or a history alone (None), whose
    owner is the first node of every path and has no id."""
    if user is not None:
        return hidden(content, str(user))
    return hidden(_ownerless(content), None)


def _ownerless(value: Any) -> Any:
    if isinstance(value, list):
        return [_ownerless(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "nodes" not in value or "sentence" not in value:
        return {name: _ownerless(part) for name, part in value.items()}
    first, *others = value["nodes"]
    return {**value, "nodes": [{**first, "id": ""} if first["label"] == USER else first, *others]}


def _hidden(value: Any, asker: str | None) -> Any:
    if isinstance(value, list):
        return [_hidden(part, asker) for part in value]
    if not isinstance(value, dict):
        return value
    if "nodes" in value and "sentence" in value:
        return _path(value, asker)
    if value.get("label") == USER and value.get("id") not in (asker, "", None):
        return {**value, "id": None, "name": ""}
    return {name: _hidden(part, asker) for name, part in value.items()}


def _path(path: dict[str, Any], asker: str | None) -> dict[str, Any]:
    first, *others = path["nodes"]
    if first["label"] == USER and asker is None and first["id"]:
        others = [first, *others]
    if not any(node["label"] == USER and node["id"] != asker for node in others):
        return path
    people = int(path.get("people") or 0)
    nodes = [_hidden(node, asker) for node in path["nodes"]]
    for node in nodes:
        if node["label"] == USER and node["id"] is None:
            node["name"] = f"{people} people" if people >= _FEWEST else "other people"
    shown = {**path, "nodes": nodes, "cypher": "", "parameters": {}}
    if people < _FEWEST:
        shown["people"] = None
    if people < _FEWEST or path.get("kind") != "collaborative":  # others' names may be in it
        shown["sentence"] = "Other people's choices connect the two."
    return shown
