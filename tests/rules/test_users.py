"""Rules about users as what is recommended."""

from __future__ import annotations

import pytest

from kgrec import Query, Recommender, Rule, Rules
from kgrec.errors import RequestError
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def plain() -> Recommender:
    return Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")


def ruled(plain: Recommender, *rules: Rule) -> Recommender:
    return Recommender.of(plain.state.with_rules(Rules.of(*rules)))


def test_hidden_users_are_in_no_list_of_users_and_others_move_up(plain: Recommender) -> None:
    model = ruled(plain, Rule("opted out", "never", items=("u3", "u9"), lists=("users",)))
    for asked in ("u1", ["u1", "u2"], Query("u1", scenario="mixture")):
        for verb, column in (
            (lambda m, u: m.recommend(u, target="users", k=100), "recommended_id"),
            (lambda m, u: m.similar_users(u, k=100), "similar_id"),
            (lambda m, u: m.similar(users=u, k=100), "similar_id"),
        ):
            before, found = verb(plain, asked), verb(model, asked)
            kept = before[~before[column].isin(["u3", "u9"])]
            assert 0 < len(kept) < len(before)
            assert (
                found[[column, "score"]].values.tolist() == kept[[column, "score"]].values.tolist()
            )
    assert not {"u3", "u9"} & set(model.recommend_users("i1", k=100)["user_id"])
    assert {"u3", "u9"} & set(plain.recommend_users("i1", k=100)["user_id"])
    assert model.recommend("u1").equals(plain.recommend("u1"))


def test_who_asks_and_whom_the_list_shows_are_told_apart(plain: Recommender) -> None:
    column = str(plain.snapshot.users.attributes.columns[0])
    value = plain.snapshot.users.attributes[column].dropna().iloc[0]
    is_one = (plain.snapshot.users.attributes[column] == value).to_numpy()
    ids = plain.snapshot.users.ids
    one, other = str(ids[is_one][0]), str(ids[~is_one][0])
    rule = Rule("kept apart", "hold", who={column: value}, what={column: value}, lists=("users",))
    model = ruled(plain, rule)
    assert not set(ids[is_one]) & set(model.similar_users(one, k=100)["similar_id"])
    assert model.similar_users(other, k=100).equals(plain.similar_users(other, k=100))
    both = model.similar_users([one, other], k=100)
    assert both[both["user_id"] == other]["similar_id"].tolist() == (
        plain.similar_users(other, k=100)["similar_id"].tolist()
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"effect": "boost", "amount": 1.0, "lists": ("users",)}, "the effect 'never' or 'hold'"),
        ({"effect": "never", "lists": ("users", "search")}, r"lists = \['users'\] alone"),
        ({"effect": "never", "lists": ("users",), "items": ("i1",)}, "users that are not in the"),
        ({"effect": "never", "lists": ("users",), "what": {"genre": "x"}}, "genre"),
        ({"effect": "never", "lists": ("users",)}, "leave nobody in lists of users"),
    ],
)
def test_what_a_rule_about_users_may_not_be(
    plain: Recommender, rule: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        ruled(plain, Rule("r", **rule))  # type: ignore[arg-type]
