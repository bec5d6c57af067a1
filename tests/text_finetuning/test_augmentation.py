"""Augmentation is pure, seeded, and leaves something to read."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgrec.text_finetuning.augmentation import delete_words, mask_spans, substitute_words

TEXTS = ["the quick brown fox jumps over the lazy dog near the old river", "one", "", "two words"]
words = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=12).map(" ".join)


def shouts(texts):
    return [["LOUD"] * text.split().count("[MASK]") for text in texts]


@given(st.lists(words, max_size=5), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_text_keeps_a_word_and_the_order(texts, share, seed):
    shorter = delete_words(texts, share, np.random.default_rng(seed))
    for text, left in zip(texts, shorter, strict=True):
        remaining = iter(text.split())
        assert all(word in remaining for word in left.split())
        assert bool(left) == bool(text)


@given(st.lists(words, max_size=5), st.floats(0.01, 0.99), st.integers(0, 5))
def test_masks_and_substitutes_keep_the_length(texts, share, seed):
    masked = mask_spans(texts, share, np.random.default_rng(seed), "[MASK]")
    changed = substitute_words(texts, share, np.random.default_rng(seed), "[MASK]", shouts)
    for text, hidden, other in zip(texts, masked, changed, strict=True):
        assert len(text.split()) == len(hidden.split()) == len(other.split())
        assert hidden.split().count("[MASK]") < max(1, len(text.split()))
        kept = zip(text.split(), other.split(), strict=True)
        assert all(new in (old, "LOUD") for old, new in kept)


def test_equal_seeds_change_equally_and_about_the_share():
    text = [" ".join(map(str, range(100)))] * 50
    one, two = (delete_words(text, 0.2, np.random.default_rng(7)) for _ in range(2))
    assert one == two
    assert one != delete_words(text, 0.2, np.random.default_rng(8))
    assert 78 < np.mean([len(each.split()) for each in one]) < 82
    masks = [t.split().count("M") for t in mask_spans(text, 0.2, np.random.default_rng(7), "M")]
    assert 15 < np.mean(masks) < 21  # runs may overlap


def test_masks_come_in_runs():
    text = [" ".join(map(str, range(200)))]
    hidden = mask_spans(text, 0.2, np.random.default_rng(1), "M")[0].split()
    pairs = sum(a == b == "M" for a, b in pairwise(hidden))
    assert pairs > 10


def test_a_word_stays_where_the_model_has_none():
    def silent(texts):
        return [[""] * text.count("[MASK]") for text in texts]

    assert substitute_words(TEXTS, 0.5, np.random.default_rng(0), "[MASK]", silent) == TEXTS
