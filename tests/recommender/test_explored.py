"""recommend(explore=) and judge: known probabilities, the same draw again, honest estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError
from kgrec import Recommender
from kgrec.answers.explored_lists import ExploredLists
from kgrec.evaluation import FeedbackLog
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(catalogs.N_USERS)]
K = 5


def test_columns_and_what_is_shown(fitted: Recommender) -> None:
    plain = fitted.recommend(USERS, k=K)
    frame = fitted.recommend(USERS, k=K, explore=0.3, seed=1)
    assert list(frame.columns) == [*plain.columns, "probability", "list_id"]
    assert len(frame) == len(plain)
    assert not frame.duplicated(["user_id", "item_id"]).any()
    everything = fitted.recommend(USERS, k=catalogs.N_ITEMS)
    known = everything.set_index(["user_id", "item_id"])["score"]
    pairs = pd.MultiIndex.from_frame(frame[["user_id", "item_id"]])
    assert known[pairs].to_numpy() == pytest.approx(frame["score"].to_numpy())  # and none was seen
    changed = (frame["item_id"].to_numpy() != plain["item_id"].to_numpy()).mean()
    assert 0.15 < changed < 0.45
    kept = frame["item_id"].to_numpy() == plain["item_id"].to_numpy()
    assert frame["probability"][kept].mean() > 0.6 > 0.1 > frame["probability"][~kept].mean()


def test_the_same_seed_draws_the_same_places_whoever_else_is_asked_about(
    fitted: Recommender,
) -> None:
    together = fitted.recommend(USERS, k=K, explore=0.3, seed=7).set_index("user_id")
    for user in ("u3", "u40"):
        alone = fitted.recommend(user, k=K, explore=0.3, seed=7).set_index("user_id")
        for column in ("item_id", "probability", "list_id"):
            assert alone[column].tolist() == together.loc[user, column].tolist()
        again = fitted.recommend(user, k=K, explore=0.3, seed=alone["list_id"].iloc[0])
        assert again["item_id"].tolist() == alone["item_id"].tolist()
    other = fitted.recommend(USERS, k=K, explore=0.3, seed=8)
    assert other["item_id"].tolist() != together["item_id"].tolist()
    assert set(other["list_id"]).isdisjoint(together["list_id"])


def test_without_a_seed_every_request_has_lists_of_its_own(fitted: Recommender) -> None:
    one, two = (fitted.recommend("u1", k=K, explore=0.1)["list_id"].iloc[0] for _ in range(2))
    assert one != two


def test_rank_gives_the_same_as_arrays(fitted: Recommender) -> None:
    frame = fitted.recommend(USERS[:4], k=K, explore=0.2, seed=3)
    ranked = fitted.rank(USERS[:4], k=K, explore=0.2, seed=3)
    assert isinstance(ranked, ExploredLists)
    ids, scores = ranked
    assert ids.ravel().tolist() == frame["item_id"].tolist()
    assert scores.ravel().tolist() == frame["score"].tolist()
    assert ranked.probabilities.ravel().tolist() == frame["probability"].tolist()
    assert ranked.list_ids.tolist() == frame["list_id"].unique().tolist()


def test_exploring_nothing_changes_nothing(fitted: Recommender) -> None:
    plain, frame = fitted.recommend(USERS, k=K), fitted.recommend(USERS, k=K, explore=0.0)
    pd.testing.assert_frame_equal(frame[plain.columns], plain)
    assert (frame["probability"] == 1).all()


def test_limits_hold_in_explored_lists(fitted: Recommender) -> None:
    chosen = ["i3", "i7", "i11", "i12"]
    for seed in range(5):
        frame = fitted.recommend("u1", k=2, candidates=chosen, explore=0.5, seed=seed)
        assert set(frame["item_id"]) <= set(chosen)
    few = fitted.recommend("u1", k=9, candidates=chosen, exclude_seen=False, explore=0.4, seed=0)
    assert sorted(few["item_id"]) == sorted(chosen)  # shorter than k


def test_probabilities_are_how_often_an_item_is_shown(fitted: Recommender) -> None:
    users, draws = "u1", 1500
    place = {}
    shown: dict[str, int] = {}
    for seed in range(draws):
        ranked = fitted.rank(users, k=2, explore=0.4, seed=seed)
        first = str(ranked.ids[0, 0])
        place[first] = ranked.probabilities[0, 0]
        shown[first] = shown.get(first, 0) + 1
    assert sum(place.values()) > 0.97  # nearly all items that can be first were
    for item, probability in place.items():
        spread = np.sqrt(probability * (1 - probability) / draws)
        assert abs(shown[item] / draws - probability) < 5 * spread


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"explore": 2}, "explore is 2; give the share"),
        ({"explore": 0.1, "k": 2000}, "at most 1000 places"),
        ({"explore": 0.1, "seed": "x"}, "seed is 'x'; give a whole number, or a list id"),
        ({"explore": 0.1, "seed": -1}, "seed is -1"),
        ({"seed": 3}, "seed is given without explore"),
    ],
)
def test_wrong_arguments_are_refused(
    fitted: Recommender, asked: dict[str, object], message: str
) -> None:
    for method in (fitted.recommend, fitted.rank):
        with pytest.raises(RequestError, match=message):
            method("u1", **asked)  # type: ignore[operator]


def taste(user: str, item: str) -> bool:
    return int(user[1:]) % catalogs.TASTES == int(item[1:]) % catalogs.TASTES


def reward_of(frame: pd.DataFrame) -> np.ndarray:
    """The true reward of each row: higher for the user's taste, less at later places."""
    liked = [taste(u, i) for u, i in zip(frame["user_id"], frame["item_id"], strict=True)]
    return np.where(liked, 0.8, 0.2) / np.sqrt(frame["rank"].to_numpy())


@pytest.fixture(scope="module")
def log(fitted: Recommender) -> FeedbackLog:
    """Lists with half of the places explored; a place is rewarded or not."""
    lists = pd.concat([fitted.recommend(USERS, k=K, explore=0.5, seed=seed) for seed in range(40)])
    rng = np.random.default_rng(0)
    rewards = lists[rng.random(len(lists)) < reward_of(lists)].assign(reward=1)
    return FeedbackLog.of_lists(lists, rewards)


def test_estimates_contain_the_true_reward_of_the_new_lists(
    fitted: Recommender, log: FeedbackLog
) -> None:
    report = fitted.judge(log)
    truth = float(reward_of(fitted.recommend(USERS, k=K)).mean())
    logged = report.logged.mean
    for name in ("snips", "dr"):
        value = report.values[name]
        assert value.low < truth < value.high, (name, truth, value)
        assert value.mean > logged  # these lists are better, and the log says so
        assert report.gains[name].low > 0
    assert report.places == len(log)
    assert report.k == K
    assert report.effective_size >= 100
    assert report.coverage.mean <= report.coverage.high
    assert f"effective size {report.effective_size:,.0f}" in str(report)
    assert report.to_dict()["values"]["snips"]["mean"] == report.values["snips"].mean


def test_a_model_gets_the_same_report_from_a_log_in_any_order(
    fitted: Recommender, log: FeedbackLog
) -> None:
    frame = log.frame().sample(frac=1.0, random_state=0)
    other = fitted.judge(frame)
    assert other.values["dr"].mean == pytest.approx(fitted.judge(log).values["dr"].mean)


def test_too_small_a_log_is_refused(fitted: Recommender, log: FeedbackLog) -> None:
    few = log.frame()[log.frame()["list_id"].isin(log.frame()["list_id"].unique()[:20])]
    with pytest.raises(RequestError, match=r"effective size for this model is \d+ of .*below 100"):
        fitted.judge(few)


def test_probabilities_that_cannot_be_true_are_refused(
    fitted: Recommender, log: FeedbackLog
) -> None:
    frame = log.frame()
    wrong = frame.assign(probability=frame["probability"] / 20)
    with pytest.raises(RequestError, match="probabilities of the log don't sum to 1"):
        fitted.judge(wrong)


def test_a_model_that_has_learned_from_the_log_is_refused(fitted: Recommender) -> None:
    lists = fitted.recommend(USERS, k=K, exclude_seen=False, explore=0.4, seed=0)
    with pytest.raises(RequestError, match="has learned from the log"):
        fitted.judge(FeedbackLog.of_lists(lists))


def test_unknown_users_are_refused_or_left_out(fitted: Recommender, log: FeedbackLog) -> None:
    frame = log.frame()
    stranger = frame[:1].assign(user_id="nobody", list_id="x")
    with pytest.raises(RequestError, match="nobody"):
        fitted.judge(pd.concat([frame, stranger]))
    left = fitted.judge(pd.concat([frame, stranger]), missing="ignore")
    assert left.places == len(log)
    with pytest.raises(RequestError, match="no user of the log is in the model's graph"):
        fitted.judge(stranger, missing="ignore")


def test_items_that_the_model_does_not_know_never_match(
    fitted: Recommender, log: FeedbackLog
) -> None:
    frame = log.frame()
    renamed = frame.assign(item_id=frame["item_id"].replace("i1", "gone"))
    assert fitted.judge(renamed).matched <= fitted.judge(log).matched
