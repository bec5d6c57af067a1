"""What comes next and what comes later are told apart, everywhere alike."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.errors import RequestError


def test_the_horizons_differ_alone_and_together(fitted: Recommender) -> None:
    users = ["u1", "u2", "u3"]
    together = fitted.rank(users, horizon="later")
    assert not np.allclose(together.scores, fitted.rank(users).scores)
    for row, user in enumerate(users):
        alone = fitted.rank(user, horizon="later")
        assert alone.ids[0].tolist() == together.ids[row].tolist()
        np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-5)


def test_typed_histories_have_horizons_too(fitted: Recommender) -> None:
    typed = {"histories": [["i1", "i5", "i9"]]}
    assert not np.allclose(
        fitted.rank(**typed).scores, fitted.rank(**typed, horizon="later").scores
    )


def test_an_explanation_is_of_the_score_asked_for(fitted: Recommender) -> None:
    best = fitted.recommend("u1", k=1, horizon="later").iloc[0]
    explanation = fitted.explain("u1", best["item_id"], horizon="later")
    assert explanation.score == pytest.approx(best["score"], abs=1e-4)


def test_an_unknown_horizon_is_refused(fitted: Recommender) -> None:
    with pytest.raises(RequestError, match="'next' or 'later'"):
        fitted.recommend("u1", horizon="soon")  # type: ignore[arg-type]
