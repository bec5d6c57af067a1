"""The quick fit: a model in closed form, chosen on validation rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kgrec import Recommender
from kgrec.arrays import pairs_to_csr
from kgrec.errors import RequestError
from kgrec.features.texts import TextReader
from kgrec.fitting.fit import FitOptions
from kgrec.fitting.pipeline import run_as_chosen
from kgrec.fitting.plan import with_effort
from kgrec.metrics.baselines import Popularity, binary_history
from kgrec.metrics.evaluate import evaluate_ranking
from kgrec.state import fitted_state
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def quick() -> Recommender:
    return Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(), effort="quick")


def test_nothing_is_trained_and_the_settings_say_so(quick: Recommender) -> None:
    assert quick.history == []
    assert quick.state.config.training.effort == "quick"
    assert quick.config.training.effort == "normal", "the given settings stay as they are"


def test_it_is_far_ahead_of_popularity(quick: Recommender) -> None:
    """On the test rows, with the same histories."""
    full = quick.state.full_snapshot
    assert full is not None
    split = np.asarray(full.interactions.split)
    known = full.interactions.select(split != "test")
    held = full.interactions.select(split == "test")
    n_users, n_items = len(full.users), len(full.items)
    popular = Popularity().fit(known, n_users, n_items)
    rows = binary_history(known, n_users, n_items)
    report = evaluate_ranking(
        lambda users: popular.score(rows[users]),
        n_items=n_items,
        targets=pairs_to_csr(held.user, held.item, n_users),
        seen=pairs_to_csr(known.user, known.item, n_users),
        ks=(10,),
    )
    assert quick.evaluate()["ndcg@10"] > 1.3 * report["ndcg@10"]


def test_it_is_saved_and_explained_like_any_other(quick: Recommender, tmp_path: Path) -> None:
    quick.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    users = list(map(str, quick.snapshot.users.ids[:4]))
    answers = quick.recommend(users=users, k=5)
    assert answers.equals(loaded.recommend(users=users, k=5))
    first = answers.iloc[0]
    found = loaded.explain(first["user_id"], first["item_id"])
    assert found.score == pytest.approx(first["score"], abs=1e-4)


def test_equal_data_gives_equal_models(quick: Recommender) -> None:
    again = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(), seed=5, effort="quick")
    users = list(map(str, quick.snapshot.users.ids[:4]))
    assert again.recommend(users=users, k=5).equals(quick.recommend(users=users, k=5))


def test_without_ids_the_item_weights_are_left() -> None:
    config = catalogs.config(epochs=1)
    model = config.model.model_copy(update={"use_ids": False})
    fitted = Recommender(config.model_copy(update={"model": model}))
    fitted.fit(catalogs.catalog(), effort="quick")
    assert fitted.state.engine.weights is not None
    assert len(fitted.recommend("u1", k=5)) == 5


def test_a_search_has_nothing_to_compare() -> None:
    with pytest.raises(RequestError, match="tune compares settings of training"):
        Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick", tune=2)
    with pytest.raises(RequestError, match="choose one of 'quick', 'normal', 'thorough'"):
        Recommender(catalogs.config()).fit(catalogs.catalog(), effort="slow")  # type: ignore[arg-type]


@pytest.mark.parametrize("marked", [False, True])
def test_a_fit_whose_choices_are_known_is_the_same(marked: bool) -> None:
    """To the bit where no rows are marked "valid", so that the model learns from all in the end."""
    frames = catalogs.frames()
    events = frames["interactions"]
    if not marked:
        split = events["split"].where(events["split"] != "valid", "train")
        frames["interactions"] = events.assign(split=split)
    config = with_effort(catalogs.config(epochs=1), "quick", None)
    state = Recommender(config).fit(catalogs.catalog(**frames), seed=3).state
    origin, full = state.origin, state.full_snapshot
    assert origin is not None
    assert origin.vectors is not None
    assert origin.all_rows is not marked
    result = run_as_chosen(
        full.without_splits(("test",)),
        config,
        TextReader(config).read,
        FitOptions(seed=3, device=torch.device("cpu")),
        origin.vectors,
        origin.item_weights,
    )
    again = fitted_state(full, result, TextReader(config), None, 3)
    assert again.origin == origin
    users = np.arange(len(full.users))
    scores = [one.engine.score(one.engine.stored(users)) for one in (state, again)]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-5 if marked else 0.0, rtol=0.0)
