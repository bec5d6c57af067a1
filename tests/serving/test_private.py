"""Other people are numbers."""

from __future__ import annotations

from typing import Any

import pytest

from kgrec.serving.private import hidden, hidden_for


def _path(people: int, kind: str = "collaborative") -> dict[str, Any]:
    named = kind != "collaborative"  # the sentence of that kind has a number
    return {
        "kind": kind,
        "nodes": [
            {"label": "User", "id": "me", "name": ""},
            {"label": "Item", "id": "1", "name": "Heat"},
            {"label": "User", "id": "secret", "name": "Sue Secret"},
            {"label": "Item", "id": "2", "name": "Ronin"},
        ],
        "people": people,
        "sentence": f"You chose “Heat”; {'Sue Secret' if named else people} chose it too.",
        "cypher": "MATCH …",
        "parameters": {"n2": "secret"},
        "contribution": 0.5,
    }


@pytest.mark.parametrize("people", [0, 1, 4, 5, 40])
@pytest.mark.parametrize("kind", ["collaborative", "graph neighbourhood"])
def test_no_id_or_name_of_another_person_is_left(people: int, kind: str) -> None:
    content = {"a": {"paths": [_path(people, kind)]}, "user_id": "me"}
    shown = hidden(content, "me")
    assert "secret" not in str(shown).lower()
    path = shown["a"]["paths"][0]
    assert path["nodes"][0]["id"] == "me"
    assert path["contribution"] == 0.5
    assert path["parameters"] == {}


def test_few_people_are_not_counted() -> None:
    shown = hidden({"paths": [_path(4)]}, "me")["paths"][0]
    assert shown["people"] is None
    assert shown["nodes"][2]["name"] == "other people"
    assert hidden({"paths": [_path(5)]}, "me")["paths"][0]["nodes"][2]["name"] == "5 people"


def test_paths_of_the_asker_and_of_items_stay_whole() -> None:
    own = _path(0)
    own["nodes"] = [own["nodes"][0], own["nodes"][1]]
    assert hidden({"paths": [own]}, "me") == {"paths": [own]}


def test_without_an_asker_every_user_is_hidden() -> None:
    shown = hidden(_path(9), None)
    assert [node["id"] for node in shown["nodes"]] == [None, "1", None, "2"]


def test_the_owner_of_a_history_is_nobody_else() -> None:
    own = {
        **_path(0, "text"),
        "sentence": "You chose “Heat”; the text of “Ronin” is like its text.",
    }
    own["nodes"] = [{"label": "User", "id": "0", "name": ""}, own["nodes"][1], own["nodes"][3]]
    shown = hidden_for({"paths": [own]}, None)["paths"][0]
    assert shown["sentence"] == own["sentence"]
    assert shown["nodes"][0]["id"] == ""
    other = _path(0)
    other["nodes"] = [own["nodes"][0], other["nodes"][1], {**other["nodes"][2], "id": "0"}]
    assert "Sue Secret" not in str(hidden_for({"paths": [other]}, None))
    assert hidden_for({"paths": [own]}, "0") == {"paths": [own]}


def test_influences_name_no_people() -> None:
    content = {"entities": [{"label": "User", "id": "secret", "name": "Sue Secret"}]}
    assert hidden(content, "me") == {"entities": [{"label": "User", "id": None, "name": ""}]}
