"""Questions to new users, lists from answers, and what to label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Constraints, Questions, Recommender
from kgrec.config import FeedbackConfig
from kgrec.errors import RequestError
from kgrec.graph.source import read_source
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import NOISE, Prior
from kgrec.stores.base import NodeRef
from tests.recommender import catalogs

TASTES = catalogs.TASTES


@pytest.fixture(scope="module")
def asked() -> Questions:
    return Questions.of(catalogs.catalog())


@pytest.fixture(scope="module")
def empty() -> Questions:
    """A shop that nobody has bought anything from."""
    return Questions.of(catalogs.catalog(interactions=None, reviews=None, queries=None))


def taste(item: str) -> int:
    return int(item[1:]) % TASTES


def made_with(item: str) -> list[str]:
    """Other items by the maker of ``item``."""
    facts = catalogs.frames()["facts"]
    made = facts[facts["relation"] == "made_by"].set_index("head")["tail"]
    return [other for other in made.index[made == made[item]] if other != item]


def replies(items: list[str], liked: int) -> dict[str, str]:
    return {item: "yes" if taste(item) == liked else "no" for item in items}


def test_the_prior_is_the_covariance_of_the_choices() -> None:
    """Without a graph: the covariance of the choices by the best factors, and all its diagonal."""
    rng = np.random.default_rng(0)
    tastes = rng.integers(4, size=(400, 1)) == np.arange(40) % 4
    chosen = rng.random((400, 40)) < np.where(tastes, 0.6, 0.1)
    user, item = np.nonzero(chosen)
    events = pd.DataFrame({"user_id": user.astype(str), "item_id": item.astype(str)})
    snapshot = read_source(Catalog.from_frames(interactions=events))
    prior = Prior.of(snapshot, activity=0.0, factors=8)
    trust = 400 / (400 + 100.0)
    expected = trust * np.cov(chosen.T, bias=True)
    factors = prior.items.factors
    own = prior.items.noise - NOISE
    np.testing.assert_allclose((factors**2).sum(axis=1) + own, np.diag(expected), atol=0.003)
    values, vectors = np.linalg.eigh(expected)
    best = (vectors[:, -8:] * values[-8:]) @ vectors[:, -8:].T
    error = np.linalg.norm(factors @ factors.T - expected)
    assert error < 1.1 * np.linalg.norm(best - expected)
    np.testing.assert_allclose(prior.items.mean, chosen.mean(axis=0), atol=0.01)
    assert prior.counts.tolist() == chosen.sum(axis=0).tolist()


def test_the_belief_is_the_posterior_of_a_gaussian_process(asked: Questions) -> None:
    prior = asked.prior
    rows = np.array([2, 5, 11])
    said = np.array([1.0, 0.0, 1.0])
    none = np.empty(0, dtype=np.int64)
    belief = Belief.of(prior, Answers(rows, said, none, np.empty(0), none, none))
    covariance = prior.items.factors @ prior.items.factors.T
    inner = covariance[np.ix_(rows, rows)] + np.diag(prior.items.noise[rows])
    expected = prior.items.mean + covariance[:, rows] @ np.linalg.solve(
        inner, said - prior.items.mean[rows]
    )
    np.testing.assert_allclose(belief.scores, expected, atol=1e-6)


def test_answers_find_the_taste(asked: Questions) -> None:
    for liked in range(TASTES):
        answers: dict[str, str] = {}
        for _ in range(8):
            question = asked.ask(1, answers).iloc[0]
            answers |= replies([question["id"]], liked)
        best = asked.recommend(answers, 5)["item_id"]
        assert sum(taste(item) == liked for item in best) >= 4
        assert not set(best) & set(answers)


def test_a_shop_without_interactions_has_questions(empty: Questions) -> None:
    questions = empty.ask(3, about="both")
    assert len(questions) == 3
    assert (questions["gain"] > 0).all()
    assert questions["yes"].tolist() == [0.5] * 3
    best = empty.recommend({"i0": "yes"}, 5)["item_id"]
    assert sum(taste(item) in (0, 3) for item in best) >= 4  # these are comedies


def test_no_lowers_what_is_like_it_and_unknown_says_nothing(asked: Questions) -> None:
    everything = {"exclude_seen": False, "k": 40}

    def scores(answers: Any) -> pd.Series:
        frame = asked.recommend(answers, **everything)  # type: ignore[arg-type]
        return frame.set_index("item_id")["score"].sort_index()

    before, after = scores({}), scores({"i4": "no"})
    alike = [item for item in before.index if taste(item) == 0 and item != "i4"]
    assert (after[alike] < before[alike]).mean() > 0.8
    pd.testing.assert_series_equal(scores({"i4": "unknown"}), before)
    assert "i4" in asked.recommend({"i4": None}, 40)["item_id"].tolist()
    assert "i4" not in asked.ask(40, {"i4": None})["id"].tolist()


def test_the_order_and_the_form_of_answers_do_not_matter(asked: Questions) -> None:
    forms: list[Any] = [
        {"i1": "yes", "i2": "no", "e3": True, "i9": None},
        [("i9", "unknown"), ("e3", "Yes"), (("Item", "i2"), False), ("Item:i1", np.True_)],
        pd.Series({"i9": None, "i2": "no", "i1": "yes", "e3": True}),
        {NodeRef("Entity", "e3"): "yes", "i2": "no", "i1": True, "i9": "unknown"},
    ]
    lists = [asked.recommend(form, 40) for form in forms]
    for other in lists[1:]:
        pd.testing.assert_frame_equal(other, lists[0], check_exact=True)


def test_entities_are_asked_about_and_answered(asked: Questions) -> None:
    questions = asked.ask(4, about="entities")
    assert set(questions["label"]) == {"Entity"}
    assert questions["name"].isin(catalogs.MAKERS).all()
    snapshot = asked.snapshot
    made = snapshot.facts[[one.relation for one in snapshot.facts].index("made_by")]
    row = int(snapshot.entities.rows(["e1"])[0])
    items = set(snapshot.items.ids[made.head[made.tail == row]])
    before = asked.recommend({}, 40).set_index("item_id")["score"]
    after = asked.recommend({"e1": "yes"}, 40).set_index("item_id")["score"]
    assert (after - before)[list(items)].mean() > (after - before).mean()


@pytest.mark.parametrize("writer", ["en", "de"])
def test_contributions_of_answers_add_up(asked: Questions, writer: str) -> None:
    answers = {"i0": "yes", "i1": "no", "e0": "yes", "i7": "unknown"}
    item = asked.recommend(answers, 1)["item_id"][0]
    whole = asked.explain(answers, item, writer=writer)
    assert len(whole.paths) == 3
    assert whole.score == pytest.approx(float(asked.recommend(answers, 1)["score"][0]), abs=0)
    total = sum(path.contribution for path in whole.paths)
    assert whole.score - whole.baseline == pytest.approx(total + whole.rest)
    assert abs(whole.rest) < 1e-6
    part = asked.explain(answers, item, k=1)
    assert part.shown + part.not_shown + part.rest == pytest.approx(part.gain)
    assert (part.hidden, len(part.history)) == (2, 3)
    assert {node[0] for path in whole.paths for node in path.nodes} <= {"User", "Item", "Entity"}


def test_reasons_name_what_joins_the_two(empty: Questions) -> None:
    best = next(item for item in made_with("i0") if item != "i4")  # its sequel
    shown = str(empty.explain({"i0": "yes"}, best))
    assert "You said yes to “A jolly circus tale 0”" in shown
    assert "has the same maker" in shown
    against = empty.explain({"i0": "no"}, best).paths[0]
    assert against.contribution < 0
    assert "You said no to" in against.sentence
    assert "against" in against.sentence
    assert empty.explain({}, best).reasons


def test_conditions_limit_questions_and_targets(asked: Questions) -> None:
    limits = Constraints(where={"year": (1990, 1994)}, exclude=["i12"])
    assert set(asked.ask(9, constraints=limits)["id"]) == {"i10", "i11", "i13", "i14"}
    for targets in ({"genres": "Western"}, {"genres": "War"}):
        first = asked.ask(1, targets=targets)["gain"][0]
        assert first != asked.ask(1)["gain"][0]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"zoe": "yes"}, "'zoe' is no item and no entity"),
        ({"User:u1": "yes"}, "is no item and no entity"),
        ({("User", "u1"): "yes"}, "'User' is no label"),
        ({("Item", "e1"): "yes"}, "has no Item 'e1'"),
        ({"i1": "maybe"}, "give 'yes' .True., 'no' .False. or 'unknown'"),
        ({"i1": 1.0}, "the answer about 'i1' is 1.0"),
        ([("i1", "yes"), ("Item:i1", "no")], "both yes and no"),
        ([("i1",)], "pass a mapping such as"),
        ("i1", "answers is a str"),
        (7, "answers is a int"),
    ],
)
def test_answers_that_cannot_be_read_are_refused(
    asked: Questions, answers: Any, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        asked.ask(1, answers)


def test_an_id_of_both_labels_needs_its_label() -> None:
    items = pd.DataFrame({"item_id": ["1", "2"]})
    entities = pd.DataFrame({"entity_id": ["1"], "name": ["One"], "kind": ["person"]})
    both = Questions.of(Catalog.from_frames(items=items, entities=entities))
    with pytest.raises(RequestError, match="write 'Item:1' or 'Entity:1'"):
        both.recommend({"1": "yes"})
    assert both.recommend({"Item:1": "yes"})["item_id"].tolist() == ["2"]


def test_what_knows_nothing_has_no_question() -> None:
    bare = Questions.of(Catalog.from_frames(items=pd.DataFrame({"item_id": ["a", "b"]})))
    with pytest.raises(RequestError, match="no question is left"):
        bare.ask()
    assert bare.recommend({"a": "no"})["item_id"].tolist() == ["b"]
    with pytest.raises(RequestError, match="no scenarios"):
        bare.unsure("scenarios")


def test_unsure_names_those_of_whom_least_is_known() -> None:
    frames = catalogs.frames()
    events = frames["interactions"]
    few = events[(events["user_id"] != "u5") | (events.index % 5 == 0)]
    few = few[(few["scenario"] == "web") | (few["user_id"] < "u3")]
    unsure = Questions.of(catalogs.catalog(interactions=few, reviews=None, queries=None))
    users = unsure.unsure("users", 60)
    assert users["uncertainty"].is_monotonic_decreasing
    assert "u5" in users["id"].tolist()[:8]
    assert unsure.unsure("scenarios")["id"].tolist() == ["app", "web"]
    items = unsure.unsure("items", 40).set_index("id")
    prior, row = unsure.prior, int(unsure.snapshot.items.rows(["i6"])[0])
    factors, mean = prior.items.factors, prior.items.mean
    before = factors @ factors.T
    own = before[row, row] + prior.items.noise[row] - NOISE
    left = before - np.outer(before[row], before[row]) / own
    fall = float(mean @ np.diag(before - left)) / (1 + prior.counts[row])
    assert items["uncertainty"]["i6"] == pytest.approx(fall)
    assert items["interactions"]["i6"] == prior.counts[row]


@pytest.mark.slow
def test_a_model_asks_lists_and_explains_the_same(tmp_path: Path, asked: Questions) -> None:
    model = Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")
    model.save(tmp_path / "model")
    answers = {"i0": "yes", "e2": "no"}
    for one in (model, Recommender.load(tmp_path / "model")):
        pd.testing.assert_frame_equal(one.ask(2, answers), asked.ask(2, answers))
        pd.testing.assert_frame_equal(one.recommend(answers=answers), asked.recommend(answers))
        assert (
            one.rank(answers=answers).ids[0].tolist()
            == asked.recommend(answers)["item_id"].tolist()
        )
        assert str(one.explain_answers(answers, "i4")) == str(asked.explain(answers, "i4"))
        pd.testing.assert_frame_equal(one.unsure("items", 3), asked.unsure("items", 3))
    with pytest.raises(RequestError, match="users is given beside answers"):
        model.recommend("u1", answers=answers)
    with pytest.raises(RequestError, match="scenario is given beside answers"):
        model.rank(answers=answers, scenario="web")


@pytest.mark.slow
def test_negative_events_are_no_choices() -> None:
    frames = catalogs.frames()
    events = frames["interactions"].drop(columns="rating")
    events["event"] = np.where(events["item_id"] == "i1", "hide", "buy")
    config = catalogs.config().model_copy(
        update={"feedback": FeedbackConfig(events={"buy": 1, "hide": -1})}
    )
    data = catalogs.catalog(interactions=events, reviews=None, queries=None)
    model = Recommender(config).fit(data, effort="quick")
    row = int(model.snapshot.items.rows(["i1"])[0])
    assert model.state.questions.prior.counts[row] == 0
    profiles = model.state.people.pairs.profiles
    assert not profiles.items[:, row].nnz
    found = model.explain_user("u1", "u5", k=50)
    assert all(path.nodes[1][1] != "i1" for path in found.paths)
