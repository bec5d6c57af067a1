"""Explanations of small graphs with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kgrec.explain import Constraints, Explainer, Explanation, NodeMatches, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.paths.links import find_links
from kgrec.paths.people import ShownPeople
from tests.explain.breakdowns import breakdown
from tests.paths.graphs import snapshot

NAMED = ShownPeople(named=True)
B = 1  # the row of Ronin in the tiny graph


def ids(explanation: Explanation) -> list[list[str]]:
    return [[node_id for _, node_id, _ in path.nodes] for path in explanation.paths]


def test_a_shared_director(tiny: GraphSnapshot) -> None:
    scores = breakdown(
        tiny, ["a", "x"], {"match": [0.5, 0.0]}, [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 0.5)]
    )
    found = Explainer(tiny).explain(scores, B, user=0)
    (path,) = found.paths
    assert path.nodes == (
        ("User", "u1", ""),
        ("Item", "a", "Heat"),
        ("Entity", "e1", "Ann Lee"),
        ("Item", "b", "Ronin"),
    )
    assert path.relations == ("INTERACTED", "DIRECTED_BY", "DIRECTED_BY")
    assert path.outgoing == (True, True, False)
    assert (path.contribution, path.share) == (0.5, 1.0)
    assert path.sentence == "You rated “Heat” 5; “Ronin” has the same director: Ann Lee."
    assert found.rest == pytest.approx(0.0)
    assert found.hidden == 0


def test_a_link_that_the_graph_lacks_is_not_claimed(tiny: GraphSnapshot) -> None:
    wrong = [(0, "e3", "DIRECTED_BY", "DIRECTED_BY", 1.0)]
    (path,) = Explainer(tiny).explain(breakdown(tiny, ["a"], {"match": [1.0]}, wrong), B).paths
    assert (path.kind, path.stored, path.contribution) == ("other", (True, False), 1.0)


def test_beside_the_models_own_matches_knowledge_and_ids_run_through_people(
    tiny: GraphSnapshot,
) -> None:
    match = [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 0.25)]
    parts = {"match": [0.25], "knowledge": [1.0], "id": [0.5]}
    around, shared = (
        Explainer(tiny, people=NAMED).explain(breakdown(tiny, ["a"], parts, match), B, user=0).paths
    )
    assert (around.contribution, around.stored) == (1.5, (True, True, True))
    assert around.parts == {"knowledge": 1.0, "id": 0.5}
    assert around.nodes[2][1] == "u2"
    assert around.sentence.endswith(
        "1 person who chose it also chose “Ronin”, and the two have like surroundings in the graph."
    )
    assert (shared.contribution, shared.nodes[2][1]) == (0.25, "e1")
    less = breakdown(tiny, ["a"], {"match": [0.0], "knowledge": [-1.0]})
    (against,) = Explainer(tiny, people=NAMED).explain(less, B, user=0).paths
    assert against.stored == (True, False)
    assert "lean away from “Ronin”. This counted against it." in against.sentence
    nobody = breakdown(tiny, ["x"], {"match": [0.0], "knowledge": [1.0]})
    (unseen,) = Explainer(tiny, people=NAMED).explain(nobody, B, user=0).paths
    assert unseen.stored == (True, False)
    assert unseen.sentence.endswith("its surroundings in the graph are like “Ronin”’s.")


def test_matches_through_any_node(tiny: GraphSnapshot) -> None:
    explainer = Explainer(tiny)
    index, x, b = explainer.index, int(tiny.items.rows(["x"])[0]), B
    offset = index.space.offsets["Item"]
    links = find_links(index.facts, np.array([x + offset]), b + offset, len(tiny.items))
    amounts = np.where(links.link < 0, 0.5, 0.25)
    found = NodeMatches(links.item, links.link, links.near, links.far, amounts)
    scores = ScoreBreakdown(
        0.75, 0.0, np.array([x]), np.array([20]), {"match": np.array([0.75])}, found
    )
    direct, shared = explainer.explain(scores, b, user=0).paths
    assert (direct.relations[1:], direct.contribution) == (("SEQUEL",), 0.5)
    assert (shared.nodes[2][1], shared.contribution) == ("e2", 0.25)


def test_knowledge_goes_to_the_rarer_link_most(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a"], {"knowledge": [1.0]})
    found = Explainer(tiny).explain(scores, B, user=0)
    assert ids(found) == [["u1", "a", "e1", "b"], ["u1", "a", "e2", "b"]]
    rare, hub = math.log1p(5 / 2), math.log1p(5 / 4)
    assert found.paths[0].contribution == pytest.approx(rare / (rare + hub))
    assert found.paths[1].contribution == pytest.approx(hub / (rare + hub))


def test_a_direct_fact_and_its_direction(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["x"], {"knowledge": [1.0]})
    found = Explainer(tiny).explain(scores, B, user=0)
    direct = next(path for path in found.paths if path.kind == "item fact")
    assert direct.sentence == "You rated “Big” 3; its sequel is “Ronin”."
    x = int(tiny.items.rows(["x"])[0])
    back = Explainer(tiny).explain(breakdown(tiny, ["b"], {"knowledge": [1.0]}), x)
    direct = next(path for path in back.paths if path.kind == "item fact")
    assert direct.sentence == "You chose “Ronin”; it is the sequel of “Big”."
    assert direct.outgoing == (True, False)


def test_collaborative_paths_count_the_others(tiny: GraphSnapshot) -> None:
    found = Explainer(tiny, people=NAMED).explain(breakdown(tiny, ["a"], {"id": [2.0]}), B, user=0)
    (path,) = found.paths
    assert ids(found) == [["u1", "a", "u2", "b"]]
    assert path.outgoing == (True, False, True)
    assert path.people == 1
    assert path.sentence == "You rated “Heat” 5; 1 person who chose it also chose “Ronin”."
    nobody = Explainer(tiny, people=NAMED).explain(breakdown(tiny, ["x"], {"id": [2.0]}), B, user=0)
    assert nobody.paths[0].stored == (True, False)
    assert "choices of others" in nobody.paths[0].sentence


def test_the_most_similar_co_user_stands_on_the_path() -> None:
    films = {f: {"title": f} for f in "abcd"}
    chosen = [("me", "a", 1, None), ("me", "d", 2, None)]
    chosen += [("near", f, 1, None) for f in "abd"] + [("far", f, 9, None) for f in "abc"]
    graph = snapshot({"me": {}, "near": {}, "far": {}}, films, {}, chosen, {})
    me = int(graph.users.rows(["me"])[0])
    found = Explainer(graph, people=NAMED).explain(
        breakdown(graph, ["a", "d"], {"id": [2.0, 0.0]}), 1, user=me
    )
    assert ids(found) == [["me", "a", "near", "b"]]
    assert found.paths[0].people == 2
    assert "2 people who chose it" in found.paths[0].sentence
    without = Explainer(graph, people=NAMED).explain(
        breakdown(graph, ["a"], {"id": [2.0]}), 1, user=me, constraints=Constraints(avoid=["near"])
    )
    assert ids(without) == [["me", "a", "far", "b"]]


def test_a_similarity_is_called_one(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a"], {"text": [1.0], "attributes": [0.5], "mood": [0.25]})
    text, alike, mood = Explainer(tiny).explain(scores, B, user=0).paths
    assert text.sentence == "You rated “Heat” 5; the text of “Ronin” is like its text."
    assert alike.sentence == "You rated “Heat” 5; “Ronin” is like it in genres (Crime)."
    assert "“mood”" in mood.sentence
    assert text.stored == (True, False)
    assert "similarity" in text.note
    others = breakdown(tiny, ["a"], {"reviews": [1.0], "words": [0.5]})
    reviews, words = Explainer(tiny).explain(others, B, user=0).paths
    assert "what people write about “Ronin”" in reviews.sentence
    assert (reviews.words[1], words.words[1]) == ("similar reviews", "fitting words")
    z = int(tiny.items.rows(["z"])[0])
    (blank,) = Explainer(tiny).explain(breakdown(tiny, ["a"], {"attributes": [1.0]}), z).paths
    assert blank.sentence == "You chose “Heat”; the attributes of “Alone” are like its own."


def test_a_longer_way_where_there_is_no_short_one() -> None:
    graph = snapshot(
        {},
        {"a": {"title": "A"}, "b": {"title": "B"}},
        {"e1": {"name": "Noir"}, "e2": {"name": "Crime"}},
        [],
        {
            ("Item", "HAS_GENRE", "Entity"): [("a", "e1"), ("b", "e2")],
            ("Entity", "PART_OF", "Entity"): [("e1", "e2")],
        },
    )
    scores = breakdown(graph, ["a"], {"knowledge": [1.0]})
    (path,) = Explainer(graph).explain(scores, 1).paths
    assert path.relations == ("INTERACTED", "HAS_GENRE", "PART_OF", "HAS_GENRE")
    assert path.outgoing == (True, True, True, False)
    assert path.sentence.endswith("“B”: A → genre → Noir → part of → Crime → genre → B.")
    (short,) = Explainer(graph).explain(scores, 1, constraints=Constraints(max_hops=3)).paths
    assert short.stored == (True, False)
    assert "surroundings" in short.sentence


def test_what_speaks_against_stays(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a", "x"], {"text": [1.0, -0.75]})
    found = Explainer(tiny).explain(scores, B, user=0)
    assert [path.contribution for path in found.paths] == [1.0, -0.75]
    assert found.paths[1].sentence.endswith("This counted against it.")
    assert found.paths[1].share == pytest.approx(-3.0)


def test_the_same_item_twice_is_one_path(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a", "x", "a"], {"text": [1.0, 0.0, 0.5]})
    (path,) = Explainer(tiny).explain(scores, B, user=0).paths
    assert path.contribution == 1.5


def test_a_candidate_from_the_history_is_a_repeat(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["b"], {"id": [1.0], "knowledge": [1.0], "text": [-0.5]})
    (path,) = Explainer(tiny).explain(scores, B, user=1).paths
    assert path.contribution == 1.5
    assert path.sentence == "You rated “Ronin” 4 before."
    assert path.nodes == (("User", "u2", ""), ("Item", "b", "Ronin"))


def test_relations_on_both_sides_may_differ_and_entities_lack_names() -> None:
    graph = snapshot(
        {},
        {"a": {"title": "A"}, "b": {"title": "B"}, "c": {"title": "C"}},
        {"e1": {"name": "Eve"}, "e2": {"name": None}},
        [],
        {
            ("Item", "DIRECTED_BY", "Entity"): [("a", "e1"), ("a", "e2"), ("b", "e2"), ("c", "e1")],
            ("Entity", "film.actor.film", "Item"): [("e1", "b")],
            ("Entity", "film.director.film", "Item"): [("e2", "a"), ("e2", "b")],
            ("Item", "WRITTEN_BY", "Entity"): [("c", "e1"), ("a", "e1")],
            ("Item", "CO_DIRECTOR", "Entity"): [("c", "e2"), ("a", "e2"), ("b", "e2")],
        },
    )
    explainer = Explainer(graph)
    found = explainer.explain(breakdown(graph, ["a"], {"knowledge": [1.0]}), 1)
    said = {path.nodes[2][1]: path.sentence for path in found.paths}
    assert said["e2"] == "You chose “A”; “B” has the same co director."
    assert said["e1"] in (
        "You chose “A”; Eve, its director, is also the actor of “B”.",
        "You chose “A”; Eve, its writer, is also the actor of “B”.",
    )
    both = explainer.explain(breakdown(graph, ["a"], {"knowledge": [1.0]}), 2)
    assert both.paths[0].sentence in (
        "You chose “A”; “C” has the same director and writer: Eve.",
        "You chose “A”; “C” has the same writer and director: Eve.",
    )


def test_diversity_over_repetition() -> None:
    films = {f"f{i}": {"title": f"F{i}"} for i in range(9)}
    facts = {
        ("Item", "HAS_GENRE", "Entity"): [(f, "g") for f in films],
        ("Item", "DIRECTED_BY", "Entity"): [("f0", "d"), ("f8", "d")],
    }
    graph = snapshot({}, films, {"g": {"name": "War"}, "d": {"name": "Dee"}}, [], facts)
    history = [f"f{i}" for i in range(8)]
    genre = [(i, "g", "HAS_GENRE", "HAS_GENRE", 1.0 - i / 100) for i in range(8)]
    scores = breakdown(
        graph,
        history,
        {"match": [1.5, *(1.0 - i / 100 for i in range(1, 8))]},
        [*genre, (0, "d", "DIRECTED_BY", "DIRECTED_BY", 0.5)],
    )
    found = Explainer(graph).explain(scores, 8, k=3)
    assert "d" in {path.nodes[2][1] for path in found.paths}
    assert found.hidden == 6
    war, dee = found.entities
    assert (war.name, war.role, war.items) == ("War", "genre", 8)
    assert war.contribution == pytest.approx(8 - 0.28)
    assert (dee.name, dee.role, dee.items, dee.contribution) == ("Dee", "director", 1, 0.5)
    assert [influence.id for influence in found.history][:2] == ["f0", "f1"]
    assert found.history[0].contribution == pytest.approx(1.5)
    assert "through: War (genre, 8 items) +7.720; Dee (director) +0.500" in str(found)


def test_a_typed_in_history_begins_at_its_item(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a"], {"knowledge": [1.0]})
    found = Explainer(tiny).explain(scores, B)
    path = found.paths[0]
    assert found.user_id is None
    assert path.nodes[0] == ("User", "", "You")
    assert path.parameters == {"n0": "a", "n1": "e1", "n2": "b"}
    assert "not in the graph" in path.note
    named = Explainer(tiny).explain(breakdown(tiny, ["y"], {"text": [1.0]}), B, user=0)
    assert named.paths[0].parameters == {"n0": "y", "n1": "b"}  # u1 has no stored event with y
    assert named.paths[0].sentence == "You chose “item y”; the text of “Ronin” is like its text."


def test_the_same_state_gives_the_same_explanation(tiny: GraphSnapshot) -> None:
    scores = breakdown(tiny, ["a", "x"], {"id": [1.0, 1.0], "knowledge": [1.0, 1.0]})
    first = Explainer(tiny).explain(scores, B, user=0)
    kept = Explainer(tiny)
    kept.explain(breakdown(tiny, ["x"], {"id": [3.0]}), B)  # what was asked before has no effect
    assert kept.explain(scores, B, user=0) == first


def test_a_hub_of_100_000_edges_is_explained() -> None:
    n = 100_000
    items = {f"i{k}": {"title": f"T{k}"} for k in range(n)}
    people = {f"u{k}": {} for k in range(n)}
    graph = snapshot(
        people,
        items,
        {"hub": {"name": "Everything"}},
        [(f"u{k}", f"i{k % 2}", k, None) for k in range(n)]
        + [(f"u{k}", f"i{1 - k % 2}", k, None) for k in range(n)],
        {
            ("Item", "HAS_GENRE", "Entity"): [(i, "hub") for i in items],
            ("Item", "ALSO_BOUGHT", "Item"): [("i0", f"i{k}") for k in range(2, n)],
        },
    )
    explainer = Explainer(graph)
    explainer.warm_up()
    scores = breakdown(graph, ["i0", "i5"], {"id": [1.0, 0.5], "knowledge": [1.0, 0.9]})
    candidate = int(graph.items.rows(["i1"])[0])
    found = explainer.explain(scores, candidate, user=7)
    together = next(path for path in found.paths if path.kind == "collaborative")
    assert together.people == n - 1
    assert found.shown + found.not_shown == pytest.approx(3.4)
