from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError, TrainingError
from kgrec.features.texts import NOTHING, TextFeatures
from tests.recommender import catalogs


def test_probabilities_sum_to_one_and_one_answer_is_chosen(short: Recommender) -> None:
    frame = short.recognise(["u0", "u1"])
    assert list(frame.columns) == ["user_id", "scenario", "probability", "rank", "chosen"]
    assert frame.groupby("user_id")["probability"].sum().tolist() == pytest.approx([1.0, 1.0])
    assert frame.groupby("user_id")["chosen"].sum().tolist() == [1, 1]
    for _, rows in frame.groupby("user_id"):
        assert set(rows["scenario"]) == {"web", "app", None}
        assert rows["rank"].tolist() == [1, 2, 3]
        assert rows["probability"].is_monotonic_decreasing


def test_a_typed_history_tells_its_scenario(short: Recommender) -> None:
    # Odd items are chosen on the web; users of tastes 1 and 3 keep to odd items.
    odd, even = ([f"i{n}" for n in range(start, 40, 4)] for start in (1, 2))
    frame = short.recognise(histories={"odd": odd, "even": even})
    outcome = frame.pivot(index="user_id", columns="scenario", values="probability")
    assert outcome.loc["odd", "web"] > outcome.loc["even", "web"] + 0.1
    alone = short.recognise(histories={"odd": odd})
    np.testing.assert_allclose(
        alone["probability"], frame[frame["user_id"] == "odd"]["probability"], rtol=1e-5
    )


def test_without_any_history_it_says_the_natural_shares(short: Recommender) -> None:
    frame = short.recognise(histories=[[]])
    shares = frame.set_index("scenario")["probability"]
    assert shares[["web", "app"]].tolist() == pytest.approx([0.5, 0.5], abs=0.1)
    assert frame["probability"].iloc[-1] == 0.0


def test_auto_is_the_scenario_it_recognises(short: Recommender) -> None:
    frame = short.recognise(["u0"])
    chosen = frame[frame["chosen"]]["scenario"].item()
    pd.testing.assert_frame_equal(
        short.recommend(["u0"], scenario="auto"), short.recommend(["u0"], scenario=chosen)
    )


def test_auto_hears_the_context_too(short: Recommender) -> None:
    outcome = {}
    for hour in range(24):
        frame = short.recognise(histories=[["i1"]], context={"hour": hour})
        outcome[hour] = frame[frame["chosen"]]["scenario"].item()
        assert short.recommend(histories=[["i1"]], scenario="auto", context={"hour": hour}).equals(
            short.recommend(histories=[["i1"]], scenario=outcome[hour])
        )
    with pytest.raises(RequestError, match="'weather'"):
        short.recommend(["u0"], scenario="auto", context={"weather": "wet"})


def test_a_mixture_averages_scores_by_the_probabilities(short: Recommender) -> None:
    outcome = short.recognise(["u3"])
    engine, user = short.state.engine, short.state.engine.snapshot.users.rows(["u3"])
    total = np.zeros(len(engine.snapshot.items))
    for name, share in zip(outcome["scenario"], outcome["probability"], strict=True):
        code = -1 if name is None else engine.vocabulary.scenarios.tolist().index(name)
        total += share * engine.score(engine.stored(user, np.array([code])))[0].numpy()
    mixed = short.recommend(["u3"], scenario="mixture", k=10)
    rows = engine.snapshot.items.rows(mixed["item_id"].tolist())
    np.testing.assert_allclose(mixed["score"], total[rows], rtol=1e-4)


def test_saving_keeps_the_answers(short: Recommender, tmp_path: Path) -> None:
    short.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recognise(["u0", "u5"]), short.recognise(["u0", "u5"]))


def test_one_scenario_can_not_be_recognised() -> None:
    events = catalogs.frames()["interactions"].assign(scenario="web")
    model = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(interactions=events))
    with pytest.raises(RequestError, match="fewer than two"):
        model.recognise(["u0"])
    with pytest.raises(RequestError, match="fewer than two"):
        model.recommend(["u0"], scenario="auto")


def test_a_scenario_can_not_take_a_reserved_name() -> None:
    frames = catalogs.frames()
    events = frames["interactions"]
    frames["interactions"] = events.assign(scenario=events["scenario"].replace("web", "auto"))
    model = Recommender(catalogs.config(epochs=1))
    with pytest.raises(TrainingError, match="'auto'"):
        model.fit(Catalog.from_frames(**frames))
    assert not model.history, "refused before training"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing to recognise"),
        ({"text": " "}, "empty"),
        ({"text": "songs"}, "reads no texts"),
        ({"context": {"hour": 24}}, "0 to 23"),
        ({"context": {"shoe": 44}}, "'shoe'"),
    ],
)
def test_bad_requests_are_told(short: Recommender, given: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        short.recognise(**given)


@pytest.fixture(scope="module")
def by_day() -> Recommender:
    """Women come in the morning, to "shop"; men in the evening, to "browse"."""
    frames = catalogs.frames()
    events = frames["interactions"]
    woman = events["user_id"].str[1:].astype(int) % 4 < 2
    time = events["timestamp"] // 86_400 * 86_400 + np.where(woman, 9, 21) * 3600
    events = events.assign(scenario=np.where(woman, "shop", "browse"), timestamp=time)
    return Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(interactions=events))


@pytest.mark.parametrize(
    ("context", "scenario"),
    [({"hour": 9}, "shop"), ({"hour": 21}, "browse"), ({"gender": "F"}, "shop")],
)
def test_context_tells(by_day: Recommender, context: dict, scenario: str) -> None:
    frame = by_day.recognise(context=context)
    assert frame["scenario"].iloc[0] == scenario
    assert frame["probability"].iloc[0] > 0.8


class _Words:
    """An encoder of four directions, one per taste: enough to test what is made of vectors."""

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        words = ("circus", "trenches", "prairie", "songs")
        found = np.array([[word in text.lower() for word in words] for text in texts], np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1)


@pytest.fixture(scope="module")
def outcome() -> Recommender:
    """Jolly and war scenarios have histories; "west" has a description alone. The texts' vectors
    are put in after a fit without texts, so that no language model is needed."""
    frames = catalogs.frames()
    events = frames["interactions"]
    taste = events["item_id"].str[1:].astype(int) % 4
    kept = taste < 2
    events = events[kept].assign(scenario=np.where(taste[kept] == 0, "jolly", "war"))
    scenarios = pd.DataFrame(
        {
            "scenario_id": ["jolly", "war", "west"],
            "description": ["circus evenings", "", "rides on the prairie"],
        }
    )
    given = {**frames, "interactions": events, "scenarios": scenarios, "reviews": None}
    given["queries"] = None
    model = Recommender(catalogs.config(epochs=1)).fit(Catalog.from_frames(**given))
    words = _Words()
    titles = model.snapshot.items.attributes["title"].tolist()
    outcome = TextFeatures({"text": words.encode(titles)}, NOTHING, 4)
    described = words.encode(model.snapshot.scenarios.attributes["description"].tolist())
    texts = replace(outcome, scenarios=described)
    model = Recommender.of(
        replace(model.state, engine=model.state.engine.with_scenarios(texts=texts))
    )
    model.state.reader.encoder = words  # type: ignore[assignment]
    return model


@pytest.mark.parametrize(
    ("text", "scenario"),
    [("a prairie please", "west"), ("Circus!", "jolly"), ("in the trenches", "war")],
)
def test_a_query_finds_a_scenario_by_description_or_items(
    outcome: Recommender, text: str, scenario: str
) -> None:
    frame = outcome.recognise(text=text)
    assert frame[frame["chosen"]]["scenario"].item() == scenario


def test_a_new_scenario_is_recognised_by_its_description_alone(outcome: Recommender) -> None:
    west, jolly = ([f"i{n}" for n in range(start, 24, 4)] for start in (2, 0))
    frame = outcome.recognise(histories={"west": west, "jolly": jolly})
    shares = frame.pivot(index="user_id", columns="scenario", values="probability")
    assert shares.loc["west", "west"] > 0.5 > shares.loc["jolly", "west"]
    best = frame[frame["chosen"]].set_index("user_id")["scenario"]
    assert best.to_dict() == {"west": "west", "jolly": "jolly"}
