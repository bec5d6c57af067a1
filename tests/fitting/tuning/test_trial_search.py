"""The search: given settings first, better ones later, the same whether stopped or not."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from kgrec.config import RecommenderConfig
from kgrec.errors import MissingExtraError, ModelError, TrainingError
from kgrec.fitting.tuning.search_space import SPACE, Between, OneOf, with_values
from kgrec.fitting.tuning.trial_search import SearchOptions, TrialHistory, search

CONFIG = RecommenderConfig()


def hill(config: RecommenderConfig) -> tuple[float, float]:
    """Best at learning rate .004 and dropout .25; unset fields count as far off."""
    rate = config.training.learning_rate or 0.02
    dropout = 0.5 if config.model.dropout is None else config.model.dropout
    return -abs(math.log(rate / 0.004)) - 4 * abs(dropout - 0.25), 0.5


def run(n_trials: int, **changed: object) -> TrialHistory:
    options = {"seed": 3, "fingerprint": "data", **changed}
    return search(CONFIG, hill, n_trials, SearchOptions(**options))  # type: ignore[arg-type]


def test_the_given_settings_are_tried_first() -> None:
    seen: list[RecommenderConfig] = []

    def fit(config: RecommenderConfig) -> tuple[float, float]:
        seen.append(config)
        return 1.0, 0.0

    found = search(CONFIG, fit, 2, SearchOptions(0, ""))
    assert seen[0] == CONFIG
    assert seen[1] != CONFIG
    assert found.best().number == 0


def test_every_trial_stays_in_the_space_and_sets_all_of_it() -> None:
    for one in run(8).trials[1:]:
        assert set(one.values) == {setting.name for setting in SPACE}
        for setting in SPACE:
            value = one.values[setting.name]
            assert is_allowed(setting.values, value)
        RecommenderConfig.model_validate(with_values(CONFIG, one.values).model_dump())


def test_a_search_finds_better_settings_than_the_given() -> None:
    found = run(25)
    assert found.best().metric is not None
    assert found.best().metric > hill(CONFIG)[0] + 1


def test_a_seed_decides_the_search() -> None:
    values = [[one.values for one in run(8, seed=seed).trials] for seed in (1, 1, 2)]
    assert values[0] == values[1]
    assert values[0] != values[2]


def is_allowed(values: OneOf | Between, value: float) -> bool:
    if isinstance(values, OneOf):
        return value in values.values
    return values.low <= value <= values.high


def test_without_optuna_the_extra_is_named_before_any_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(_config: RecommenderConfig) -> tuple[float, float]:
        raise AssertionError("a fit began")

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"kgrec\[tuning\]"):
        search(CONFIG, fit, 1, SearchOptions(0, ""))


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_search_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, stop: int) -> None:
    whole = run(9)
    run(stop, folder=tmp_path)
    assert run(9, folder=tmp_path, resume=True).records() == whole.records()
    kept = json.loads((tmp_path / "tries.json").read_text())
    assert kept["tries"] == whole.records()


def test_without_resume_a_search_starts_anew(tmp_path: Path) -> None:
    run(3, folder=tmp_path)
    seen: list[RecommenderConfig] = []

    def fit(config: RecommenderConfig) -> tuple[float, float]:
        seen.append(config)
        return hill(config)

    search(CONFIG, fit, 3, SearchOptions(3, "data", tmp_path))
    assert len(seen) == 3
    assert seen[0] == CONFIG


def test_a_trial_that_fails_is_kept_and_passed_over() -> None:
    def fit(config: RecommenderConfig) -> tuple[float, float]:
        if config == CONFIG:  # the first trial
            raise TrainingError("the loss is nan")
        return hill(config)

    found = search(CONFIG, fit, 3, SearchOptions(0, ""))
    assert found.trials[0].metric is None
    assert found.trials[0].error == "the loss is nan"
    assert found.best().number > 0


def test_where_all_fail_the_first_reason_is_given() -> None:
    reasons = (f"reason {number}" for number in range(2))

    def fit(_config: RecommenderConfig) -> tuple[float, float]:
        raise TrainingError(next(reasons))

    with pytest.raises(TrainingError, match="reason 0"):
        search(CONFIG, fit, 2, SearchOptions(0, ""))


@pytest.mark.parametrize("n_trials", [0, -1, True, 1.5])
def test_fewer_than_one_trial_is_refused(n_trials: object) -> None:
    with pytest.raises(TrainingError, match="at least 1"):
        search(CONFIG, hill, n_trials, SearchOptions(0, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"fingerprint": "other"}, {"seed": 4}])
def test_a_search_on_other_data_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    run(2, folder=tmp_path)
    with pytest.raises(ModelError, match="other data"):
        run(3, folder=tmp_path, resume=True, **changed)


@pytest.mark.parametrize("content", ["", "{", '{"tries": 3}', "[]"])
def test_an_unreadable_history_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tries.json").write_text(content)
    with pytest.raises(ModelError, match="not a readable search"):
        run(3, folder=tmp_path, resume=True)
