"""Which columns make a document, for catalogs of different kinds."""

import pandas as pd

from kgrec.text import TextColumns, item_documents, text_columns

FILMS = pd.DataFrame(
    {
        "title": ["Jumanji", "Heat", "Babe!", None],
        "year": [1995, 1995, 1995, 1996],
        "genres": ["Adventure|Family", "Crime", "Family", "Crime|Adventure"],
        "plot": ["Two children find a game.", None, "<p>A pig</p>", ""],
        "poster": [f"https://example.org/{number}.jpg" for number in range(4)],
        "code": ["tt0001", "tt0002", "tt0003", "tt0004"],
    }
)


def test_films():
    assert text_columns(FILMS) == TextColumns("title", ("genres",), ("plot",))
    assert item_documents(FILMS) == [
        "Jumanji. genres: Adventure, Family. Two children find a game.",
        "Heat. genres: Crime.",
        "Babe! genres: Family. A pig.",
        "genres: Crime, Adventure.",
    ]


def test_a_column_with_long_texts_counts_whatever_its_name():
    shop = pd.DataFrame({"name": ["Mug", "Lamp"], "blurb": ["A" + " very good thing" * 5] * 2})
    assert text_columns(shop) == TextColumns("name", (), ("blurb",))


def test_links_are_left_out_however_long():
    links = pd.DataFrame({"picture": ["https://example.org/" + "x" * 60] * 5})
    assert not text_columns(links)
    assert item_documents(links) == [""] * 5


def test_no_text_at_all():
    assert item_documents(pd.DataFrame({"price": [1.0, 2.0]})) == ["", ""]
    assert item_documents(pd.DataFrame(index=range(2))) == ["", ""]
    assert item_documents(pd.DataFrame({"title": []})) == []
