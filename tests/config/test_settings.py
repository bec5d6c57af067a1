"""Settings: a wrong field is one RequestError; copies, pickles and files hold the same settings."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from graph_schema.settings import Settings
from kgrec import config
from kgrec.config import (
    ModelConfig,
    RatingConfig,
    RecommenderConfig,
    ScenarioConfig,
    ScenarioRule,
    TextConfig,
    TextTuning,
    TrainingConfig,
)
from kgrec.errors import RequestError

WRONG: list[tuple[type[Settings], dict[str, Any], str]] = [
    (RatingConfig, {"like": math.nan}, "like: Input should be a finite number"),
    (ModelConfig, {"kg_layers": 9}, "kg_layers: "),
    (ModelConfig, {"head": "future_head"}, "head: "),
    (TrainingConfig, {"epochs": 0}, "epochs: "),
    (TrainingConfig, {"balancing": "fixed", "accumulation": 2}, "set accumulation to 1. Correct"),
    (TextConfig, {"max_length": "long"}, "max_length: "),
    (TextTuning, {"metod": "lora"}, "metod: Extra inputs are not permitted"),
    (ScenarioRule, {}, "by: Field required"),
    (ScenarioConfig, {"rule": {"by": "?"}}, "rule: by '?' is unknown"),
    (RecommenderConfig, {"model": {"kg_layers": 9}, "text": 3}, "model.kg_layers: "),
]


@pytest.mark.parametrize(("kind", "values", "words"), WRONG)
def test_a_wrong_value_is_one_error_with_its_field_and_cure(
    kind: type[Settings], values: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError) as error:
        kind(**values)
    text = str(error.value)
    assert text.startswith(f"{kind.__name__} has wrong settings: ")
    assert words in text
    assert text.endswith(f"kgrec.{kind.__name__} documents each field.")
    assert "pydantic" not in text
    assert "\n" not in text
    with pytest.raises(ValidationError):  # pydantic's own way keeps the places of all problems
        kind.model_validate(values)


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(RequestError, match=r"model\.kg_layers: .*text: "):
        RecommenderConfig(model={"kg_layers": 9}, text=3)  # type: ignore[arg-type]


def test_all_settings_are_checked_alike() -> None:
    kinds = [vars(config)[name] for name in config.__all__]
    found = [one for one in kinds if isinstance(one, type) and hasattr(one, "model_validate")]
    assert found
    assert all(issubclass(one, Settings) for one in found)


@pytest.mark.parametrize(
    "copied",
    [
        lambda one: pickle.loads(pickle.dumps(one)),
        copy.deepcopy,
        copy.copy,
        lambda one: one.model_copy(),
        lambda one: RecommenderConfig.model_validate(one.model_dump()),
        lambda one: RecommenderConfig.model_validate(one.model_dump(mode="json")),
        lambda one: RecommenderConfig(**one.model_dump()),
    ],
)
def test_a_copy_is_equal_and_frozen(copied: Any) -> None:
    rule = ScenarioRule(by="user.age", groups={"young": {"min": 0, "max": 30}, "old": [80]})
    whole = RecommenderConfig(
        model=ModelConfig(kg_layers=2), scenarios=ScenarioConfig(rule=rule, overwrite=True)
    )
    again = copied(whole)
    assert again == whole
    with pytest.raises(ValidationError, match="frozen"):
        again.model = ModelConfig()
