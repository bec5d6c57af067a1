"""Every peer learns what a small structured catalog has to teach, and answers each user alone."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.peers import PEERS, TRIES, Fitting, Peer, PeerData, Settings
from benchmarks.rows import Rows
from benchmarks.running import run_peer
from graph_schema.names import ENTITY, ITEM
from kgrec.graph.snapshot import Facts, GraphSnapshot, Interactions, NodeTable, Texts

N_USERS, N_GROUPS, GROUP_SIZE = 60, 4, 10
N_ITEMS = N_GROUPS * GROUP_SIZE
EPOCHS = {"lightgcn": 30, "sasrec": 30, "kgin": 30}
SETTINGS: dict[str, Settings] = {  # where the first try is too stiff for so few users
    "als": {"factors": 8, "regularization": 0.1, "alpha": 1.0}
}


def marked(names: Iterable[str]) -> list[object]:
    """LightGCN is slow here: importing torch_geometric.nn alone takes seconds."""
    slow = pytest.mark.slow
    return [pytest.param(n, marks=slow) if n == "lightgcn" else n for n in sorted(names)]


def _nodes(label: str, count: int) -> NodeTable:
    ids = np.array([str(row) for row in range(count)], dtype=object)
    return NodeTable(label, ids, pd.DataFrame(index=range(count)))


def _snapshot() -> GraphSnapshot:
    """Users like the items of one group; a group's items share an entity. Each user's last two
    events are validation and test."""
    rng = np.random.default_rng(7)
    chosen = [
        user % N_GROUPS * GROUP_SIZE + rng.permutation(GROUP_SIZE)[:8] for user in range(N_USERS)
    ]
    n = 8 * N_USERS
    split = np.tile(np.array(["train"] * 6 + ["valid", "test"], dtype=object), N_USERS)
    blank = np.full(n, "", dtype=object)
    events = Interactions(
        user=np.repeat(np.arange(N_USERS), 8),
        item=np.concatenate(chosen),
        timestamp=np.tile(np.arange(8), N_USERS),
        rating=np.full(n, np.nan, dtype=np.float32),
        event=blank,
        scenario=blank,
        split=split,
    )
    items = np.arange(N_ITEMS)
    facts = Facts(ITEM, "IN_GROUP", ENTITY, items, items // GROUP_SIZE)
    none = np.empty(0, dtype=np.int64)
    words = np.empty(0, dtype=object)
    texts = Texts(words, words, none, none, none, none.astype(np.float32))
    return GraphSnapshot(
        _nodes("User", N_USERS),
        _nodes(ITEM, N_ITEMS),
        _nodes(ENTITY, N_GROUPS),
        events,
        (facts,),
        texts,
        texts,
    )


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows.of(_snapshot())


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
    outcome = run_peer("ease", rows, seeds=[0, 1], device="cpu", tries=3)
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
