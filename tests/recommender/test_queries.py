"""One Query has one meaning: what a verb says of it agrees with what ``recommend`` answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Constraints, Query, Recommender, show_people
from kgrec.config import TextConfig
from kgrec.errors import RequestError
from kgrec.search.ranker import rank_shares
from tests.recommender import catalogs
from tests.text.tiny import texts, write_bert

pytestmark = pytest.mark.slow

SCENARIOS = (None, "web", "auto", "mixture")
CONTEXTS: tuple[Mapping[str, Any] | None, ...] = (None, {"gender": "F", "age": 30})
USER, TYPED = "u3", ["i1", "i2", "i3", "i7"]
LIMITS = {
    "all items": Constraints(),
    "candidates": Constraints(candidates=[f"i{n}" for n in range(4, 24)]),
    "where": Constraints(where={"year": (1990, 2015)}),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """Two scenarios, user attributes, and random texts that a random network reads."""
    folder = tmp_path_factory.mktemp("queries")
    text = TextConfig(
        model=str(write_bert(folder / "bert")),
        cache_dir=str(folder / "cache"),
        max_length=32,
        precision="fp32",
    )
    frames = catalogs.frames()
    for name in ("reviews", "queries"):
        frames[name] = frames[name].assign(text=texts(len(frames[name]), seed=len(name)))
    frames["items"] = frames["items"].assign(plot=texts(len(frames["items"]), seed=3, longest=60))
    settings = catalogs.config({"use_text": True}, epochs=8, learning_rate=0.02)
    return Recommender(settings.model_copy(update={"text": text})).fit(
        Catalog.from_frames(**frames)
    )


@pytest.fixture(params=SCENARIOS, ids=str)
def scenario(request: pytest.FixtureRequest) -> str | None:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=["stored", "typed"])
def keywords(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Who asks, as keywords of the verbs about one user."""
    return {"history": TYPED} if request.param == "typed" else {}


@pytest.fixture(params=CONTEXTS, ids=["no context", "context"])
def context(request: pytest.FixtureRequest) -> Mapping[str, Any] | None:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=["next", "later"])
def query(
    request: pytest.FixtureRequest,
    keywords: dict[str, Any],
    scenario: str | None,
    context: Mapping[str, Any] | None,
) -> Query:
    return Query.of_one(who(keywords), **keywords, **circumstances(scenario, context, request))


def circumstances(
    scenario: str | None, context: Mapping[str, Any] | None, request: pytest.FixtureRequest
) -> dict[str, Any]:
    return {"scenario": scenario, "context": context, "horizon": request.param}


def who(keywords: Mapping[str, Any]) -> str:
    return "new" if keywords else USER


def scores(model: Recommender, query: Query) -> pd.Series[float]:
    """The score of every item, by id."""
    everything = Constraints(candidates=[f"i{n}" for n in range(catalogs.N_ITEMS)])
    frame = model.recommend(query, k=100, exclude_seen=False, constraints=everything)
    return frame.set_index("item_id")["score"]


def as_keywords(query: Query) -> dict[str, Any]:
    """The fields of a Query about one user as keywords beside the user's id."""
    values = {"scenario": query.scenario, "context": query.context, "horizon": query.horizon}
    if query.histories is None:
        return values
    (history,) = query.histories.values()  # type: ignore[union-attr]
    return {**values, "history": history}


def user_of(query: Query) -> str:
    if query.histories is None:
        return query.users[0]  # type: ignore[index]
    return next(iter(query.histories))  # type: ignore[arg-type]


def test_the_circumstances_change_scores(model: Recommender) -> None:
    """Otherwise the tests below could not fail."""
    typed = Query(histories={"new": TYPED})
    plain = scores(model, typed)
    for name in ("web", "app", "auto", "mixture"):
        other = scores(model, replace(typed, scenario=name)).reindex(plain.index)
        assert not np.allclose(plain, other, atol=1e-4), name
    other = scores(model, replace(typed, context=CONTEXTS[1])).reindex(plain.index)
    assert not np.allclose(plain, other, atol=1e-4)
    hours = [replace(typed, scenario="mixture", context={"hour": hour}) for hour in (3, 15)]
    early, late = (scores(model, one) for one in hours)
    assert len(early) == len(late)
    stored = Query([USER])
    later = scores(model, replace(stored, horizon="later"))
    assert not np.allclose(scores(model, stored).reindex(later.index), later, atol=1e-6)


def test_explanations_divide_the_score_of_recommend(model: Recommender, query: Query) -> None:
    shown = scores(model, query)
    items = [str(shown.index[place]) for place in (0, 5, -1)]
    for answer in (model.explain(query, items[0], k=100), *model.explain_all(query, items)):
        assert answer.score == pytest.approx(shown[answer.item_id], abs=1e-4)
        added = sum(answer.parts.values())
        assert added == pytest.approx(answer.score - answer.baseline, abs=1e-4)
        assert answer.rest == pytest.approx(answer.withheld, abs=1e-4)
        carried = answer.shown + answer.not_shown + answer.withheld
        assert carried == pytest.approx(answer.gain, abs=1e-4)


def test_a_comparison_explains_two_scores_of_recommend(model: Recommender, query: Query) -> None:
    shown = scores(model, query)
    answer = model.compare(query, "i4", "i9")
    assert answer.a.score == pytest.approx(shown["i4"], abs=1e-4)
    assert answer.b.score == pytest.approx(shown["i9"], abs=1e-4)
    parts = sum(part.difference for part in answer.parts)
    assert parts == pytest.approx(answer.difference, abs=1e-4)


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_counterfactuals_see_the_list_of_recommend(
    model: Recommender, query: Query, limits: Constraints
) -> None:
    frame = model.recommend(query, k=catalogs.N_ITEMS, constraints=limits)
    places = frame.set_index("item_id")[["rank", "score"]]
    first, last = frame["item_id"].iloc[0], frame["item_id"].iloc[-1]
    answers = [
        (first, model.counterfactual(query, first, k=3, constraints=limits)),
        (last, model.counterfactual(query, last, k=3, add=True, constraints=limits)),
        (last, model.why_not(query, last, k=3, constraints=limits)),
    ]
    for item, answer in answers:
        assert answer.rank == places.loc[item, "rank"]
        assert answer.score == pytest.approx(places.loc[item, "score"], abs=1e-4)
    why_not = answers[-1][1]
    assert why_not.candidates == len(frame)  # type: ignore[union-attr]
    assert why_not.comparison.a.item_id == frame["item_id"].iloc[2]  # type: ignore[union-attr]
    gap = places["score"].iloc[2] - places.loc[last, "score"]
    assert why_not.gap == pytest.approx(gap, abs=2e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Constraints(exclude=["i4"]), "exclude"),
        (Constraints(candidates=["i5", "i6"]), "candidates"),
        (Constraints(where={"item_id": {"not": "i4"}}), "item_id = {'not': 'i4'}"),
    ],
)
def test_what_the_conditions_leave_out_is_not_in_the_list(
    model: Recommender, limits: Constraints, named: str
) -> None:
    said = f"The conditions of the list leave it out: {named}."
    why_not = model.why_not("new", "i4", history=["i1"], k=50, constraints=limits)
    assert (why_not.entry.result, why_not.comparison) == (said, None)
    assert said in str(why_not)
    for add in (True, False):
        answer = model.counterfactual(
            "new", "i4", history=["i1"], k=50, constraints=limits, add=add
        )
        assert answer.result == said


def test_a_counterfactual_is_what_recommend_gives_without_the_events(
    model: Recommender, scenario: str | None
) -> None:
    """For a typed history, whose scenario is named: recommend reads the changed history alike."""
    if scenario in ("auto", "mixture"):
        scenario = "app"
    query = Query(histories={"new": TYPED}, scenario=scenario)
    item = str(model.recommend(query, k=3)["item_id"].iloc[-1])
    answer = model.counterfactual(query, item, k=3, max_events=3)
    assert answer.found
    gone = {event.item_id for event in answer.events}
    changed = replace(query, histories={"new": [one for one in TYPED if one not in gone]})
    assert answer.score_then == pytest.approx(scores(model, changed)[item], abs=1e-4)


@pytest.mark.parametrize("source", ["item", "reviews"])
def test_words_explain_the_score_of_recommend(
    model: Recommender, query: Query, source: str
) -> None:
    shown = scores(model, query)
    item = str(shown.index[0])
    asked = show_people(model)  # a review of another person is shown to the operator alone
    answer = asked.words(query, item, source=source, method="occlusion")  # type: ignore[arg-type]
    assert answer.score == pytest.approx(shown[item], abs=2e-4)


def test_importance_divides_the_scores_of_recommend(model: Recommender, query: Query) -> None:
    limits = LIMITS["candidates"]
    best = model.recommend(query, k=4, constraints=limits)["item_id"].tolist()
    frame = model.importance("part", users=query, k=4, constraints=limits)
    gains = [answer.gain for answer in model.explain_all(query, best)]
    assert frame["mean"].sum() == pytest.approx(np.mean(gains), abs=1e-4)
    assert set(frame["scenario"]) == {query.scenario or ""}


def test_rank_and_rerank_give_the_list_of_recommend(model: Recommender, query: Query) -> None:
    frame = model.recommend(query, k=7, constraints=LIMITS["where"])
    ranked = model.rank(query, k=7, constraints=LIMITS["where"])
    assert ranked.ids[0].tolist() == frame["item_id"].tolist()
    np.testing.assert_array_equal(ranked.scores[0], frame["score"])
    reranked = model.rerank(query, group="tail", boost=0.0, k=7, constraints=LIMITS["where"])
    pd.testing.assert_frame_equal(reranked.frame, frame, check_exact=False, atol=1e-5)


def test_search_adds_the_rank_among_the_scores_of_recommend(
    model: Recommender, query: Query
) -> None:
    """What a text matches is the same for everybody; the difference of two users is personal."""
    candidates = [f"i{n}" for n in range(0, 40, 4)]

    def found(asks: Query) -> tuple[np.ndarray, np.ndarray]:
        frame = model.search("jolly circus", user=asks, k=10, candidates=candidates)
        shown = scores(model, asks)[candidates]
        return frame.set_index("item_id")["score"][candidates].to_numpy(), rank_shares(shown)

    (total, shares), (other_total, other_shares) = found(query), found(Query(histories=[["i39"]]))
    difference, shift = total - other_total, shares - other_shares
    share = difference @ shift / (shift @ shift)
    assert share > 0
    np.testing.assert_allclose(difference, share * shift, atol=1e-5)


ONE_USER: dict[str, Callable[..., Any]] = {
    "explain": lambda r, user, **given: r.explain(user, "i9", **given).to_dict(),
    "explain_all": lambda r, user, **given: [
        answer.to_dict() for answer in r.explain_all(user, ["i9", "i4"], **given)
    ],
    "counterfactual": lambda r, user, **given: r.counterfactual(
        user, "i9", k=20, **given
    ).to_dict(),
    "counterfactual with": lambda r, user, **given: r.counterfactual(
        user, "i4", k=2, add=True, **given
    ).to_dict(),
    "why_not": lambda r, user, **given: r.why_not(user, "i4", k=2, **given).to_dict(),
    "compare": lambda r, user, **given: r.compare(user, "i9", "i4", **given).to_dict(),
    "words": lambda r, user, **given: asdict(r.words(user, "i9", method="occlusion", **given)),
}
LISTS: dict[str, Callable[..., Any]] = {
    "recommend": lambda r, users, **given: r.recommend(users, **given),
    "rank": lambda r, users, **given: r.rank(users, **given)._asdict(),
    "rerank": lambda r, users, **given: (
        r.rerank(users, group="tail", share=0.3, k=5, **given).frame
    ),
}


def equal(one: Any, other: Any) -> bool:
    """Whether two answers are equal to the bit."""
    if isinstance(one, pd.DataFrame):
        return bool(one.equals(other))
    if isinstance(one, dict):
        return all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)


@pytest.mark.parametrize("verb", ONE_USER)
def test_keywords_are_shorthand_for_a_query(model: Recommender, query: Query, verb: str) -> None:
    ask = ONE_USER[verb]
    assert equal(ask(model, query), ask(model, user_of(query), **as_keywords(query)))


@pytest.mark.parametrize("verb", LISTS)
def test_keywords_are_shorthand_in_lists_too(model: Recommender, query: Query, verb: str) -> None:
    ask, keywords = LISTS[verb], as_keywords(query)
    keywords.pop("history", None)
    keywords["histories"] = query.histories
    assert equal(ask(model, query), ask(model, query.users, **keywords))


def test_recognise_takes_a_query(
    model: Recommender, keywords: dict[str, Any], context: Mapping[str, Any] | None
) -> None:
    query = Query.of_one(who(keywords), **keywords, context=context)
    given = {"users": query.users, "histories": query.histories}
    assert model.recognise(query).equals(model.recognise(**given, context=context))
    chosen = model.recognise(query)
    name = chosen[chosen["chosen"]]["scenario"].item()
    auto, named = replace(query, scenario="auto"), replace(query, scenario=name)
    assert model.recommend(auto).equals(model.recommend(named))


GIVEN: dict[str, Any] = {
    "scenario": "web",
    "context": {"gender": "F"},
    "horizon": "later",
    "history": ["i1"],
}


@pytest.mark.parametrize("keyword", GIVEN)
@pytest.mark.parametrize("verb", ONE_USER)
def test_a_keyword_beside_a_query_is_refused(model: Recommender, verb: str, keyword: str) -> None:
    with pytest.raises(RequestError, match=f"^{keyword} is given beside a Query"):
        ONE_USER[verb](model, Query([USER]), **{keyword: GIVEN[keyword]})


@pytest.mark.parametrize("keyword", ["scenario", "context", "horizon", "histories"])
@pytest.mark.parametrize("verb", LISTS)
def test_a_keyword_beside_a_query_is_refused_in_lists(
    model: Recommender, verb: str, keyword: str
) -> None:
    value = [["i1"]] if keyword == "histories" else GIVEN[keyword]
    with pytest.raises(RequestError, match=f"^{keyword} is given beside a Query"):
        LISTS[verb](model, Query([USER]), **{keyword: value})


REFUSED: dict[str, tuple[str, Callable[[Recommender], Any]]] = {
    "search, scenario": ("scenario", lambda r: r.search("cat", user=Query([USER]), scenario="web")),
    "search, context": ("context", lambda r: r.search("cat", user=Query([USER]), context={"a": 1})),
    "importance, context": (
        "context",
        lambda r: r.importance(users=Query([USER]), context={"gender": "F"}),
    ),
    "importance, horizon": (
        "horizon",
        lambda r: r.importance(users=Query([USER]), horizon="later"),
    ),
    "importance, scenario": (
        "scenario",
        lambda r: r.importance(users=Query([USER], scenario="web"), scenario="app"),
    ),
    "recognise, histories": (
        "histories",
        lambda r: r.recognise(Query([USER]), histories=[["i1"]]),
    ),
    "recognise, context": (
        "context",
        lambda r: r.recognise(Query([USER], context={"gender": "F"}), context={"gender": "M"}),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_keyword_beside_a_query_is_refused_elsewhere(model: Recommender, name: str) -> None:
    keyword, ask = REFUSED[name]
    with pytest.raises(RequestError, match=f"^{keyword} is given beside a Query"):
        ask(model)


@pytest.mark.parametrize("keyword", ["candidates", "where"])
@pytest.mark.parametrize("verb", LISTS)
def test_a_limit_beside_constraints_is_refused(model: Recommender, verb: str, keyword: str) -> None:
    value = {"candidates": ["i1"], "where": {"year": 1990}}[keyword]
    with pytest.raises(RequestError, match=f"^{keyword} is given beside constraints"):
        LISTS[verb](model, [USER], constraints=Constraints(), **{keyword: value})


@pytest.mark.parametrize(
    "limit", [{"relations": ["made_by"]}, {"via": "e1"}, {"avoid": "e1"}, {"since": 1}]
)
def test_a_limit_of_paths_beside_constraints_is_refused(
    model: Recommender, limit: dict[str, Any]
) -> None:
    (keyword,) = limit
    with pytest.raises(RequestError, match=f"^{keyword} is given beside constraints"):
        model.explain(USER, "i9", constraints=Constraints(), **limit)


@pytest.mark.parametrize("verb", [*ONE_USER, "search"])
def test_verbs_about_one_user_refuse_two(model: Recommender, verb: str) -> None:
    ask = ONE_USER.get(verb, lambda model, user: model.search("cat", user=user))
    for two in (Query(["u1", "u2"]), Query(histories=[["i1"], ["i2"]])):
        with pytest.raises(RequestError, match="2 users are asked about"):
            ask(model, two)


def test_a_mixture_is_explained_by_the_weighted_sum_of_its_scenarios(
    model: Recommender, keywords: dict[str, Any], context: Mapping[str, Any] | None
) -> None:
    query = Query.of_one(who(keywords), **keywords, context=context)
    answer = model.explain(replace(query, scenario="mixture"), "i9")
    shares = model.recognise(query).set_index("scenario")["probability"]
    single = {name: model.explain(replace(query, scenario=name), "i9") for name in shares.index}
    assert len(single) == 3
    assert shares.max() < 0.999, "one scenario alone would be no mixture"
    for value in ("score", "baseline", "gain"):
        mean = sum(shares[name] * getattr(one, value) for name, one in single.items())
        assert getattr(answer, value) == pytest.approx(mean, abs=1e-4)
    for part, amount in answer.parts.items():
        mean = sum(shares[name] * one.parts.get(part, 0.0) for name, one in single.items())
        assert amount == pytest.approx(mean, abs=1e-4)


def test_users_are_evaluated_in_their_scenario(model: Recommender) -> None:
    found = {name: model.evaluate(scenario=name, keep_users=True) for name in (*SCENARIOS, "app")}
    for name in ("auto", "mixture"):
        assert found[name].n_users == found[None].n_users
    for name in ("web", "app"):
        assert found[name].metrics != found[None].metrics
