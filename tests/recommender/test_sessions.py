"""What a session has set changes no answer, and is as before afterwards."""

from __future__ import annotations

import copy
import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

from graph_schema import Catalog
from kgrec import KgrecError, Recommender, TextTuning, tune_text
from kgrec.session import plain_session
from tests.recommender import catalogs
from tests.text.tiny import write_bert

pytestmark = pytest.mark.slow


@contextmanager
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def _warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


SESSIONS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float64": _float64,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default device": lambda: torch.device("meta"),
    "numpy raises": lambda: np.errstate(all="raise"),
    "warnings raise": _warnings,
    "python strings": lambda: pd.option_context("mode.string_storage", "python"),
}


def settings() -> tuple[Any, ...]:
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_num_threads(),
        np.geterr(),
        pd.get_option("mode.string_storage"),
        list(warnings.filters),
    )


def random_states() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002


def work(folder: Path) -> dict[str, Any]:
    """Everything that trains or answers, and what it answers."""
    model = Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog(), seed=3)
    user = str(model.snapshot.users.ids[0])
    model.fit_ratings()
    model.save(folder)
    model = Recommender.load(folder)
    first = model.recommend([user], k=3)
    item = first["item_id"][0]
    pairs = pd.DataFrame({"user_id": [user], "item_id": [item]})
    answers = {
        "recommend": first,
        "similar": model.similar(item, k=3),
        "explain": model.explain(user, item, k=3).to_dict(),
        "why_not": model.why_not(user, item, k=3).to_dict(),
        "predict": model.predict(pairs),
        "importance": model.importance("part", users=2),
    }
    model.adapt("gifts", [(user, item)])
    answers["adapted"] = model.recommend([user], k=3, scenario="gifts")
    return answers


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return work(tmp_path_factory.mktemp("plain") / "model")


def same(one: Any, other: Any) -> None:
    """Equal values to the last bit; pandas' own options choose how it keeps text."""
    if isinstance(one, pd.DataFrame):
        assert one.to_dict("list") == other.to_dict("list")
    else:
        assert one == other


@pytest.mark.parametrize("name", SESSIONS)
def test_work_is_equal_to_that_of_a_plain_session(
    name: str, plain: dict[str, Any], tmp_path: Path
) -> None:
    with SESSIONS[name]():
        before, drawn = settings(), random_states()
        found = work(tmp_path / "model")
        assert settings() == before
        assert random_states() == drawn
    for question, answer in plain.items():
        same(answer, found[question])


def by_joblib(model: Recommender, folder: Path) -> Recommender:
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_saving(model: Recommender, folder: Path) -> Recommender:
    model.save(folder / "copy")
    return Recommender.load(folder / "copy")


COPIES: dict[str, Callable[[Recommender, Path], Recommender]] = {
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "joblib": by_joblib,
    "save": by_saving,
    "a state": lambda model, folder: Recommender.of(pickle.loads(pickle.dumps(model.state))),
}


@pytest.mark.parametrize("name", ["float64", "inference_mode", "default device", "numpy raises"])
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_made_in_any_session_is_the_same_model(
    fresh: Recommender, name: str, way: str, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"user_id": ["u1"], "item_id": ["brand new"]})
    news = Catalog.from_frames(interactions=rows)

    def answers(model: Recommender) -> list[dict[str, object]]:
        model.update(news)
        model.adapt("gifts", [("u1", "brand new")])
        return model.recommend(["u1"], k=5, scenario="gifts").to_dict("records")

    with SESSIONS[name]():
        before = settings()
        other = COPIES[way](fresh, tmp_path)
        assert settings() == before
        types = {value.dtype for value in other.state.engine.model.state_dict().values()}
        found = answers(other)
        state = other.state.over(fresh.state.full_snapshot).warm_up()
    assert types <= {torch.float32, torch.int64, torch.bool}
    assert found == answers(fresh)
    assert {one.dtype for one in state.engine.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["float64", "inference_mode", "numpy raises"])
def test_a_text_model_is_tuned_the_same(name: str, tmp_path: Path) -> None:
    base = write_bert(tmp_path / "base")
    settings = TextTuning(method="full", epochs=1, steps=2, batch_size=4, max_length=8)

    def tuned(out: Path) -> bytes:
        tune_text(catalogs.catalog(), out, settings, base=base, device="cpu")
        return next(out.glob("*.safetensors")).read_bytes()

    expected = tuned(tmp_path / "plain")
    with SESSIONS[name]():
        assert tuned(tmp_path / "other") == expected


def test_settings_are_back_after_an_error(fitted: Recommender) -> None:
    with _float64(), torch.no_grad():
        before = settings()
        with pytest.raises(KgrecError):
            fitted.recommend(["nobody"])
        assert settings() == before


def test_the_dtype_is_back_when_the_last_thread_is_done() -> None:
    first, second = plain_session(), plain_session()
    with _float64():
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_default_dtype() is torch.float32
        second.__exit__(None, None, None)
        assert torch.get_default_dtype() is torch.float64
