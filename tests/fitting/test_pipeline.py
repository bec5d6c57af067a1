"""Where fit holds rows out itself, the model is trained again on all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.fitting.fit import best_epoch
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


def unmarked() -> Catalog:
    """The usual catalog, whose rows no longer say which choose the model."""
    frames = catalogs.frames()
    rows = frames["interactions"]
    frames["interactions"] = rows[rows["split"] != "test"].drop(columns="split")
    return Catalog.from_frames(**frames)


def test_the_rows_that_chose_are_trained_on_afterwards() -> None:
    catalog = unmarked()
    again = Recommender(catalogs.config(epochs=2)).fit(catalog)
    once = Recommender(catalogs.config(epochs=2, refit=False)).fit(catalog)
    assert again.history[0]["loss"] == once.history[0]["loss"], "both choose alike"
    left, right = (r.state.engine.model.state_dict()["item_bias"] for r in (again, once))
    assert not torch.equal(left, right)


def test_rows_marked_valid_are_never_trained_on() -> None:
    catalog = catalogs.catalog()
    assert (catalog.interactions["split"] == "valid").any()
    models = [
        Recommender(catalogs.config(epochs=2, refit=refit))
        .fit(catalog)
        .state.engine.model.state_dict()
        for refit in (True, False)
    ]
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


@pytest.mark.parametrize(
    ("values", "expected"), [([0.1, 0.3, 0.2], 2), ([None, 0.3, None, 0.3], 2), ([None, None], 2)]
)
def test_the_best_epoch_is_the_first_of_the_best(values: list[float | None], expected: int) -> None:
    history = [
        {"epoch": epoch, "loss": 1.0} | ({} if value is None else {"valid_ndcg@10": value})
        for epoch, value in enumerate(values, start=1)
    ]
    assert best_epoch(history) == expected


def test_a_resumed_fit_with_both_stages_ends_alike(tmp_path) -> None:
    catalog, settings = unmarked(), catalogs.config(epochs=2)
    whole = Recommender(settings).fit(catalog)
    folder = tmp_path / "checkpoint"

    def stop(_what: str, done: int, _total: int) -> None:
        stages.append(done)
        if stages.count(1) == 2:  # the second stage has begun
            raise KeyboardInterrupt

    stages: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        Recommender(settings).fit(
            catalog,
            checkpoint=folder,
            progress=lambda what, done, total: (
                stop(what, done, total) if what.startswith("training") else None
            ),
        )
    resumed = Recommender(settings).fit(catalog, checkpoint=folder, resume=True)
    ours, others = (r.state.engine.model.state_dict() for r in (whole, resumed))
    assert all(np.array_equal(ours[name].numpy(), others[name].numpy()) for name in ours)
