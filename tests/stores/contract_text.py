"""What every graph store must find by words, in its full-text index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import QueryError
from kgrec.search.fulltext_index import FullTextIndex
from kgrec.stores import GraphStore, NodeRef
from tests.stores.contract_queries import sample

FILMS = pd.DataFrame(
    {
        "item_id": ["1", "2", "3", "4"],
        "title": ["Red River", "The River Wild", "Rio Bravo", "Tromsø by night"],
        "plot": [
            "A cattle drive ends in a mutiny, and in a duel.",
            "A family rafts down a river with two armed men.",
            "A sheriff holds a prisoner.",
            None,
        ],
        "year": [1948, 1994, 1959, 2001],
    }
)


def films(**more: pd.DataFrame) -> Catalog:
    return Catalog.from_frames(items=FILMS, **more)


def found(store: GraphStore, text: str, **asked: object) -> list[str]:
    return [hit.node.id for hit in store.search_text(text, **asked)]  # type: ignore[arg-type]


class TextContract:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("mutiny", ["1"]),
            ("RED", ["1"]),
            ("river", ["2", "1"]),  # in two properties, then in one
            ("armed prisoner bravo", ["3", "2"]),  # any word may match; more of them is better
            ("tromsø", ["4"]),
            ("nobody", []),
            ("riv", []),  # whole words
            ("1948", []),  # texts alone
        ],
    )
    def test_items_by_the_words_of_their_texts(
        self, store: GraphStore, text: str, expected: list[str]
    ) -> None:
        store.write(films())
        assert found(store, text) == expected

    def test_answers_are_ordered_and_cut(self, store: GraphStore) -> None:
        store.write(films())
        hits = store.search_text("a river in two")
        assert hits[0].node == NodeRef("Item", "2")
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] > 0
        assert store.search_text("a river in two", k=1) == hits[:1]

    @pytest.mark.parametrize(
        "text",
        [
            "river AND NOT wild OR (duel",
            'title:river "wild',
            "riv* ~2 ^5 [x TO z] {c river}",
            "river \\",
            "/river/ && || ! + -",
            "'river' RETURN 1 //",
            "river\x00\n\u200b",
            "?:" + " word" * 5_000,
        ],
    )
    def test_a_query_is_words_and_no_language(self, store: GraphStore, text: str) -> None:
        store.write(films())
        assert set(found(store, text)) == ({"1", "2"} if "river" in text else set())

    def test_what_is_written_later_is_found(self, store: GraphStore) -> None:
        store.write(films())
        assert found(store, "submarine") == []
        more = pd.DataFrame(
            {"item_id": ["3", "9"], "title": ["Rio Grande", "Boats"], "tags": ["", "submarine"]}
        )
        store.write(Catalog.from_frames(items=more))
        assert found(store, "submarine") == ["9"]
        assert found(store, "grande") == ["3"]
        assert found(store, "bravo") == []
        assert found(store, "mutiny") == ["1"]

    def test_other_labels(self, store: GraphStore) -> None:
        store.write(sample())
        assert found(store, "ann", label="Entity") == ["e1"]
        assert found(store, "person", label="Entity") == []  # by name alone
        for label in ("Review", "Query"):
            node = store.read_nodes(label).to_pylist()[0]
            assert node["id"] in found(store, node["text"], label=label)
        with pytest.raises(QueryError, match="nodes 'User' have no full-text index"):
            store.search_text("ann", label="User")

    def test_nothing_to_search(self, store: GraphStore) -> None:
        assert store.search_text("river") == []
        store.write(
            Catalog.from_frames(interactions=pd.DataFrame({"user_id": ["u"], "item_id": "i"}))
        )
        assert store.search_text("river") == []
        assert store.search_text("river", label="Entity") == []

    @pytest.mark.parametrize("text", ["", "  ", "?!", '"\\', "\x00"])
    def test_a_text_without_words_is_refused(self, store: GraphStore, text: str) -> None:
        with pytest.raises(QueryError, match="holds no words"):
            store.search_text(text)

    def test_wrongly_decoded_letters_are_left_out(self, store: GraphStore) -> None:
        store.write(films())
        assert found(store, "\ud800 river \udcff") == found(store, "river") != []
        with pytest.raises(QueryError, match="holds no words"):
            store.search_text("\udcff")

    def test_k_is_at_least_one(self, store: GraphStore) -> None:
        with pytest.raises(QueryError, match="k is 0"):
            store.search_text("river", k=0)

    def test_the_index_in_memory_gives_the_same_answers(self, store: GraphStore) -> None:
        """What ``Recommender.search`` asks without a store: scores agree up to one factor."""
        rng = np.random.default_rng(0)
        words = np.array([f"word{n}" for n in range(40)])
        titles = [" ".join(rng.choice(words, rng.integers(1, 5))) for _ in range(60)]
        plots = [" ".join(rng.choice(words, rng.integers(5, 30))) for _ in range(60)]
        ids = [f"{n:02}" for n in range(60)]
        store.write(
            Catalog.from_frames(
                items=pd.DataFrame({"item_id": ids, "title": titles, "plot": plots})
            )
        )
        index = FullTextIndex.build([titles, plots])
        factors = []
        for query in ("word3", "word1 word2", "word5 word9 word11 word30 word7"):
            hits = store.search_text(query, k=60)
            mine, _ = index.scores(query)
            assert {hit.node.id for hit in hits} == {ids[row] for row in np.flatnonzero(mine > 0)}
            factors += [hit.score / mine[ids.index(hit.node.id)] for hit in hits]
        assert max(factors) == pytest.approx(min(factors), rel=1e-4)
