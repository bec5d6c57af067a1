"""Words of texts as people who chose the items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec.graph import GraphSnapshot
from kgrec.training import fit_item_weights
from kgrec.training.data.item_words import WEIGHT, item_words
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    folder: Path = tmp_path_factory.mktemp("words")
    return catalogs.snapshot(folder, catalogs.catalog())


def saying(snapshot: GraphSnapshot, texts: dict[int, list[str]]) -> GraphSnapshot:
    """The snapshot with these reviews of these items as its only texts."""
    item = np.array([row for row, result in texts.items() for _ in result])
    text = np.array([one for result in texts.values() for one in result], dtype=object)
    reviews = snapshot.reviews.select(np.arange(len(item)))
    items = replace(snapshot.items, attributes=snapshot.items.attributes.iloc[:, :0])
    return replace(snapshot, items=items, reviews=replace(reviews, item=item, text=text))


def test_words_that_some_items_share_count_and_others_do_not(snapshot: GraphSnapshot) -> None:
    result = {item: ["It is good"] for item in range(10)}
    result[0].append("Fits my GUITAR, guitar!")
    result[1].append("a guitar strap")
    result[2].append("only drums")
    words = item_words(saying(snapshot, result)).toarray()
    assert words.shape == (1, len(snapshot.items)), "no word of one item, none of nearly all"
    assert np.flatnonzero(words[0]).tolist() == [0, 1]
    np.testing.assert_allclose(words[0, :2], np.sqrt(WEIGHT), rtol=1e-6)


def test_a_word_counts_by_how_often_and_how_rarely_it_stands(snapshot: GraphSnapshot) -> None:
    """Against the definition, one cell at a time; reviews of no item are not read."""
    result = {
        0: ["b a a", "a"],
        1: ["a b b"],
        2: ["a c"],
        3: ["c C", "b"],
        **{n: ["d"] for n in range(4, 14)},
    }
    given = saying(snapshot, result)
    words = item_words(given).toarray()
    counts = {"a": [3, 1, 1, 0], "b": [1, 2, 0, 1], "c": [0, 0, 1, 2]}
    raw = np.zeros((3, 4))
    for place, row in enumerate(counts.values()):
        rare = np.log(len(snapshot.items) / np.count_nonzero(row))
        raw[place] = [(1 + np.log(n)) * rare if n else 0 for n in row]
    expected = raw / np.linalg.norm(raw, axis=0) * np.sqrt(WEIGHT)
    np.testing.assert_allclose(words[:, :4], expected, rtol=1e-6)
    assert not words[:, 4:].any()
    reviews = given.reviews
    unknown = replace(reviews, item=np.where(np.arange(len(reviews)) == 0, -1, reviews.item))
    assert item_words(replace(given, reviews=unknown)).toarray()[1, 0] == 0


def test_markup_is_no_word(snapshot: GraphSnapshot) -> None:
    plain = {
        0: ["good bow", "it's fine"],
        1: ["a bow"],
        2: ["it's"],
        **{n: ["so"] for n in range(3, 9)},
    }
    marked = {**plain, 0: ["<p class='x'>good<br/>bow</p>", "it&#39;s fine"], 1: ["<br>a bow"]}
    one, other = (item_words(saying(snapshot, result)).toarray() for result in (plain, marked))
    np.testing.assert_array_equal(one, other)


def test_nobody_wrote_anything(snapshot: GraphSnapshot) -> None:
    assert item_words(saying(snapshot, {})).shape == (0, len(snapshot.items))


def test_titles_and_descriptions_are_read_beside_reviews(snapshot: GraphSnapshot) -> None:
    said = saying(snapshot, {0: ["violin"], **{n: ["a drum"] for n in range(5, 9)}})
    titles = [f"item {row}" for row in range(len(snapshot.items))]
    titles[3] = "Violin case"
    items = replace(said.items, attributes=pd.DataFrame({"title": titles}))
    words = item_words(replace(said, items=items)).toarray()
    shared = [row for row in words if row[0] and row[3]]
    assert len(shared) == 1
    assert np.flatnonzero(shared[0]).tolist() == [0, 3]


def test_items_of_like_words_speak_for_each_other(snapshot: GraphSnapshot) -> None:
    chosen = np.unique(snapshot.interactions.item)
    result = {int(item): ["dull"] for item in chosen[:8]}
    result |= {int(chosen[0]): ["violin bow"], int(chosen[-1]): ["violin bow"]}
    given = saying(snapshot, result)

    def weight(words: bool) -> float:
        cpu = torch.device("cpu")
        result = item_words(given) if words else None
        found = fit_item_weights(given, graph=False, words=result, decay=np.inf, device=cpu)[0]
        return float(found.matrix.toarray()[0, -1])

    assert weight(True) > weight(False) + 0.01
