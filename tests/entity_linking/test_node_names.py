import pytest

from kgrec.entity_linking.nodes.names import Grade, qualifiers_of, readings_of, year_in


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shining, The (1980)", "The Shining"),
        ("Postino, Il", "il postino"),
        ("Avventura, L'", "L’Avventura"),
        ("Lord of the Rings, The: The Two Towers", "The Lord of the Rings - The Two Towers"),
        ("Amélie", "Amelie"),
        ("Kieślowski's Øre & Łódź", "Kieslowskis Ore and Lodz"),
        ("Rocky II", "Rocky 2"),
        ("Henry XIV", "Henry 14"),
        ("Heat_(1995_film)", "Heat film"),
        ("Cabinet of Dr. Caligari", "Cabinet of Dr Caligari"),
        ("$", "$ "),
        ("千と千尋の神隠し", "千と千尋の神隠し"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    first, second = readings_of(one).keys, readings_of(other).keys
    assert next(iter(first)) == next(iter(second))


@pytest.mark.parametrize(
    ("one", "other", "grade"),
    [
        ("Evil Dead II (Dead By Dawn)", "Evil Dead 2", Grade.PLAIN),
        ("Seven (a.k.a. Se7en) (1995)", "Se7en", Grade.OTHER),
        ("Heat, also known as Hitze", "Hitze", Grade.OTHER),
        ("Visitors, The (Visiteurs, Les)", "Les Visiteurs", Grade.OTHER),
        ("The Usual Suspects", "Usual Suspects", Grade.ARTICLE),
        ("Hitchcock, Alfred", "Alfred Hitchcock", Grade.TURNED),
        ("Birdman: Or Something Else", "Birdman", Grade.SHORT),
    ],
)
def test_a_name_in_part_is_a_reading_of_a_higher_grade(one: str, other: str, grade: Grade) -> None:
    key = next(iter(readings_of(other).keys))
    assert readings_of(one).keys[key] == grade


@pytest.mark.parametrize(
    ("name", "year"),
    [
        ("Heat (1995)", 1995),
        ("Heat (1995 film)", 1995),
        ("Heat (film, 1995)", 1995),
        ("(500) Days of Summer", None),
        ("(1984) by Orwell", None),
        ("Blade Runner 2049", None),
    ],
)
def test_a_year_is_read_in_parentheses_alone(name: str, year: int | None) -> None:
    assert readings_of(name).year == year


def test_what_several_names_have_in_parentheses_is_no_name() -> None:
    names = ["Heat (1995 film)", "Alien (film)", "Seven (Se7en)"]
    found = qualifiers_of(names)
    assert found == {"film"}
    assert "film" in readings_of(names[1]).keys
    assert "film" not in readings_of(names[1], (), found).keys
    assert readings_of("Alien", ["Alien, le"], found).keys["le alien"] == Grade.OTHER


def test_years_of_dates() -> None:
    assert [year_in(text) for text in ("1980-05-23", "May 1980", "1980.0", "19801", "")] == [
        1980, 1980, 1980, None, None,
    ]  # fmt: skip
