"""Lists of every verb obey rules, and answers name them."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.rule_lists.campaign import check_lists
from benchmarks.rule_lists.checks import Holding, Listed, problems
from graph_schema import Catalog
from graph_schema.errors import ModelError, RequestError
from kgrec import Query, Recommender, Rule, Rules
from tests.recommender import catalogs

AUTHOR = {"author": "Ada", "reason": "of age"}


@pytest.fixture(scope="module")
def plain() -> Recommender:
    return Recommender(catalogs.config(epochs=3)).fit(catalogs.catalog())


def ruled(model: Recommender, *rules: Rule) -> Recommender:
    """The same model under rules."""
    other = Recommender.of(model.state)
    other.rules = Rules.of(*rules)
    return other


def best(model: Recommender, k: int = 5, user: str = "u1") -> list[str]:
    return [str(one) for one in model.rank(user, k=k).ids[0]]


def test_lists_of_made_up_rules_obey_them(plain: Recommender) -> None:
    """``python -m benchmarks.rules --part lists`` checks 10,000."""
    found = check_lists(plain, 400, seed=3)
    assert found["problems"] == []
    assert set(found["by_verb"]) == {"batch", "one user", "counterfactual", "similar", "users"}
    assert found["lists"] >= 400


def test_the_check_finds_lists_that_break_rules(plain: Recommender) -> None:
    rules = [
        Rule("no", "never", items=["i33"]),
        Rule("first", "pin", rank=1, items=["i3"]),
        Rule("kinds", "cap", most=1, of=4, by="genres"),
    ]
    bound = ruled(plain, *rules).state.bound_rules
    assert bound is not None
    rows = plain.snapshot.items.rows(best(plain)).tolist()
    scores = plain.state.engine.score(plain.state.resolver.resolve(Query("u1")).histories)
    everything = np.ones(len(plain.snapshot.items), dtype=bool)
    listed = Listed(rows, scores[0].numpy(), everything, 5)
    found = " ".join(problems(listed, Holding.of(bound, 1, "")))
    assert "is hidden" in found
    assert "'first'" in found
    assert "'kinds' is broken" in found


def test_without_rules_and_with_none_that_apply_all_is_as_before(plain: Recommender) -> None:
    users = plain.snapshot.users.ids.tolist()
    nobody = Rule("x", "never", items=["i1"], who={"age": {"min": 200}})
    for other in (ruled(plain), ruled(plain, nobody)):
        for asked in ("u1", users):
            one, two = plain.rank(asked, k=7), other.rank(asked, k=7)
            assert (one.ids == two.ids).all()
            assert one.scores.tobytes() == two.scores.tobytes()
        pd.testing.assert_frame_equal(plain.similar("i9"), other.similar("i9"))
        assert plain.explain("u1", "i9").to_dict() == other.explain("u1", "i9").to_dict()


def test_a_rule_is_about_some_users_in_some_scenario(plain: Recommender) -> None:
    top = best(plain)[0]
    model = ruled(plain, Rule("n", "never", items=[top], who={"gender": "F"}))
    assert top not in best(model)  # u1 is a woman
    assert best(model, user="u3") == best(plain, user="u3")
    history = {"guest": plain.state.engine.item_ids[[29, 37]].tolist()}
    first = str(plain.rank(histories=history, k=1).ids[0, 0])
    woman = ruled(plain, Rule("n", "never", items=[first], who={"gender": "F"}))
    assert woman.rank(histories=history, k=1).ids[0, 0] == first
    assert woman.rank(histories=history, k=1, context={"gender": "F"}).ids[0, 0] != first
    assert woman.rank(histories=history, k=1, context={"gender": "M"}).ids[0, 0] == first
    unknown = ruled(plain, Rule("n", "never", items=[first], who={"gender": {"not": "M"}}))
    assert unknown.rank(histories=history, k=1).ids[0, 0] != first
    web = ruled(plain, Rule("n", "never", what={"year": (1980, 1990)}, scenario="web"))
    years = plain.snapshot.items.attributes["year"]
    for scenario, hidden in (("web", True), ("app", False)):
        rows = plain.snapshot.items.rows(web.rank("u1", k=30, scenario=scenario).ids[0, :9])
        assert (years.iloc[rows].between(1980, 1990).sum() == 0) == hidden
    mixed = web.rank("u1", k=5, scenario="mixture")
    assert len(set(mixed.ids[0])) == 5


def test_a_rule_is_valid_within_its_dates(plain: Recommender) -> None:
    top = best(plain)[0]
    past = Rule("past", "never", items=[top], until="2001-01-01")
    future = Rule("future", "never", items=[top], since="2199-01-01")
    now = Rule("now", "never", items=[top], since="2001-01-02", until="2199-01-01")
    assert best(ruled(plain, past, future)) == best(plain)
    assert top not in best(ruled(plain, past, future, now))
    model = ruled(plain, past)
    request = model.state.resolver.resolve(Query("u1"))
    before = model.state.resolver.with_rules(request, "recommend", at=900_000_000.0)
    assert before.rules is not None
    assert request.rules is None


def test_search_and_similar_hide_and_pin(plain: Recommender) -> None:
    found = plain.search("dusty prairie", k=3)["item_id"].tolist()
    similar = plain.similar("i9", k=3)["similar_id"].tolist()
    model = ruled(
        plain,
        Rule("n", "never", items=[found[0], similar[0]]),
        Rule("p", "pin", rank=2, items=["i3"], **AUTHOR),
    )
    for one in (model.search("dusty prairie", k=3), model.search("dusty prairie", k=3, user="u1")):
        assert one["item_id"].tolist()[1] == "i3"
        assert found[0] not in one["item_id"].tolist()
    assert model.search("dusty prairie", k=3)["found_by"].tolist()[1] == "rule"
    found_similar = model.similar("i9", k=3)["similar_id"].tolist()
    assert found_similar[1] == "i3"
    assert similar[0] not in found_similar
    only = ruled(plain, Rule("p", "pin", rank=1, items=["i3"], lists="search"))
    assert best(only) == best(plain)
    assert only.search("dusty prairie", k=3)["item_id"].tolist()[0] == "i3"


def test_users_of_an_item_are_those_it_is_not_hidden_from(plain: Recommender) -> None:
    model = ruled(plain, Rule("n", "never", items=["i1"], who={"gender": "F"}))
    men = plain.snapshot.users.attributes["gender"].to_numpy() == "M"
    users = model.recommend_users("i1", k=60, exclude_seen=False)["user_id"]
    assert set(users) == set(plain.snapshot.users.ids[men])
    assert model.recommend_users("i2", k=3).equals(plain.recommend_users("i2", k=3))


def test_a_boost_is_one_named_term_of_the_score(plain: Recommender) -> None:
    model = ruled(plain, Rule("war", "boost", amount=0.75, what={"genres": "War"}, **AUTHOR))
    pairs = [("u1", "i13"), ("u1", "i10")]
    before, after = plain.score(pairs)["score"], model.score(pairs)["score"]
    assert (after - before).tolist() == pytest.approx([0.75, 0.0], abs=1e-6)
    one, other = model.explain_all("u1", ["i13", "i10"])
    assert one.score == pytest.approx(float(after[0]), abs=1e-4)
    for found, amount in ((one, 0.75), (other, 0.0)):
        parts = [path.contribution for path in found.paths]
        parts += [found.baseline, found.not_shown, found.rest, found.boost]
        assert math.fsum(parts) == pytest.approx(found.score, abs=1e-9)
        assert found.boost == amount
        assert math.fsum(found.parts.values()) == pytest.approx(
            found.gain - found.rest + found.withheld, abs=1e-6
        )
    assert "+0.750  The rule war (Ada: of age) adds to its score." in str(one)
    assert one.to_dict()["rules"][0]["author"] == "Ada"
    compared = model.compare("u1", "i13", "i10")
    named = {part.name: part.difference for part in compared.parts}
    assert named["rule war"] == 0.75
    assert sum(named.values()) == pytest.approx(compared.difference - compared.rest, abs=1e-6)


def test_why_not_names_the_rule(plain: Recommender) -> None:
    top, second = best(plain)[:2]
    model = ruled(
        plain,
        Rule("n", "never", items=[top], **AUTHOR),
        Rule("wait", "hold", items=[second]),
        Rule("kinds", "cap", most=1, by="genres"),
    )
    assert "The rule n (Ada: of age) keeps it out" in str(model.why_not("u1", top))
    assert "until somebody decides" in str(model.why_not("u1", second))
    third = best(plain)[3]  # of the same genre as what is first now
    assert third not in best(model)
    why = model.why_not("u1", third, k=5)
    assert why.rank > 5
    assert "the rules kinds give the places to others" in str(why)
    assert "n keeps it out" in model.counterfactual("u1", top).reason.replace(" (Ada: of age)", "")


def test_a_counterfactual_is_about_the_list_that_obeys_the_rules(plain: Recommender) -> None:
    top = best(plain)[0]
    model = ruled(
        plain,
        Rule("kinds", "cap", most=1, of=3, by="genres"),
        Rule("p", "pin", rank=2, items=["i3"]),
    )
    pinned = model.counterfactual("u1", "i3", k=3)
    assert "The rule p pins it at rank 2" in pinned.reason
    found = model.counterfactual("u1", top, k=3, max_events=4)
    assert found.found
    history = [f"i{n}" for n in _history(plain, "u1")]
    left = [one for one in history if one not in {event.item_id for event in found.events}]
    times = {"u1": left}
    assert top not in best_of(model, times, 3)
    assert found.entered is None or found.entered.item_id in best_of(model, times, 3)


def best_of(model: Recommender, histories: dict[str, list[str]], k: int) -> list[str]:
    gone = [f"i{n}" for n in _history(model, "u1")]
    return [str(one) for one in model.rank(histories=histories, k=k, exclude=gone).ids[0]]


def _history(model: Recommender, user: str) -> list[int]:
    request = model.state.resolver.resolve(Query(user))
    ids = model.snapshot.items.ids[request.histories.item]
    return [int(one[1:]) for one in ids]


def test_rerank_hides_and_refuses_places(plain: Recommender) -> None:
    users = plain.snapshot.users.ids.tolist()
    model = ruled(plain, Rule("n", "never", items=["i33"]))
    lists = model.rerank(users, group={"genres": "War"}, share=0.5, k=5).frame
    assert "i33" not in set(lists["item_id"])
    with pytest.raises(RequestError, match="the rule 'p' sets places"):
        ruled(plain, Rule("p", "pin", rank=1, items=["i1"])).rerank(users, group="tail", boost=1.0)


def test_effects_name_each_rule_and_what_it_moved(plain: Recommender) -> None:
    top = best(plain)[0]
    model = ruled(
        plain, Rule("n", "never", items=[top], **AUTHOR), Rule("p", "pin", rank=2, items=["i3"])
    )
    frame = model.rule_effects("u1", k=5).set_index("item_id")
    assert pd.isna(frame.loc[top, "rank"])
    assert frame.loc[top, ["rank_without", "rule", "author"]].tolist() == [1, "n", "Ada"]
    assert frame.loc["i3", ["rank", "rule", "effect"]].tolist() == [2, "p", "pin"]


def test_held_items_have_the_place_and_path_that_they_would_have(plain: Recommender) -> None:
    top, second = best(plain)[:2]
    model = ruled(
        plain,
        Rule("wait", "hold", items=[top, second]),
        Rule("ok", "release", items=[second], holds="wait"),
    )
    held = model.held(["u1", "u3"], k=5)
    assert held.loc[held["user_id"] == "u1", ["rule", "item_id", "rank"]].to_numpy().tolist() == [
        ["wait", top, 1]
    ]
    assert "You rated" in held["reason"].iloc[0]
    assert best(model)[0] == second
    assert plain.held("u1").empty


def test_news_and_removals_keep_the_rules(plain: Recommender) -> None:
    model = ruled(plain, Rule("n", "never", what={"genres": "War"}), Rule("m", "never", items="i2"))
    news = catalogs.catalog().items[:1].assign(item_id="i99", genres="War")
    model.update(Catalog.from_frames(items=news))
    bound = model.state.bound_rules
    assert bound is not None
    assert bound.items[0][model.snapshot.items.rows(["i99"])[0]]
    model.remove(items="i2")
    assert len(model.rules) == 2  # an item of a rule may leave
    with pytest.raises(RequestError, match="leave no item"):
        model.rules = Rules.of(Rule("all", "never"))
    assert len(model.rules) == 2


def test_a_fit_keeps_rules_and_refuses_those_that_do_not_fit_its_graph() -> None:
    model = Recommender(catalogs.config(epochs=1))
    assert model.rules == Rules()
    model.fit(catalogs.catalog())
    model.rules = Rules.of(Rule("n", "never", items=["i33"]))
    model.fit(catalogs.catalog())
    assert "i33" not in best(model, k=30)
    model.rules = Rules.of(Rule("n", "never", what={"year": 1990}))
    items = catalogs.frames()["items"].drop(columns="year")
    with pytest.raises(RequestError, match="no column 'year'"):
        model.fit(catalogs.catalog(items=items))
    with pytest.raises(RequestError, match=r"rules are a list; give kgrec.Rules.of"):
        model.rules = [Rule("n", "never", items=["i1"])]  # type: ignore[assignment]


def test_a_folder_has_the_rules_and_a_save_keeps_them(plain: Recommender, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model = ruled(plain, Rule("n", "never", items=["i33"], **AUTHOR))
    model.save(folder)
    again = Recommender.load(folder)
    assert again.rules == model.rules
    assert best(again) == best(model)
    assert pickle.loads(pickle.dumps(again)).rules == model.rules
    text = "# by hand\n[[rule]]\nname = 'm'\neffect = 'never'\nitems = 'i13'\n"
    (folder / "rules.toml").write_text(text)
    again.save(folder)  # loaded before: what people wrote since stays
    plain.save(folder)  # a model without rules of its own
    assert (folder / "rules.toml").read_text() == text
    assert [rule.name for rule in Recommender.load(folder).rules] == ["m"]
    model.save(folder)
    assert Recommender.load(folder).rules == model.rules
    (folder / "rules.toml").write_text("[[rule]]\nname='x'\neffect='never'\nwhat={brand=1}\n")
    with pytest.raises(ModelError, match=r"rules.toml, line 1: rule 'x': items have no column"):
        Recommender.load(folder)


def test_lists_from_answers_and_questions_obey_rules(plain: Recommender) -> None:
    answers = {"i1": "yes", "i5": "no"}
    first = str(plain.recommend(answers=answers, k=1)["item_id"].iloc[0])
    asked = str(plain.ask(1, answers)["id"].iloc[0])
    model = ruled(
        plain,
        Rule(name="never", effect="never", items=[first, asked]),
        Rule(name="pin", effect="pin", items=["i30"], rank=2),
        Rule(name="boost", effect="boost", items=["i31"], amount=50.0),
    )
    listed = model.recommend(answers=answers, k=40)["item_id"].tolist()
    assert {first, asked} & set(listed) == set()
    assert listed[1] == "i30"
    assert listed[0] != "i31"  # a boost is no probability
    assert asked not in model.ask(40, answers)["id"].tolist()


def test_explored_lists_obey_rules(plain: Recommender) -> None:
    item = best(plain, 1)[0]
    model = ruled(plain, Rule(name="never", effect="never", items=[item]))
    for seed in range(30):
        assert item not in model.recommend("u1", k=5, explore=0.5, seed=seed)["item_id"].tolist()
    placed = ruled(plain, Rule(name="first", effect="pin", items=[item], rank=1))
    with pytest.raises(RequestError, match="'first'"):
        placed.recommend("u1", k=5, explore=0.1)
