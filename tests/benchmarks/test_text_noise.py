"""Typing errors and hostile reviews: each kind is what its name says, and equal for equal seeds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.texts.noise import ATTACKS, Attack, hostile, mistyped

TEXT = "The strings of this guitar broke within a week and nobody answered"


def test_typing_errors_are_single_letters() -> None:
    (found,) = mistyped([TEXT], 1.0, np.random.default_rng(0))
    pairs = list(zip(TEXT.split(), found.split(), strict=True))
    assert all(abs(len(a) - len(b)) <= 1 for a, b in pairs)
    assert all(a == b for a, b in pairs if len(a) < 3)
    assert sum(a != b for a, b in pairs) >= 6  # "ee" swapped is "ee"


def test_the_share_and_the_seed_decide() -> None:
    texts = [TEXT] * 200
    words = sum(len(word) >= 3 for word in TEXT.split()) * 200
    one, two = (mistyped(texts, 0.2, np.random.default_rng(1)) for _ in range(2))
    assert one == two
    wrong = sum(a != b for text in one for a, b in zip(TEXT.split(), text.split(), strict=True))
    assert 0.15 < wrong / words < 0.23
    assert mistyped(texts, 0.0, np.random.default_rng(1)) == texts


@pytest.mark.parametrize("kind", ATTACKS)
def test_hostile_reviews(kind: Attack) -> None:
    known = [TEXT, "A fine capo, holds its tune"]
    one, two = (hostile(kind, 5, known, np.random.default_rng(2)) for _ in range(2))
    assert one == two
    assert len(one) == 5
    assert all(one)
    if kind == "copy":
        assert set(one) <= set(known)
    if kind == "spam":
        assert len(set(one)) == 1
    if kind == "stuffing":
        assert set(one[0].split()) <= {word.lower() for text in known for word in text.split()}
