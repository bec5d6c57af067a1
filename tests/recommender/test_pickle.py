"""A recommender is copied, pickled and sent to worker processes, and answers the same there."""

from __future__ import annotations

import copy
import copyreg
import io
import multiprocessing
import pickle
from pathlib import Path

import joblib
import pytest

from kgrec import KgrecError, NotFittedError, Recommender
from kgrec.errors import ModelError
from kgrec.persistence.model_folder import state_of_files

USERS = ["u0", "u1", "u2"]


def asked(model: Recommender) -> list[dict[str, object]]:
    return model.recommend(USERS, k=3).to_dict("records")


def ask(model: Recommender, user: str) -> list[dict[str, object]]:
    """One request in another process."""
    return model.recommend([user], k=3).to_dict("records")


def in_memory(model: Recommender) -> Recommender:
    return pickle.loads(pickle.dumps(model))


def by_joblib(model: Recommender) -> Recommender:
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("copied", [in_memory, by_joblib, copy.deepcopy, copy.copy])
def test_a_copy_answers_the_same(fresh: Recommender, copied: object) -> None:
    fresh.explain("u0", asked(fresh)[0]["item_id"])  # the indexes are built
    fresh.search("film")
    other = copied(fresh)
    assert asked(other) == asked(fresh)
    assert other.history == fresh.history
    assert other.config == fresh.config


@pytest.mark.parametrize("copied", [in_memory, copy.deepcopy, copy.copy])
def test_a_copy_changes_alone(fresh: Recommender, copied: object) -> None:
    before, other = asked(fresh), copied(fresh)
    other.adapt("gifts", [("u0", before[0]["item_id"])])
    assert "gifts" in other.snapshot.scenarios.ids
    assert "gifts" not in fresh.snapshot.scenarios.ids
    assert asked(fresh) == before


def test_what_is_not_fitted_is_copied_as_such() -> None:
    for copied in (in_memory, copy.deepcopy):
        with pytest.raises(NotFittedError):
            copied(Recommender()).recommend(["u0"])


def test_a_state_alone_is_pickled(fresh: Recommender) -> None:
    state = pickle.loads(pickle.dumps(fresh.state))
    assert asked(Recommender.of(state)) == asked(fresh)


def test_a_pickle_that_was_changed_is_refused(fresh: Recommender) -> None:
    _, (files, device) = copyreg.dispatch_table[type(fresh.state)](fresh.state)
    changed = {**files, "vocabulary.json": files["vocabulary.json"] + b" "}
    with pytest.raises(ModelError, match=r"vocabulary\.json is truncated or was changed"):
        state_of_files(changed, device)
    with pytest.raises(ModelError, match="leads out of"):
        state_of_files({**files, "../outside": b""}, device)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_answer_the_same(saved: Path, method: str) -> None:
    model = Recommender.load(saved)
    expected = [ask(model, user) for user in USERS]
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.map_async(model.recommend, USERS).get(timeout=600)
        assert [frame.head(3).to_dict("records") for frame in found] == expected
        asked_there = pool.starmap_async(ask, [(model, user) for user in USERS]).get(timeout=600)
    assert asked_there == expected


def test_answers_and_errors_are_pickled(fitted: Recommender) -> None:
    ranked = fitted.rank(USERS, k=3)
    assert (pickle.loads(pickle.dumps(ranked)).ids == ranked.ids).all()
    item = str(ranked.ids[0][0])
    explained = fitted.explain("u0", item)
    assert pickle.loads(pickle.dumps(explained)).to_dict() == explained.to_dict()
    with pytest.raises(KgrecError) as error:
        fitted.recommend(["nobody"])
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), str(again)) == (type(error.value), str(error.value))
