"""Search: by title, words, entity and user; filters; and questions that can't be answered."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.features.texts import TextFeatures
from kgrec.graph import read_snapshot
from kgrec.search.ranker import Searcher
from kgrec.search.requests import MAX_QUERY, clean_query
from kgrec.stores import EmbeddedStore
from tests.recommender import catalogs

FILMS = Catalog.from_frames(
    items=pd.DataFrame(
        {
            "item_id": ["a", "b", "c", "d", "e"],
            "title": ["Red River", "Rio Bravo", "The River Wild", "Hatari!", "True Grit"],
            "plot": [
                "A cattle drive to Kansas ends in a mutiny.",
                "A sheriff holds a prisoner with the help of a drunk.",
                "A family rafts down a wild river with two armed men.",
                "Hunters catch animals in Africa for the zoo.",
                "A drunk marshal helps a girl to find her father's killer.",
            ],
        }
    ),
    entities=pd.DataFrame(
        {
            "entity_id": ["hawks", "wayne", "drama"],
            "name": ["Howard Hawks", "John Wayne", "Drama"],
        }
    ),
    facts=pd.DataFrame(
        [
            ("a", "item", "directed_by", "hawks", "entity"),
            ("b", "item", "directed_by", "hawks", "entity"),
            ("d", "item", "produced_by", "hawks", "entity"),
            *((item, "item", "starred_by_actor", "wayne", "entity") for item in "abde"),
            ("c", "item", "genre", "drama", "entity"),
        ],
        columns=["head", "head_type", "relation", "tail", "tail_type"],
    ),
    interactions=pd.DataFrame({"user_id": ["u", "v", "w", "w"], "item_id": ["d", "d", "d", "a"]}),
)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    with EmbeddedStore(tmp_path_factory.mktemp("films") / "films.kgl") as store:
        store.write(FILMS)
        return Searcher(read_snapshot(store), TextFeatures.none(5))


def answers(searcher: Searcher, query: str, **asked: object) -> list[str]:
    found = searcher.rank(query, None, 5, **asked)  # type: ignore[arg-type]
    return searcher.snapshot.items.ids[found.rows].tolist()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Red River", ["a"]),
        ("rde rivre", ["a"]),
        ("RIO  BRAVO!", ["b"]),
        ("hattari", ["d"]),
        ("a family rafts down", ["c"]),
        ("mutiny in kansas", ["a"]),
        ("john wayne true grit", ["e"]),
        ("john wayne zoo", ["d"]),
        ("howard hawks rio bravo", ["b"]),
        ("films directed by howard hawks", ["a", "b", "d"]),
        ("produced by howard hawks", ["d"]),
        ("jhon wayne", ["d", "a"]),  # equals: the one chosen more often comes first
    ],
)
def test_best_answers(searcher: Searcher, query: str, expected: list[str]) -> None:
    assert answers(searcher, query)[: len(expected)] == expected


def test_each_answer_says_what_found_it(searcher: Searcher) -> None:
    ids = searcher.snapshot.items.ids
    by_name = searcher.rank("john wayne", None, 5)
    assert set(ids[by_name.rows]) == set("abde")
    assert set(by_name.found_by) == {"John Wayne"}
    assert searcher.rank("Red River", None, 1).found_by.tolist() == ["title"]
    assert searcher.rank("two armed men", None, 1).found_by.tolist() == ["text"]
    assert searcher.rank("xyzzyx", None, 5).rows.tolist() == []


def test_meaning_finds_what_shares_no_word(searcher: Searcher) -> None:
    vectors = np.eye(5, dtype=np.float32)
    meant = Searcher(searcher.snapshot, TextFeatures({"text": vectors}, np.empty((0, 0))))
    found = meant.rank("safari", vectors[3], 5)
    assert found.rows.tolist() == [3]
    assert found.found_by.tolist() == ["meaning"]
    # Words that are there outweigh it.
    assert meant.rank("Red River", vectors[3], 5).rows.tolist()[0] == 0


def test_reviews_are_the_text_of_items_without_any(tmp_path: Path) -> None:
    reviews = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": ["u", "u"], "item_id": ["x", "y"]}),
        reviews=pd.DataFrame(
            {
                "review_id": ["1", "2", "3"],
                "user_id": "u",
                "item_id": ["x", "y", "y"],
                "text": ["A fine guitar string.", "Good microphone", "for loud singers"],
            }
        ),
    )
    reviewed = Searcher(catalogs.snapshot(tmp_path, reviews), TextFeatures.none(2))
    assert answers(reviewed, "microphone for singers") == ["y"]
    assert answers(reviewed, "guitar") == ["x"]


def test_search_finds_titles_and_makers(fitted: Recommender) -> None:
    found = fitted.search("Riding the dusty prairie tale 6", k=3)
    assert list(found.columns) == ["item_id", "score", "rank", "found_by"]
    assert (found["item_id"][0], found["found_by"][0]) == ("i6", "title")
    snapshot = fitted.snapshot
    maker = int(snapshot.entities.rows(["e1"])[0])
    facts = next(f for f in snapshot.facts if f.relation == "made_by")
    made = set(snapshot.items.ids[facts.head[facts.tail == maker]])
    assert set(fitted.search("bo birch", k=len(made))["item_id"]) == made
    assert found["score"].is_monotonic_decreasing


def test_a_user_reorders_equals_and_leaves_titles_first(fitted: Recommender) -> None:
    mine = fitted.search("tale", user="u1", k=40)["item_id"].tolist()
    others = fitted.search("tale", user="u2", k=40)["item_id"].tolist()
    assert mine != others
    assert set(mine) == set(others)
    likes = fitted.recommend("u1", k=40, exclude_seen=False)["item_id"].tolist()
    assert np.mean([likes.index(item) for item in mine[:5]]) < 15
    for user in ("u1", "u2"):
        assert fitted.search("trenches at night tale 5", user=user)["item_id"][0] == "i5"


def test_filters_narrow_the_answers(fitted: Recommender) -> None:
    late = fitted.search("circus", k=40, where={"year": (2000, None)})["item_id"]
    assert set(late) == {f"i{n}" for n in range(20, 40, 4)}
    some = fitted.search("tale", k=40, candidates=["i3", "i4"])["item_id"]
    assert set(some) == {"i3", "i4"}
    with pytest.raises(RequestError, match="no item is left"):
        fitted.search("tale", where={"year": 1900})


def test_a_scenario_keeps_to_its_own_items(fitted: Recommender) -> None:
    names = fitted.state.engine.vocabulary.scenarios.tolist()
    own = np.ones((len(names) + 1, 40), dtype=bool)
    own[0, 20:] = False
    state, engine = fitted.state, fitted.state.engine
    narrowed = replace(engine, given_scenario_items=own)
    model = Recommender.of(replace(state, engine=narrowed))
    offered = set(fitted.snapshot.items.ids[:20])
    for asked in ({}, {"user": "u1"}):
        found = model.search("tale", k=40, scenario=names[0], **asked)
        assert set(found["item_id"]) == offered
        assert len(model.search("tale", k=40, **asked)) == 40
    assert len(model.search("tale", k=40, scenario=names[0], candidates=["i1", "i39"])) == 2


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        ("  ", {}, "the query is empty"),
        ("", {}, "the query is empty"),
        ("?! -- *", {}, "the query holds no words"),
        ("\x00\x01\x02ab\x03", {}, "the query holds no words"),
        ("<p><br/></p>", {}, "the query holds no words"),
        (None, {}, "NoneType and not a text"),
        (b"tale", {}, "bytes and not a text"),
        ("tale", {"k": 0}, "k is 0"),
        ("tale", {"k": "many"}, "k is 'many'"),
        ("tale", {"user": "zoe"}, "user 'zoe'"),
        ("tale", {"scenario": "moon"}, "unknown scenario 'moon'"),
        ("tale", {"scenario": "moon", "user": "u1"}, "unknown scenario 'moon'"),
        ("tale", {"candidates": []}, "candidates is an empty list"),
        ("tale", {"where": {"colour": "red"}}, "no column 'colour'"),
    ],
)
def test_bad_questions(fitted: Recommender, text: object, asked: dict, message: str) -> None:
    with pytest.raises(RequestError, match=re.escape(message)):
        fitted.search(text, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        'title:"jolly circus" AND NOT (war OR *) ~2 ^5 [a TO b] {} \\ / && ||',
        "<b>jolly</b> &amp; circus <script>alert('x')</script>",
        "jolly\ncircus\t\u200b",
        "jolly circus " + "lorem ipsum dolor " * 10_000,
        "' OR 1=1; MATCH (n) DETACH DELETE n // jolly circus",
    ],
)
def test_odd_texts_are_words_all_the_same(fitted: Recommender, text: str) -> None:
    found = fitted.search(text, k=5)["item_id"].tolist()
    assert set(found) <= {f"i{n}" for n in range(0, 40, 4)}
    assert len(clean_query(text)) <= MAX_QUERY


def test_a_saved_model_searches_alike(fitted: Recommender, fresh: Recommender) -> None:
    for asked in ({}, {"user": "u3"}):
        pd.testing.assert_frame_equal(
            fitted.search("circus tale", **asked), fresh.search("circus tale", **asked)
        )


def test_an_update_is_found_at_once(fresh: Recommender) -> None:
    items = pd.DataFrame({"item_id": ["new"], "title": ["Submarine sonata"]})
    fresh.update(Catalog.from_frames(items=items))
    assert fresh.search("submarin sonata")["item_id"][0] == "new"


def test_logged_queries_become_part_of_the_graph(fresh: Recommender, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(catalogs.catalog())
        before = store.node_counts()["Query"]
        for _ in range(2):  # the same query logged twice is one
            news = fresh.log_query("u1", "clowns <b>please</b>", "i4", 123, store=store)
        fresh.log_query("stranger", "just looking", store=store)
        fresh.log_query(None, "nobody asks", store=store, timestamp=5)
        assert store.node_counts()["Query"] == before + 3
        rows = store.query(
            "MATCH (u:User)-[:ISSUED]->(q:Query)-[:CLICKED]->(i:Item) "
            "WHERE q.text = 'clowns please' RETURN u.id AS user, i.id AS item, q.timestamp AS time"
        )
        assert rows == [{"user": "u1", "item": "i4", "time": 123}]
    fresh.update(news)
    assert "clowns please" in fresh.snapshot.queries.text
    seen = fresh.snapshot.interactions
    mine = (seen.timestamp == 123) & (seen.event == "search")
    assert fresh.snapshot.items.ids[seen.item[mine]].tolist() == ["i4"]
    kept = fresh.log_query("u1", "clowns", "i4", 123, event=None)
    assert len(kept.interactions) == 0
    with pytest.raises(RequestError, match="item 'i99' is not in the graph"):
        fresh.log_query("u1", "clowns", "i99")
    with pytest.raises(RequestError, match="chosen by nobody"):
        fresh.log_query(None, "clowns", "i4")


@pytest.mark.slow
def test_a_logged_query_is_training_data_at_the_next_fit(tmp_path: Path) -> None:
    """The vector of the query goes with the event that it led to."""
    settings = catalogs.config({"use_text": True}, epochs=1, valid_every=1)
    text = settings.text.model_copy(
        update={"cache_dir": str(tmp_path / "cache"), "precision": "fp32"}
    )
    model = Recommender(settings.model_copy(update={"text": text}))
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(catalogs.catalog(reviews=None, queries=None))
        model.fit(store)
        assert not model.state.engine.model.shape.event_texts
        model.log_query("u1", "something with clowns", "i4", 2_000_000_000, store=store)
        model.fit(store)
    engine = model.state.engine
    assert engine.model.shape.event_texts
    vector_rows = engine.texts.of_events(engine.snapshot)
    seen = engine.snapshot.interactions
    assert seen.timestamp[vector_rows >= 0].tolist() == [2_000_000_000]
    vector = engine.texts.events[vector_rows[vector_rows >= 0][0]]
    again = model.state.reader.encode_query("something with clowns")
    assert float(vector @ again) == pytest.approx(1.0, abs=1e-3)
