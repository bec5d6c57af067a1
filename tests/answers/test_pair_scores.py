"""Scores of given pairs: those of the lists, whatever other pairs are asked about."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.scoring import ranked_lists

ENDS = ["user_id", "item_id"]
USERS, ITEMS = [f"u{n}" for n in range(60)], [f"i{n}" for n in range(40)]


def _all_lists(model: Recommender, **keywords: Any) -> pd.DataFrame:
    return model.recommend(USERS, k=40, exclude_seen=False, **keywords)


@pytest.mark.parametrize("scenario", [None, "web", "auto", "mixture"])
def test_scores_are_those_of_recommend(fitted: Recommender, scenario: str | None) -> None:
    lists = _all_lists(fitted, scenario=scenario)
    pairs = lists[["user_id", "item_id"]].sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        fitted.score(pairs, scenario=scenario).sort_index(), lists[["user_id", "item_id", "score"]]
    )


def test_one_user_is_scored_as_alone(fitted: Recommender) -> None:
    alone = fitted.recommend("u7", k=20)
    pairs = list(zip(alone["user_id"], alone["item_id"], strict=True))
    assert fitted.score(pairs)["score"].tolist() == alone["score"].tolist()


def test_other_pairs_and_blocks_change_no_score(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = _all_lists(fitted)[["user_id", "item_id"]]
    whole = fitted.score(pairs)
    few = pairs[pairs["user_id"].isin(["u3", "u11", "u59"])]
    assert fitted.score(few)["score"].equals(whole["score"].loc[few.index])
    monkeypatch.setattr(ranked_lists, "_BATCH", 7)
    assert fitted.score(pairs).equals(whole)
    assert _all_lists(fitted)["score"].equals(whole["score"])


def test_given_histories_and_stored_ones_in_one_call(fitted: Recommender) -> None:
    given = {"u1": ["i0", "i4"], "stranger": ["i2"]}
    pairs = [("u1", "i9"), ("u2", "i9"), ("stranger", "i9"), ("u1", "i8")]
    scores = fitted.score(pairs, histories=given, context={"gender": "F"})["score"]
    typed = fitted.recommend(histories=given, k=40, exclude_seen=False, context={"gender": "F"})
    typed = typed.set_index(["user_id", "item_id"])["score"]
    stored = fitted.recommend("u2", k=40, exclude_seen=False, context={"gender": "F"})
    stored = stored.set_index("item_id")["score"]
    wanted = [typed["u1", "i9"], stored["i9"], typed["stranger", "i9"], typed["u1", "i8"]]
    assert scores.tolist() == wanted


def test_a_column_names_the_scenario_of_each_pair(fitted: Recommender) -> None:
    pairs = pd.DataFrame({"user_id": ["u0", "u0", "u0"], "item_id": "i3", "note": ["a", "b", "c"]})
    pairs["scenario"] = ["web", None, "app"]
    found = fitted.score(pairs.set_index(pd.Index([5, 5, 9])))
    assert found.index.tolist() == [5, 5, 9]
    assert found["note"].tolist() == ["a", "b", "c"]
    alone = [
        fitted.score([("u0", "i3")], scenario=name)["score"].iloc[0]
        for name in ("web", None, "app")
    ]
    assert found["score"].tolist() == alone


def test_no_pairs_have_no_scores(fitted: Recommender) -> None:
    for none in ([], pd.DataFrame({"user_id": [], "item_id": []})):
        found = fitted.score(none)
        assert len(found) == 0
        assert found["score"].dtype == np.float32


@pytest.mark.parametrize(
    ("pairs", "keywords", "message"),
    [
        ([("x", "i1"), ("y", "q"), ("u0", "r")], {}, "users 'x', 'y'; items 'q', 'r'"),
        ([("u0", "i1", "i2")], {}, "pair 0 is"),
        ([("u0", None)], {}, "pair 0 has no item_id"),
        ([("u0", pd.NA)], {}, "pair 0 has no item_id"),
        ([(float("nan"), "i1")], {}, "pair 0 has no user_id"),
        (np.zeros((2, 2, 2)), {}, "pair 0 has no user_id"),
        (["u0"], {}, "pair 0 is"),
        ("u0", {}, "pairs are of type str"),
        ({"u0": "i1"}, {}, "pairs are of type dict"),
        (5, {}, "pairs are of type int"),
        (np.array("u0"), {}, "pairs are of type ndarray"),
        ([("u0", "i1")], {"scenario": "moon"}, "'moon'"),
        ([("u0", "i1")], {"horizon": "soon"}, "'soon'"),
        ([("u0", "i1")], {"histories": [["i1"]]}, "by user|mapping"),
        (pd.DataFrame({"user_id": ["u0"]}), {}, "no column 'item_id'"),
        (pd.DataFrame([["u0", "i1", "i1"]], columns=["user_id", *2 * ["item_id"]]), {}, "once"),
        (
            pd.DataFrame([["u0", "i1", "\ud800"]], columns=[*ENDS, "scenario"], dtype=object),
            {},
            "ud800",
        ),
        ([("u0", "\ud800"), (10**30, "i1")], {}, "ud800"),
        (pd.DataFrame({"user_id": ["u0"], "item_id": ["i1"], "score": [1.0]}), {}, "overwrite"),
        (pd.DataFrame({"user_id": ["u0", None], "item_id": "i1"}), {}, "1 of 2 pairs have no user"),
        (
            pd.DataFrame({"user_id": ["u0"], "item_id": "i1", "scenario": "web"}),
            {"scenario": "app"},
            "use one",
        ),
    ],
)
def test_wrong_pairs_are_refused(
    fitted: Recommender, pairs: Any, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        fitted.score(pairs, **keywords)


def test_many_unknown_ids_are_counted(fitted: Recommender) -> None:
    with pytest.raises(RequestError, match="'x9' and 15 more"):
        fitted.score([(f"x{n}", "i1") for n in range(25)])
