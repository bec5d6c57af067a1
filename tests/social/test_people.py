"""Users recommended to users: features, the fitted blend, lists, reasons, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from kgrec import Query, Recommender
from kgrec.errors import RequestError
from kgrec.social.blend import PLAIN, Blend
from kgrec.social.features import GRAPH, NAMES, PairFeatures, Profiles
from kgrec.social.fit import fit_blend
from kgrec.social.follows import Follows
from tests.recommender import catalogs

ALONE = "u7"  # follows nobody, and nobody follows
TASTES = catalogs.TASTES


def facts() -> pd.DataFrame:
    """Users mostly follow those of their taste."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{a}", "user", "FOLLOWS", f"u{b}", "user")
        for a in range(catalogs.N_USERS)
        for b in range(catalogs.N_USERS)
        if a != b and rng.random() < (0.35 if a % TASTES == b % TASTES else 0.03)
    ]
    known = catalogs.frames()["facts"]
    found = pd.concat(
        [known[known["head_type"] != "user"], pd.DataFrame(rows, columns=known.columns)]
    )
    return found[(found["head"] != ALONE) & (found["tail"] != ALONE)].reset_index(drop=True)


@pytest.fixture(scope="module")
def model() -> Recommender:
    catalog = catalogs.catalog(facts=facts())
    return Recommender(catalogs.config()).fit(catalog, effort="quick")


@pytest.fixture(scope="module")
def bare() -> Recommender:
    """A graph in which nobody follows anybody."""
    catalog = catalogs.catalog(facts=None, entities=None)
    return Recommender(catalogs.config()).fit(catalog, effort="quick")


def same_taste(frame: pd.DataFrame) -> float:
    pairs = zip(frame["user_id"], frame["recommended_id"], strict=True)
    return float(np.mean([(int(a[1:]) - int(b[1:])) % TASTES == 0 for a, b in pairs]))


def test_features_are_what_their_names_say() -> None:
    out = sp.csr_matrix(np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], float))
    nothing = sp.csr_matrix((4, 1))
    pairs = PairFeatures(
        Follows(out, False), Profiles(np.zeros((4, 1), np.float32), nothing, nothing, nothing)
    )
    found = dict(zip(NAMES, np.moveaxis(pairs.of(np.array([0, 3])), 2, 0), strict=True))
    assert found["resource allocation"][0, 3] == pytest.approx(1 / 2 + 1 / 2)
    assert found["common neighbours"][0, 3] == pytest.approx(2 / np.sqrt(2 * 2))
    assert found["follows back"][1].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert found["popularity"][0].tolist() == pytest.approx([np.log(3.0)] * 4)
    assert found["three steps"][0, 1] > 0
    assert found["three steps"][0, 3] == pytest.approx(0.0)


def test_friendships_are_held_out_both_ways() -> None:
    both = Follows(sp.csr_matrix(np.ones((4, 4)) - np.eye(4)), True)
    head, tail = both.pairs()
    assert len(head) == 6
    left = both.without(head[:1], tail[:1])
    assert (left.out != left.out.T).nnz == 0
    assert left.out.nnz == 10
    assert tail[0] not in left.followed(int(head[0]))


def test_a_blend_needs_facts_and_says_what_it_reached(model: Recommender) -> None:
    blend, people = model.state.follow_blend, model.state.people
    assert blend is not None
    assert blend.figures["blend"] >= blend.figures["resource allocation"]
    assert np.count_nonzero(np.array(blend.lone).reshape(2, -1)[:, : len(GRAPH)]) == 0
    again = fit_blend(people.follows, people.pairs.profiles, 0)
    assert again == blend
    few = Follows(sp.csr_matrix(people.follows.out[:3].T @ people.follows.out[:3] * 0), False)
    assert fit_blend(few, people.pairs.profiles, 0) is PLAIN


def test_lists_are_of_users_alike_whom_one_does_not_follow(model: Recommender) -> None:
    users = [f"u{n}" for n in range(12)]
    found = model.recommend(users, target="users", k=5)
    assert list(found.columns) == ["user_id", "recommended_id", "score", "rank"]
    assert same_taste(found) > 0.7
    known = facts()
    followed = set(zip(known["head"], known["tail"], strict=True))
    pairs = set(zip(found["user_id"], found["recommended_id"], strict=True))
    assert not pairs & (followed | {(user, user) for user in users})
    everyone = model.recommend("u1", target="users", k=100, exclude_seen=False)
    assert len(everyone) == catalogs.N_USERS - 1


def test_who_follows_nobody_has_a_list_too(model: Recommender, bare: Recommender) -> None:
    assert same_taste(model.recommend(ALONE, target="users", k=5)) >= 0.8
    assert bare.state.follow_blend is None
    assert same_taste(bare.recommend([f"u{n}" for n in range(8)], target="users", k=4)) > 0.5
    typed = model.recommend(histories=[["i0", "i4", "i8", "i12"]], target="users", k=5)
    assert typed["user_id"].unique().tolist() == ["0"]
    assert sum(int(one[1:]) % TASTES == 0 for one in typed["recommended_id"]) >= 4


def test_scores_do_not_depend_on_who_else_is_asked_about(model: Recommender) -> None:
    users = [f"u{n}" for n in range(9)]
    together = model.recommend(users, target="users", k=7)
    alone = pd.concat([model.recommend(one, target="users", k=7) for one in users])
    pd.testing.assert_frame_equal(together, alone.reset_index(drop=True), check_exact=True)


def test_conditions_are_about_users(model: Recommender) -> None:
    found = model.recommend("u1", target="users", k=60, where={"gender": "F"}, exclude=["u4"])[
        "recommended_id"
    ]
    assert all(int(one[1:]) % TASTES < 2 for one in found)
    assert "u4" not in set(found)
    some = model.recommend("u1", target="users", candidates=["u2", "u3", "u1"], exclude_seen=False)
    assert set(some["recommended_id"]) == {"u2", "u3"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "shops"}, "unknown target 'shops'"),
        ({"target": "users", "k": 0}, "k is 0"),
        ({"target": "users", "candidates": ["zoe"]}, "'zoe'"),
        ({"target": "users", "where": {"size": 3}}, "size"),
        ({"target": "users", "where": {"gender": "X"}}, "no user is left"),
        ({"target": "users", "exclude_seen": "no"}, "exclude_seen"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    model: Recommender, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        model.recommend("u1", **given)
    with pytest.raises(RequestError, match="'zoe'"):
        model.recommend("zoe", target="users")


@pytest.mark.parametrize("user", ["u1", ALONE])
def test_reasons_add_up_and_lead_through_both(model: Recommender, user: str) -> None:
    best = model.recommend(user, target="users", k=1)
    other = best["recommended_id"][0]
    whole = model.explain_user(user, other, k=50)
    assert whole.score == pytest.approx(float(best["score"][0]))
    assert whole.shown + whole.rest == pytest.approx(whole.gain)
    assert sum(whole.parts.values()) == pytest.approx(whole.gain, abs=1e-5)
    for path in whole.paths:
        assert (path.nodes[0][1], path.nodes[-1][1]) == (user, other)
        assert len(path.nodes) == 3
        assert path.sentence
    kinds = {path.kind for path in whole.paths}
    assert kinds <= {"follows", "shared item"}
    assert "shared item" in kinds
    part = model.explain_user(user, other, k=1)
    assert part.shown + part.not_shown + part.rest == pytest.approx(part.gain)
    typed = model.explain_user(user, other, history=["i1"])
    assert typed.score != whole.score


def test_what_is_saved_recommends_the_same(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "follows.json").is_file()
    loaded = Recommender.load(tmp_path / "model")
    assert loaded.state.follow_blend == model.state.follow_blend
    for one in (loaded, Recommender.of(replace(model.state))):
        found = one.recommend(["u1", ALONE], target="users")
        pd.testing.assert_frame_equal(found, model.recommend(["u1", ALONE], target="users"))
    blend = model.state.follow_blend
    assert blend is not None
    with pytest.raises(ValueError, match="features"):
        Blend.of_json({**blend.to_json(), "features": ["taste"]})


def test_similar_takes_users_in_place_of_items(model: Recommender) -> None:
    pd.testing.assert_frame_equal(model.similar(users="u1", k=3), model.similar_users("u1", 3))
    pd.testing.assert_frame_equal(
        model.similar(users=Query("u1"), k=3), model.similar_users("u1", 3)
    )
    for given in ({"items": "i1"}, {"where": {"year": 1990}}):
        with pytest.raises(RequestError, match="users is given beside"):
            model.similar(users="u1", **given)  # type: ignore[arg-type]
