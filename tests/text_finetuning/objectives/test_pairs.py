"""Pairs: who is paired with what, and that nobody is paired with their own words."""

import numpy as np
import pytest

from kgrec.text_finetuning import TextCorpus, UserTexts
from kgrec.text_finetuning.corpus import held_out_items
from kgrec.text_finetuning.objectives.pairs import (
    PairSource,
    document_of,
    draw_pairs,
    pair_sources,
    reviews_by_others,
)
from tests.text_finetuning.conftest import small

NOBODY = np.array([-1])


def corpus(documents, reviews=(), queries=(), events=()):
    def written(rows):
        text, user, item = zip(*rows, strict=True) if rows else ((), (), ())
        return UserTexts(list(text), np.array(user, dtype=int), np.array(item, dtype=int))

    users, items = zip(*events, strict=True) if events else ((), ())
    return TextCorpus(
        documents, written(reviews), written(queries), np.array(users, int), np.array(items, int)
    )


def test_a_query_is_paired_with_the_clicked_item_and_one_without_a_click_is_not():
    given = corpus(["A guitar", ""], queries=[("loud", 0, 0), ("lost", 0, -1), ("none", 1, 1)])
    found = pair_sources(given, small(pairs=("query",)))
    assert found == [PairSource("loud", 0, 0)]  # item 1 has no text to be paired with
    assert document_of(given, found[0]) == "A guitar"


def test_a_review_is_paired_with_the_document_or_what_others_wrote():
    given = corpus(
        ["", "Strings"],
        reviews=[("mine", 0, 0), ("yours", 1, 0), ("ours", 0, 0), ("alone", 0, 1)],
    )
    found = pair_sources(given, small(pairs=("review",)))
    result = {entry.anchor: list(reviews_by_others(given, entry)) for entry in found}
    assert result == {"mine": ["yours"], "yours": ["mine", "ours"], "ours": ["yours"], "alone": []}
    assert [document_of(given, entry) for entry in found] == ["", "", "", "Strings"]


def test_a_history_tells_of_what_came_before_the_next_item_and_of_nothing_later():
    given = corpus(
        ["doc a", "doc b", "doc c", "doc d"],
        reviews=[("loved b", 0, 1)],
        events=[(0, 0), (0, 1), (0, 2), (1, 3), (1, 0)],
    )
    found = pair_sources(given, small(pairs=("history",), history_events=2))
    assert [(entry.anchor, entry.item) for entry in found] == [
        ("doc a", 1),
        ("loved b doc a", 2),
        ("doc d", 0),
    ]


def test_an_item_that_comes_again_is_no_pair():
    given = corpus(["a", "b"], events=[(0, 0), (0, 0), (0, 1)])
    found = pair_sources(given, small(pairs=("history",)))
    assert [entry.item for entry in found] == [1]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_belongs_to_the_item(seed):
    given = corpus(
        ["document", ""],
        reviews=[("a", 0, 0), ("b", 1, 0), ("c", 2, 0), ("d", 0, 1), ("e", 1, 1)],
    )
    found = pair_sources(given, small(pairs=("review",)))
    drawn = draw_pairs(given, found * 40, np.random.default_rng(seed))
    seen = {}
    for anchor, other in zip(drawn.anchors, drawn.others, strict=True):
        seen.setdefault(anchor, []).append(other)
    assert set(seen["a"]) == {"document", "b", "c"}
    assert 8 < seen["a"].count("document") < 32  # half of the time
    assert set(seen["d"]) == {"e"}


def test_items_are_held_out_by_share_and_never_none():
    items = np.array([-1, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    held = held_out_items(items, 0.2, np.random.default_rng(0))
    assert len(held) == 2
    assert set(held) <= set(items) - {-1}
    assert len(held_out_items(np.array([-1, 4, 4]), 0.2, np.random.default_rng(0))) == 0
