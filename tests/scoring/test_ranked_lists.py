"""rank(): the arrays behind recommend(), the same for a user alone and among others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.scoring import ranked_lists as ranked
from tests.recommender import catalogs

ALL = catalogs.N_ITEMS
HISTORIES = [["i1", "i2", "i3"], [], ["i7"], ["i5"] * 3, [f"i{n}" for n in range(30)]]
REQUESTS: dict[str, dict[str, object]] = {
    "plain": {},
    "scenario": {"scenario": "web"},
    "with seen": {"exclude_seen": False},
    "where": {"where": {"genres": "Comedy"}},
    "context": {"context": {"gender": "F"}},
}


@pytest.mark.parametrize("name", sorted(REQUESTS))
@pytest.mark.parametrize("stored", [True, False])
def test_alone_and_together_and_as_a_frame(fitted: Recommender, name: str, stored: bool) -> None:
    users = [f"u{n}" for n in range(5)] if stored else None
    given = None if stored and name != "context" else HISTORIES
    options = {"k": 12, **REQUESTS[name]}
    ids, scores = fitted.rank(users, histories=given, **options)  # type: ignore[arg-type]
    assert ids.shape == scores.shape == (5, 12)
    assert scores.dtype == np.float32
    frame = fitted.recommend(users, histories=given, **options)  # type: ignore[arg-type]
    assert frame["item_id"].tolist() == ids[scores > -np.inf].tolist()
    assert frame["score"].tolist() == scores[scores > -np.inf].tolist()
    for row in range(5):
        one = fitted.rank(
            None if users is None else users[row],
            histories=None if given is None else [given[row]],
            **options,  # type: ignore[arg-type]
        )
        assert one.ids[0].tolist() == ids[row].tolist()
        np.testing.assert_allclose(one.scores[0], scores[row], atol=1e-5)


def test_new_items_score_alone_as_together(fresh: Recommender) -> None:
    frames = catalogs.frames()
    item = pd.DataFrame({"item_id": ["i40"], "title": ["A jolly circus again"]})
    fact = pd.DataFrame([["i40", "item", "made_by", "e0", "entity"]])
    fact.columns = frames["facts"].columns
    frames["items"] = pd.concat([frames["items"], item], ignore_index=True)
    frames["facts"] = pd.concat([frames["facts"], fact], ignore_index=True)
    fresh.update(Catalog.from_frames(**frames))
    assert fresh.state.engine.cold_items is not None
    for given in (HISTORIES, [["i40", "i1"], ["i40"]]):
        ids, scores = fresh.rank(histories=given, k=ALL + 1, exclude_seen=False)
        for row, history in enumerate(given):
            one = fresh.rank(histories=[history], k=ALL + 1, exclude_seen=False)
            assert one.ids[0].tolist() == ids[row].tolist()
            np.testing.assert_allclose(one.scores[0], scores[row], atol=1e-5)


def test_short_lists_are_padded(fitted: Recommender) -> None:
    seen = [f"i{n}" for n in range(ALL - 2)]
    ids, scores = fitted.rank(histories=[seen, []], k=ALL + 5)
    assert ids.shape == (2, ALL)
    assert {*ids[0, :2]} == {f"i{ALL - 2}", f"i{ALL - 1}"}
    assert ids[0, 2:].tolist() == [None] * (ALL - 2)
    assert (scores[0, 2:] == -np.inf).all()
    assert np.isfinite(scores[1]).all()


def test_ids_that_are_no_strings_yet_are_read_as_text(fitted: Recommender) -> None:
    odd = fitted.rank(histories=[np.array(["i1", "i2"], dtype=object), ("i3",)], k=3)  # type: ignore[list-item]
    assert odd.ids.tolist() == fitted.rank(histories=[["i1", "i2"], ["i3"]], k=3).ids.tolist()


def test_batches_of_any_size_give_the_same(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted.rank(histories=HISTORIES, k=5)
    monkeypatch.setattr(ranked, "_BATCH", 2)
    parts = fitted.rank(histories=HISTORIES, k=5)
    assert parts.ids.tolist() == whole.ids.tolist()
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-6)
