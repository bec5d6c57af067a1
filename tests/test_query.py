"""Queries: errors that name the cure, and the horizons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kgrec import Recommender, RecommenderConfig
from kgrec.errors import KgrecError, NotFittedError, RequestError
from tests.recommender import catalogs

Ask = Callable[[Recommender], object]
WRONG: dict[str, tuple[Ask, str]] = {
    "k of zero": (lambda r: r.recommend("u1", k=0), "k is 0; ask for at least one"),
    "negative k": (lambda r: r.recommend("u1", k=-3), "k is -3"),
    "k that is no number": (lambda r: r.recommend("u1", k="5"), "k is '5'"),  # type: ignore[arg-type]
    "half an item": (lambda r: r.recommend("u1", k=2.5), "k is 2.5"),  # type: ignore[arg-type]
    "k of a truth": (lambda r: r.recommend("u1", k=True), "k is True"),
    "a number for users": (lambda r: r.recommend(5), "user '5' is not in the graph"),  # type: ignore[arg-type]
    "half a number for users": (lambda r: r.recommend(5.5), "5.5 is not an id"),  # type: ignore[arg-type]
    "bytes for users": (lambda r: r.recommend(b"u1"), "users must be an id or a list"),  # type: ignore[arg-type]
    "an absent user": (lambda r: r.recommend(["u1", None]), "users: None is not an id"),  # type: ignore[list-item]
    "two unknown users": (
        lambda r: r.recommend(["zoe", "u1", "yan", "zoe"]),
        r"users 'zoe', 'yan' are not in the graph.*missing='ignore'",
    ),
    "no history at all": (
        lambda r: r.recommend(histories={"x": None}),  # type: ignore[dict-item]
        "a history must be an id or a list of ids, not None",
    ),
    "nobody": (lambda r: r.recommend(), "nobody to recommend to; pass users or histories"),
    "unknown user": (
        lambda r: r.recommend(["u1", "zoe"]),
        r"user 'zoe' is not in the graph; give a history.*empty one.*update\(\)",
    ),
    "unknown item in a history": (
        lambda r: r.recommend(histories={"x": ["i1", "i99"]}),
        r"item 'i99' is not in the graph; add it with update\(\)",
    ),
    "a string for a history": (lambda r: r.recommend(histories=["i1"]), "not one string"),
    "too few histories": (
        lambda r: r.recommend(["u1", "u2"], histories=[["i1"]]),
        "2 users but 1 histories",
    ),
    "users named twice": (
        lambda r: r.recommend("u1", histories={"u1": ["i1"]}),
        "pass users or histories",
    ),
    "unknown scenario": (
        lambda r: r.recommend("u1", scenario="fax"),
        "unknown scenario 'fax'; the model knows 'app', 'web'",
    ),
    "no candidates": (lambda r: r.recommend("u1", candidates=[]), "candidates is an empty list"),
    "unknown candidate": (lambda r: r.recommend("u1", candidates=["i99"]), "item 'i99'"),
    "unknown column": (
        lambda r: r.recommend("u1", where={"colour": "red"}),
        "no column 'colour'; they have: item_id, genres, title, year",
    ),
    "nothing left": (
        lambda r: r.recommend("u1", where={"year": (3000, None)}),
        "no item is left to recommend",
    ),
    "unknown context": (
        lambda r: r.recommend(histories={"x": []}, context={"shoe_size": 43}),
        r"context 'shoe_size' is no user attribute; use \['age', 'gender'\]",
    ),
    "context of the wrong kind": (
        lambda r: r.recommend(histories={"x": []}, context={"age": "young"}),
        "'young'.*give numbers",
    ),
    "similar to what?": (lambda r: r.similar("i99"), "item 'i99' is not in the graph"),
    "similar, k of zero": (lambda r: r.similar("i1", k=0), "k is 0"),
    "explain, unknown user": (lambda r: r.explain("zoe", "i1"), "user 'zoe'"),
    "explain, unknown item": (lambda r: r.explain("u1", "i99"), "item 'i99'"),
    "explain, k of zero": (lambda r: r.explain("u1", "i1", k=0), "k is 0"),
    "groups by nothing": (
        lambda r: r.evaluate(by="height"),
        "no attribute 'height'; they have: age, gender",
    ),
    "unknown split": (
        lambda r: r.evaluate(split="dev"),  # type: ignore[arg-type]
        "unknown split 'dev'; choose one of 'test', 'valid'",
    ),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_request_says_what_would_help(fitted: Recommender, name: str) -> None:
    wrong, message = WRONG[name]
    with pytest.raises(RequestError, match=message):
        wrong(fitted)


def test_request_errors_are_value_errors_of_ours(fitted: Recommender) -> None:
    with pytest.raises(ValueError, match="k is 0") as caught:
        fitted.recommend("u1", k=0)
    assert isinstance(caught.value, KgrecError)


def test_a_wrong_request_changes_nothing(fitted: Recommender) -> None:
    before = fitted.recommend("u1", k=5)
    for wrong, _ in WRONG.values():
        with pytest.raises(RequestError):
            wrong(fitted)
    assert fitted.recommend("u1", k=5).equals(before)


@pytest.mark.parametrize("users", [[], ()])
def test_nobody_in_a_list_gets_an_empty_frame(fitted: Recommender, users: list[str]) -> None:
    frame = fitted.recommend(users)
    assert list(frame.columns) == ["user_id", "item_id", "score", "rank"]
    assert len(frame) == 0


def test_whole_numbers_of_numpy_will_do_for_k(fitted: Recommender) -> None:
    assert len(fitted.recommend("u1", k=np.int32(3))) == 3  # type: ignore[arg-type]


def test_what_is_not_fitted_says_so() -> None:
    for ask in (lambda r: r.recommend("u1"), lambda r: r.evaluate(), lambda r: r.save("x")):
        with pytest.raises(
            NotFittedError, match=r"not fitted; call fit\(\) or Recommender.load\(\)"
        ):
            ask(Recommender())


def test_fit_refuses_what_is_no_graph() -> None:
    with pytest.raises(RequestError, match="takes a GraphStore, a Catalog or the folder"):
        Recommender().fit({})  # type: ignore[arg-type]


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError, match=r"device 'abacus' can't be used.*try 'cpu'"):
        Recommender(catalogs.config()).fit(catalogs.catalog(), device="abacus")


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="epoch"):
        RecommenderConfig.model_validate({"training": {"epoch": 3}})


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
    with pytest.raises(RequestError, match="choose one of 'next', 'later'"):
        fitted.recommend("u1", horizon="soon")  # type: ignore[arg-type]
