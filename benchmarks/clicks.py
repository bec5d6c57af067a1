"""``python -m benchmarks.clicks DATA``: the protocol of click prediction, as graph papers use it.

The data's training rows are positives; each has one negative beside it, an item drawn uniformly
from those that the user did not choose. All rows are split 6:2:2 at random. Measured is the AUC
over all test rows: of ``predict`` (likes), of the scores of ``recommend``, and of peers that are
fitted and chosen on the same rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.controls import ControlData, choose_control
from benchmarks.controls.base import ControlRows
from benchmarks.controls.fm import FactorisationMachine
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, run
from benchmarks.peers.base import Fitting, Peer, PeerData
from benchmarks.peers.kgin import KginPeer
from benchmarks.peers.linear import EasePeer
from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.evaluation import auc
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions
from kgrec.graph.source import read_source

DATA: Final = ("ml-100k-split", "ml-1m-kg", "amazon-beauty-kg")
DRAWN_WITH: Final = 2026
SHARES: Final = (0.6, 0.2)  # train, valid; the rest is test
_RESAMPLES: Final = 500
_USERS: Final = 512  # scored at once


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the rows, fit, and report."""
    asked = _parser().parse_args(arguments)
    whole = load_dataset(asked.data).catalog
    frame = click_rows(whole.interactions, asked.users)
    catalog = _with_rows(whole, frame)
    rows = read_source(catalog, None)
    events = rows.interactions.select(rows.interactions.split == "test")
    liked = np.asarray(events.rating > 0)
    pairs = pd.DataFrame(
        {"user_id": rows.users.ids[events.user], "item_id": rows.items.ids[events.item]}
    )
    found: dict[str, list[dict[str, Any]]] = {}
    values: dict[str, np.ndarray] = {}
    for seed in asked.seeds:
        for name, (answer, seconds) in _ours(catalog, pairs, asked.effort, seed).items():
            values.setdefault(name, answer)
            found.setdefault(name, []).append(_row(liked, answer, seconds))
    for name in asked.peers:
        started = time.process_time()
        values[name] = _peer_answers(name, rows, asked.seeds[0])
        found[name] = [_row(liked, values[name], time.process_time() - started)]
    table = [
        {
            "model": name,
            "auc": float(np.mean([one["auc"] for one in runs])),
            "processor_seconds": float(np.mean([one["processor_seconds"] for one in runs])),
        }
        for name, runs in found.items()
    ]
    best = max(asked.peers, key=lambda name: found[name][0]["auc"], default=None)
    result: dict[str, Any] = {
        "data": asked.data,
        "protocol": "training rows and as many drawn negatives of each user, split 6:2:2 at random",
        "rows": len(frame),
        "test_rows": len(events),
        "users": asked.users,
        "effort": asked.effort,
        "seeds": asked.seeds,
        "models": found,
    }
    if best is not None:
        result["gain"] = {"over": best, **_gain(liked, values["predict"], values[best])}
    name = f"clicks-{asked.data}{'' if asked.effort == 'normal' else f'.{asked.effort}'}"
    finish(name, result, table, asked.save)


def click_rows(positives: pd.DataFrame, most_users: int | None = None) -> pd.DataFrame:
    """Columns user_id, item_id, rating (1 or 0) and split, from the training rows of a data set.

    ``most_users`` draws so many of the users. Where a user chose more than half of the items, there
    are as many negatives as items are left.
    """
    rng = np.random.default_rng(DRAWN_WITH)
    rows = positives[positives["split"] == "train"] if "split" in positives else positives
    rows = rows[["user_id", "item_id"]].drop_duplicates()
    if most_users is not None:
        users = np.sort(rows["user_id"].unique())
        drawn = rng.permutation(users)[:most_users]
        rows = rows[rows["user_id"].isin(drawn)]
    items = np.sort(rows["item_id"].unique())
    codes = rows["item_id"].map({item: code for code, item in enumerate(items)})
    parts = []
    for user, chosen in codes.groupby(rows["user_id"], sort=True):
        left = np.setdiff1d(np.arange(len(items)), chosen.to_numpy())
        drawn = rng.choice(left, min(len(chosen), len(left)), replace=False)
        both = np.concatenate([chosen.to_numpy(), drawn])
        rating = np.repeat([1.0, 0.0], [len(chosen), len(drawn)])
        parts.append(pd.DataFrame({"user_id": user, "item_id": items[both], "rating": rating}))
    frame = pd.concat(parts, ignore_index=True)
    order = rng.permutation(len(frame))
    cuts = (np.cumsum(SHARES) * len(frame)).astype(np.int64)
    split = np.full(len(frame), "test", dtype=object)
    split[order[: cuts[0]]] = "train"
    split[order[cuts[0] : cuts[1]]] = "valid"
    return frame.assign(split=split)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clicks", description=__doc__)
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--effort", choices=("quick", "normal"), default="normal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--users", type=int, help="draw so many users")
    parser.add_argument("--peers", nargs="*", choices=tuple(_PEERS), default=["fm", "ease"])
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _with_rows(catalog: Catalog, frame: pd.DataFrame) -> Catalog:
    """The catalog with these interactions, without reviews, which would tell of test rows."""
    kept = {
        name: rows
        for name, rows in catalog.tables.items()
        if name not in ("interactions", "reviews", "queries")
    }
    return Catalog.from_frames(**{**kept, "interactions": frame})


def _ours(
    catalog: Catalog, pairs: pd.DataFrame, effort: str, seed: int
) -> dict[str, tuple[np.ndarray, float]]:
    """The answers of ``predict`` and ``score`` for the test rows, each with processor seconds."""
    started = time.process_time()
    config = RecommenderConfig.model_validate(
        {"training": {"effort": effort}, "ratings": {"enabled": True, "like": 1.0}}
    )
    model = Recommender(config).fit(catalog, seed=seed)
    seconds = time.process_time() - started
    return {
        "predict": (model.predict(pairs)["like"].to_numpy(), seconds),
        "recommend": (model.score(pairs)["score"].to_numpy().astype(np.float64), seconds),
    }


def _row(liked: np.ndarray, answer: np.ndarray, seconds: float) -> dict[str, float]:
    return {"auc": float(auc(liked, answer)), "processor_seconds": round(seconds, 1)}


def _gain(liked: np.ndarray, ours: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The difference in AUC with its 95 % interval over resampled test rows."""
    rng, drawn = np.random.default_rng(0), []
    for _ in range(_RESAMPLES):
        rows = rng.integers(0, len(liked), len(liked))
        drawn.append(auc(liked[rows], ours[rows]) - auc(liked[rows], other[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "mean": float(auc(liked, ours) - auc(liked, other)),
        "low": float(low),
        "high": float(high),
    }


def _peer_answers(name: str, rows: GraphSnapshot, seed: int) -> np.ndarray:
    """A peer's answers for the test rows, in the snapshot's order."""
    if name == "fm":
        return _fm(rows, seed)
    events = rows.interactions
    test = events.select(events.split == "test")
    liked = {
        split: events.select((events.split == split) & (events.rating > 0))
        for split in ("train", "valid")
    }
    best, answer = -np.inf, np.zeros(len(test))
    for settings in _PEERS[name].tries:
        peer = _PEERS[name](**settings)
        peer.fit(PeerData.of(rows, liked["train"]), Fitting(seed=seed))
        peer.bind(liked["train"])
        valid = events.select(events.split == "valid")
        found = auc(valid.rating > 0, _of_pairs(peer, valid))
        print(f"{name} {dict(settings)}: valid {found:.4f}", file=sys.stderr)
        if found > best:
            best, answer = found, _of_pairs(peer, test)
    return answer


def _of_pairs(peer: Peer, rows: Interactions) -> np.ndarray:
    """float64: the scores of pairs."""
    found = np.empty(len(rows))
    users, place = np.unique(rows.user, return_inverse=True)
    for start in range(0, len(users), _USERS):
        scores = np.asarray(peer.score(users[start : start + _USERS]))
        inside = np.flatnonzero((place >= start) & (place < start + _USERS))
        found[inside] = scores[place[inside] - start, rows.item[inside]]
    return found


def _fm(rows: GraphSnapshot, seed: int) -> np.ndarray:
    """A factorisation machine over ids, attributes and graph entities."""
    events, train = rows.interactions, rows.restricted(("train",))
    none = np.empty((0, 0), dtype=np.float32)
    tables = build_tables(train, build_vocabulary(train), {}, none)
    fit_on, valid, test = (
        ControlRows.build(part, np.full(len(part), -1), 1.0)
        for part in (events.select(events.split == name) for name in ("train", "valid", "test"))
    )
    user_tokens, item_tokens, knowledge = ControlData.features(tables)
    data = ControlData(fit_on, valid, test, user_tokens, item_tokens, knowledge, n_scenarios=0)
    kind = FactorisationMachine
    return choose_control(kind, data, kind.options, seed).logits.astype(np.float64)


_PEERS: Final[dict[str, Any]] = {"fm": FactorisationMachine, "ease": EasePeer, "kgin": KginPeer}


if __name__ == "__main__":
    run(main)
