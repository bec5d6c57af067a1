"""Words for relationship types."""

from __future__ import annotations

import pytest

from kgrec.paths.relation_words import humanise


@pytest.mark.parametrize(
    ("relation", "words", "noun"),
    [
        ("film.director.film", "director", True),
        ("film.film.directed_by", "director", True),
        ("film.film_genre.films_in_this_genre", "genre", True),
        ("film.production_company.films", "production company", True),
        ("film.film.production_companies", "production company", True),
        ("film.film.award_won", "award won", True),
        ("film.film_subject.films", "subject", True),
        ("directed_by_director", "director", True),
        ("produced_by_prodcompany", "production company", True),
        ("belong_to_category", "category", True),
        ("related_to_wikipage", "related topic", True),
        ("wrote_by_writer", "writer", True),
        ("DIRECTED_BY", "director", True),
        ("directedBy", "director", True),
        ("HAS_GENRE", "genre", True),
        ("STARRING", "actor", True),
        ("ACTED_IN", "actor", True),
        ("MUSIC_BY", "composer", True),
        ("MUSIC", "music", True),
        ("FILMED_BY", "cinematographer", True),
        ("WRITTEN_BY", "writer", True),
        ("MADE_BY", "maker", True),
        ("MADE_IN", "country of origin", True),
        ("made in country", "country", True),
        ("MADE_OF", "material", True),
        ("FILMED_IN", "filming location", True),
        ("PUBLISHED_IN", "published in", False),
        ("SOLD_AT", "sold at", False),
        ("IN_CATEGORY", "category", True),
        ("IS_A", "kind", True),
        ("ALSO_BOUGHT", "also bought", False),
        ("bought_together", "bought together", False),
        ("FOLLOWS", "follows", False),
        ("LOCATED_IN", "located in", False),
        ("series", "series", True),
        ("映画", "映画", True),
        ("___", "___", False),
        ("`x`) DETACH DELETE (n", "`x`) detach delete (n", True),
    ],
)
def test_relations_become_words(relation: str, words: str, noun: bool) -> None:
    assert (humanise(relation).text, humanise(relation).noun) == (words, noun)
