"""What the latency benchmark times: answers that are right, of the peers' too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import latency
from benchmarks.peers.answers import AlsAnswers, EaseAnswers
from benchmarks.speed import bandwidth
from kgrec import Recommender
from kgrec.metrics.baselines import EASE, binary_history
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


K = 5


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return Recommender(catalogs.config(epochs=2)).fit(catalogs.catalog())


@pytest.fixture(scope="module")
def histories(fitted: Recommender) -> list[list[str]]:
    return latency.stored_histories(fitted, catalogs.N_USERS + 3)


def peers(fitted: Recommender) -> dict[str, Any]:
    snapshot = fitted.snapshot
    shape = (len(snapshot.users), len(snapshot.items))
    given = (snapshot.interactions, shape, snapshot.items.ids, K)
    return {"als": AlsAnswers(*given), "ease": EaseAnswers(*given)}


def test_histories_are_the_stored_ones_and_start_again(
    fitted: Recommender, histories: list[list[str]]
) -> None:
    assert len(histories) == catalogs.N_USERS + 3
    assert histories[catalogs.N_USERS :] == histories[:3]
    snapshot = fitted.snapshot
    for row in (0, 7):
        mine = snapshot.interactions.item[snapshot.interactions.user == row]
        assert histories[row] == snapshot.items.ids[mine].tolist()


def test_peers_rank_unseen_items_and_alone_as_together(
    fitted: Recommender, histories: list[list[str]]
) -> None:
    for peer in peers(fitted).values():
        ids, scores = peer.of_histories(histories)
        assert ids.shape == scores.shape == (len(histories), K)
        assert (np.diff(scores) <= 0).all()
        assert not any(set(own) & set(given) for own, given in zip(ids, histories, strict=True))
        for row in (0, 20):
            alone, _ = peer.of_histories(histories[row : row + 1])
            assert alone[0].tolist() == ids[row].tolist()


def test_ease_ranks_by_its_own_scores(fitted: Recommender, histories: list[list[str]]) -> None:
    snapshot = fitted.snapshot
    shape = (len(snapshot.users), len(snapshot.items))
    known = binary_history(snapshot.interactions, *shape)
    expected = EASE().fit(snapshot.interactions, *shape).score(known)
    expected[known.toarray() > 0] = -np.inf
    _, scores = peers(fitted)["ease"].of_histories(histories[: catalogs.N_USERS])
    np.testing.assert_allclose(scores, -np.sort(-expected)[:, :K], atol=1e-5)


def test_the_measurement_has_what_is_promised(
    fitted: Recommender, histories: list[list[str]]
) -> None:
    threads = torch.get_num_threads()
    result, rows = latency.measure(fitted, histories, rounds=1)
    assert torch.get_num_threads() == threads
    names = {"one_user_ms", "one_user_p95_ms", "thousand_users_ms"}
    ratios = {"one_user_to_ease", "thousand_users_to_ease"}
    assert {"als", "ease"} == set(result["peers"])
    for times in (result["kgrec"], result["kgrec"]["stored"], *result["peers"].values()):
        assert names | ratios <= set(times)
    assert all(result["peers"]["ease"][name] == 1.0 for name in ratios)
    for frame in ("frame_ms", "stored_frame_ms"):
        assert set(result["kgrec"][frame]) == {"one_user_ms", "thousand_users_ms"}
    assert len(rows) == 6


def test_stored_users_are_asked_about_whose_histories_these_are(
    fitted: Recommender, histories: list[list[str]]
) -> None:
    asked = latency._asked(fitted, histories)
    answer, users = asked["kgrec, stored"]
    typed, given = asked["kgrec, arrays"]
    assert given == histories
    assert len(users) == len(histories)
    for mine, theirs in zip(answer(users).ids, histories, strict=True):
        assert not set(mine) & set(theirs)
    assert answer(users).ids.shape == typed(given).ids.shape


def test_bandwidth_counts_bytes_of_scoring_that_is_right(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bandwidth, "SECONDS", 0.01)
    one, many = bandwidth.measure_bandwidth(fitted, 3_000)
    assert {"gb_per_s", "copy_gb_per_s", "share"} <= set(one) & set(many)
    model = fitted.state.engine.model
    items = bandwidth._random_items(3_000, 16, torch.device("cpu"))
    users = torch.randn(3, 16)
    ((_, best),) = bandwidth.rank_all(model, users, items)
    scores = users @ items.candidate.T / model.shape.temperature
    torch.testing.assert_close(best, scores.topk(bandwidth.K).values, atol=1e-4, rtol=1e-4)
