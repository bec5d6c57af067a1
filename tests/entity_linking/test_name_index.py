import pytest

from kgrec.entity_linking.name_index import NameIndex
from kgrec.entity_linking.words import key_of, read_words, unqualified


def found(names: list[str], text: str) -> list[str]:
    return [key for _, _, key in NameIndex.build(names).find(read_words(text).folded)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Agnès Varda", "by AGNES VARDA."),
        ("Agnès Varda", "by Agne\u0300s Varda"),
        ("O'Brien & Sons", "an o’brien, sons story"),
        ("What? (.*) [a-z]+", "so what a z then"),
        ('The "Doors"', "about the doors"),
        ("Straße", "an der STRASSE"),
        ("Mercury (planet)", "to Mercury and back"),
        ("$9.99", "it costs 9 99"),
    ],
)
def test_names_are_found_whatever_their_case_accents_and_marks(name: str, text: str) -> None:
    assert found([name], text) != []


def test_the_longest_name_wins_and_words_are_whole() -> None:
    names = ["New York", "New York City", "City", "Ann"]
    assert found(names, "New York City, then new york; Annie and the cities") == [
        "new york city",
        "new york",
    ]


def test_names_without_words_are_found_nowhere() -> None:
    assert found(["", "???", "()"], "??? what () now") == []


def test_places_are_characters_of_the_text() -> None:
    text = "Où est Zoë Kravitz?"
    words = read_words(text)
    start, stop, _ = next(NameIndex.build(["Zoe Kravitz"]).find(words.folded))
    assert text[words.start[start] : words.end[stop - 1]] == "Zoë Kravitz"


def test_last_words_stand_for_one_entity_only() -> None:
    index = NameIndex.build(["Alfred Hitchcock", "Jane Campion", "Jane Austen", "Emma Austen"])
    assert index.last_names == {"hitchcock": 0, "campion": 1}


def test_phrases_inside_longer_ones() -> None:
    index = NameIndex.build(["Paris", "Films set in Paris"])
    assert set(index.inside(key_of("Films set in Paris").split())) == {
        "paris",
        "films set in paris",
    }


def test_a_qualifier_alone_is_kept() -> None:
    assert unqualified("(untitled)") == "(untitled)"
    assert unqualified("Seven (1995 film)") == "Seven"
