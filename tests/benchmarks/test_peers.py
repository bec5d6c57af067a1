"""Every peer learns what a small structured catalog has to teach, and answers each user alone."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import pytest
import torch

from benchmarks.harness.rows import Rows
from benchmarks.harness.running import run_peer
from benchmarks.peers import PEERS, TRIES, Fitting, Peer, PeerData, Settings
from tests.benchmarks.samples import N_USERS, snapshot

pytestmark = pytest.mark.slow


EPOCHS = {"lightgcn": 30, "sasrec": 30, "kgin": 30}
SETTINGS: dict[str, Settings] = {  # where the first try is too stiff for so few users
    "als": {"factors": 8, "regularization": 0.1, "alpha": 1.0}
}


def marked(names: Iterable[str]) -> list[object]:
    """LightGCN is slow here: importing torch_geometric.nn alone takes seconds."""
    slow = pytest.mark.slow
    return [pytest.param(n, marks=slow) if n == "lightgcn" else n for n in sorted(names)]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows.of(snapshot())


@pytest.fixture(scope="module")
def fitted(rows: Rows) -> Callable[[str], Peer]:
    """Each peer, fitted once."""

    @cache
    def fit(name: str) -> Peer:
        return _fit(name, rows, Fitting(epochs=EPOCHS.get(name)))

    return fit


def _fit(name: str, rows: Rows, how: Fitting) -> Peer:
    settings = SETTINGS.get(name, TRIES[name][0])
    return PEERS[name](**settings).fit(PeerData.of(rows.snapshot, rows.fit), how)


def _ndcg(peer: Peer, rows: Rows) -> float:
    peer.bind(rows.history("now"))
    return rows.rank(peer.score, "test")["ndcg@10"]


@pytest.mark.parametrize("name", marked(set(PEERS) - {"popularity"}))
def test_it_beats_popularity_whatever_the_batch(
    name: str, rows: Rows, fitted: Callable[[str], Peer]
) -> None:
    peer = fitted(name)
    assert _ndcg(peer, rows) > 2 * _ndcg(fitted("popularity"), rows)
    few = np.random.default_rng(0).random(len(rows.known)) < 0.6  # histories of all lengths
    peer.bind(rows.known.select(few))
    everyone = torch.as_tensor(peer.score(np.arange(N_USERS))).numpy()
    alone = [torch.as_tensor(peer.score(np.array([user]))).numpy() for user in range(5)]
    np.testing.assert_allclose(np.concatenate(alone), everyone[:5], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", marked(PEERS))
def test_a_new_event_counts_at_once(name: str, rows: Rows, fitted: Callable[[str], Peer]) -> None:
    peer = fitted(name)
    scores = []
    for history in ("train", "now"):
        peer.bind(rows.history(history))  # type: ignore[arg-type]
        scores.append(torch.as_tensor(peer.score(np.arange(N_USERS))).clone().numpy())
    assert np.allclose(*scores) == (name == "popularity")


@pytest.mark.parametrize("name", marked(EPOCHS))
def test_a_seed_decides(name: str, rows: Rows) -> None:
    users = np.arange(N_USERS)
    answers = []
    for seed in (3, 3, 4):
        peer = _fit(name, rows, Fitting(seed=seed, epochs=2))
        peer.bind(rows.fit)
        answers.append(torch.as_tensor(peer.score(users)).numpy())
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_settings_are_chosen_on_validation_rows(rows: Rows) -> None:
    outcome = run_peer("ease", rows, seeds=[0, 1], device="cpu", options=TRIES["ease"][:3])
    assert outcome.seeds == [0]  # nothing is drawn: one fit says all
    assert outcome.notes["tries"] == 3
    assert outcome.notes["settings"] in TRIES["ease"][:3]
    assert set(outcome.metrics) == {"now", "train"}
    users = outcome.users["now"]["ndcg@10"]
    assert outcome.mean("now")["ndcg@10"] == pytest.approx(users.mean())


def test_no_peer_is_told_of_test_rows(rows: Rows) -> None:
    known = {(u, i) for u, i in zip(rows.known.user, rows.known.item, strict=True)}
    held = {(u, i) for u, i in zip(rows.test.user, rows.test.item, strict=True)}
    assert len(held) == N_USERS
    assert not known & held
    assert len(rows.fit) + len(rows.valid) == len(rows.known)


def test_at_most_eight_tries() -> None:
    assert all(1 <= len(tries) <= 8 for tries in TRIES.values())


@pytest.mark.slow
def test_peers_need_no_store() -> None:
    code = "import sys, benchmarks.peers; print({'kglite', 'neo4j'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
