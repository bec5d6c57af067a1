"""The state of a recommender is one value: replaced at once, complete, and the same for all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd
import pytest

import kgrec
from graph_schema import Catalog
from kgrec import DeviceError, NotFittedError, Recommender
from tests.recommender import catalogs

THREADS = 8
VERBS: dict[str, Callable[[Recommender], Any]] = {
    "recommend": lambda r: r.recommend(["u0", "u1"], k=5).to_dict(),
    "rank": lambda r: r.rank("u1", k=5, scenario="mixture").scores.tolist(),
    "similar": lambda r: r.similar("i9", k=5).to_dict(),
    "search": lambda r: r.search("dusty prairie", user="u1", k=5).to_dict(),
    "recognise": lambda r: r.recognise("u1").to_dict(),
    "explain": lambda r: r.explain("u1", "i9").to_dict(),
    "explain_all": lambda r: [answer.to_dict() for answer in r.explain_all("u1", ["i9", "i4"])],
    "counterfactual": lambda r: r.counterfactual("u1", "i9", k=30).to_dict(),
    "why_not": lambda r: r.why_not("u1", "i9", k=2).to_dict(),
    "compare": lambda r: r.compare("u1", "i9", "i4").to_dict(),
    "importance": lambda r: r.importance(users=["u1"], k=2).to_dict(),
    "rerank": lambda r: r.rerank(["u0", "u1"], group="tail", boost=1.0, k=3).frame.to_dict(),
    "evaluate": lambda r: r.evaluate().metrics,
    "fairness": lambda r: r.fairness(explained=1).to_dict(),
    "graph": lambda r: [str(path) for path in r.graph.paths("Item:i9", "Item:i4")],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender, with a rating model, that each test loads for itself."""
    folder = tmp_path_factory.mktemp("state") / "model"
    recommender = Recommender(catalogs.config(epochs=3)).fit(catalogs.catalog())
    recommender.fit_ratings().save(folder)
    return folder


def news(user: str = "u1", item: str = "i00") -> Catalog:
    """A user chooses a new item, whose row moves those of all others after it."""
    return Catalog.from_frames(
        items=pd.DataFrame({"item_id": [item], "title": ["The dusty prairie again"]}),
        interactions=pd.DataFrame({"user_id": user, "item_id": [item], "timestamp": 9_000_000}),
    )


CHANGES: dict[str, Callable[[Recommender], Any]] = {
    "update": lambda r: r.update(news()),
    "adapt": lambda r: r.adapt("gifts", [("u1", "i7"), ("guest", "i12")]),
    "fit_ratings": lambda r: r.fit_ratings(like=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_no_thread_sees_half_of_a_change(model: Path, change: str) -> None:
    recommender = Recommender.load(model)
    recommender.state.warm_up()
    verbs = {name: VERBS[name] for name in ("recommend", "rank", "search", "explain", "why_not")}
    before = {name: ask(recommender) for name, ask in verbs.items()}
    done = Event()

    def ask_until_done(number: int) -> list[tuple[str, Any]]:
        names = [*verbs][number % len(verbs) :] + [*verbs][: number % len(verbs)]
        answers = []
        while True:
            last = done.is_set()
            answers += [(name, verbs[name](recommender)) for name in names]
            if last:
                return answers

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask_until_done, number) for number in range(THREADS)]
        try:
            CHANGES[change](recommender)
        finally:
            done.set()
        answers = [answer for one in asking for answer in one.result()]
    after = {name: ask(recommender) for name, ask in verbs.items()}
    for name, answer in answers:
        assert answer in (before[name], after[name]), name
    if change == "update":
        assert [name for name in verbs if before[name] == after[name]] == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_reads_the_state_once(
    model: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads it twice may see two states, one before and one after a change."""
    recommender = Recommender.load(model)
    state, reads = recommender.state, []
    monkeypatch.setattr(Recommender, "state", property(lambda _: reads.append(verb) or state))
    VERBS[verb](recommender)
    assert reads == [verb]


def test_concurrent_updates_all_take_effect(model: Path) -> None:
    recommender = Recommender.load(model)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: recommender.update(news(f"new{n}", f"j{n}")), range(6)))
    assert set(recommender.snapshot.users.ids) >= {f"new{n}" for n in range(6)}
    assert set(recommender.snapshot.items.ids) >= {f"j{n}" for n in range(6)}
    assert len(recommender.recommend([f"new{n}" for n in range(6)], k=1)) == 6


@pytest.mark.slow
def test_after_a_warm_up_nothing_is_left_to_compute(model: Path) -> None:
    recommender = Recommender.load(model)
    cold = {name for _, name in uncomputed(recommender.state)}
    assert {"GraphIndexes.explainer", "GraphIndexes.searcher", "FittedState.resolver"} <= cold
    recommender.state.warm_up()
    left = set(uncomputed(recommender.state))
    for ask in VERBS.values():
        ask(recommender)
    recommender.predict(pd.DataFrame({"user_id": ["u1"], "item_id": ["i9"]}))
    computed = {name for _, name in left - set(uncomputed(recommender.state))}
    assert computed - BY_REQUEST == set()


# What these hold depends on the requests: ages of histories, and scenarios.
BY_REQUEST = {"SingleUserScorer._cached_weights", "ItemWeights._columns"}


def uncomputed(state: object) -> Iterator[tuple[int, str]]:
    """(Object, name) of each cached property in a state that is not computed yet."""
    waiting, seen = [state], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
        elif type(value).__module__.startswith("kgrec."):
            inside = getattr(value, "__dict__", {})
            waiting += inside.values()
            for kind in type(value).__mro__:
                for name, member in vars(kind).items():
                    if isinstance(member, cached_property) and name not in inside:
                        yield id(value), f"{type(value).__name__}.{name}"


@pytest.mark.slow
def test_fitting_leaves_the_settings_as_they_were(tmp_path: Path) -> None:
    settings = catalogs.config(epochs=1)
    kept = settings.model_copy(deep=True)
    recommender = Recommender(settings).fit(
        catalogs.catalog(), tune=2, checkpoint=tmp_path / "checkpoint"
    )
    recommender.fit_ratings(like=3)
    assert recommender.config is settings
    assert settings == kept
    assert recommender.state.config.ratings.like == 3
    assert len(recommender.tuning) == 2


ARGUMENTS: dict[str, Any] = {
    "answers": {"i1": "yes"},
    "item": "i1",
    "item_a": "i1",
    "item_b": "i2",
    "items": ["i1"],
    "user": "u1",
    "users": ["u1"],
    "text": "a film",
    "group": "tail",
    "other": "u2",
    "pairs": pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]}),
    "news": Catalog.from_frames(users=pd.DataFrame({"user_id": ["u1"]})),
    "scenario": "web",
    "folder": "nowhere",
    "path": "nowhere.html",
    "log": "nowhere.csv",
}
FITTING = {"fit", "load", "of"}
METHODS = [
    name
    for name, member in inspect.getmembers(Recommender, callable)
    if not name.startswith("_") and name not in FITTING
]


def test_the_methods_are_all_there() -> None:
    assert set(METHODS) >= {*VERBS, "update", "adapt", "fit_ratings", "predict", "save"} - {"graph"}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_fitted_says_so(method: str) -> None:
    verb = getattr(Recommender(), method)
    required = [
        name
        for name, parameter in inspect.signature(verb).parameters.items()
        if parameter.default is parameter.empty
    ]
    given = {name: ARGUMENTS[name] for name in required}
    with pytest.raises(NotFittedError, match=r"not fitted; call fit\(\) or Recommender.load\(\)"):
        verb(**given)


@pytest.mark.parametrize("name", ["state", "snapshot", "graph"])
def test_properties_of_what_is_not_fitted_say_so(name: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(Recommender(), name)


def test_a_device_that_does_not_exist_is_refused(model: Path) -> None:
    with pytest.raises(DeviceError, match="device 'nonsense' can't be used"):
        Recommender(catalogs.config()).fit(catalogs.catalog(), device="nonsense")
    with pytest.raises(DeviceError, match="device 'nonsense' can't be used"):
        Recommender.load(model, device="nonsense")
    assert issubclass(DeviceError, kgrec.KgrecError)
