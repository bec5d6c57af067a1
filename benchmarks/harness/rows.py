"""The rows that a model is fitted on, chosen on and tested on, and how it is ranked on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from graph_schema import Catalog
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import EvaluationReport, evaluate_ranking, random_split, user_time_split
from kgrec.graph import GraphSnapshot
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints

KS = (10, 20)
VALID_SHARE = 0.1  # of each user's rows, where the data names no validation rows
History = Literal["now", "train"]


@dataclass(frozen=True, eq=False)
class Rows:
    """``fit`` without ``valid`` is chosen on ``valid``; ``test`` is for the end.

    ``refit``: the data names no validation rows, so that ``valid`` is a part of its train rows, and
    what was chosen is fitted anew on both. ``train`` and ``known`` are what may be in a history
    when testing, with history "train" and "now".
    """

    snapshot: GraphSnapshot
    fit: Interactions
    valid: Interactions
    test: Interactions
    train: Interactions
    known: Interactions
    refit: bool

    @staticmethod
    def of(snapshot: GraphSnapshot, seed: int = 0) -> Rows:
        """By the split column; without validation rows a tenth of each user's train rows, the
        latest where there are times and drawn with ``seed`` where not."""
        events = snapshot.interactions
        split = events.split.astype(str)
        train, valid = events.select(split == "train"), events.select(split == "valid")
        test, known = events.select(split == "test"), events.select(split != "test")
        if len(valid):
            return Rows(snapshot, train, valid, test, train, known, refit=False)
        held = np.asarray(_held_out(train, seed) == "valid")
        return Rows(
            snapshot, train.select(~held), train.select(held), test, train, known, refit=True
        )

    def histories(self) -> tuple[History, ...]:
        """The protocols there are: without validation rows both are the same."""
        return ("train",) if self.refit else ("now", "train")

    def history(self, history: History) -> Interactions:
        return self.known if history == "now" else self.train

    def rank(
        self,
        score: Callable[[Ints], object],
        split: Literal["valid", "test"],
        *,
        ks: tuple[int, ...] = KS,
        keep_users: bool = False,
    ) -> EvaluationReport:
        """Full ranking of all items but those seen before, as ``Recommender.evaluate`` ranks."""
        held, seen = (self.test, self.known) if split == "test" else (self.valid, self.fit)
        n_users, n_items = len(self.snapshot.users), len(self.snapshot.items)
        return evaluate_ranking(
            score,  # type: ignore[arg-type]
            n_items=n_items,
            targets=pairs_to_csr(held.user, held.item, n_users),
            seen=pairs_to_csr(seen.user, seen.item, n_users),
            ks=ks,
            keep_users=keep_users,
        )


def _held_out(train: Interactions, seed: int) -> np.ndarray:
    shares = (1 - VALID_SHARE, VALID_SHARE, 0.0)
    if len(train) and (train.timestamp != NO_TIME).all():
        return user_time_split(train, shares)
    return random_split(train, shares, seed=seed)


def read_rows(load: Callable[[], Catalog], kept: Path | None) -> tuple[Rows, float]:
    """The snapshot of a catalog by way of the embedded store, and the seconds that reading took.

    With ``kept`` (a folder) the snapshot is left there, or read from there where it was before:
    a machine without the store's package needs no more.
    """
    if kept is not None and (kept / "facts.parquet").is_file():
        started = time.perf_counter()
        snapshot = read_saved_snapshot(kept)
        return Rows.of(snapshot), time.perf_counter() - started
    snapshot, seconds = _through_store(load())
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        write_snapshot(snapshot, kept)
    return Rows.of(snapshot), seconds


def _through_store(catalog: Catalog) -> tuple[GraphSnapshot, float]:
    from kgrec.graph import read_snapshot
    from kgrec.stores import EmbeddedStore

    with TemporaryDirectory(prefix="kgrec-") as folder:
        with EmbeddedStore(Path(folder) / "catalog.kgl") as store:
            store.write(catalog)
            del catalog
            started = time.perf_counter()
            snapshot = read_snapshot(store)
        return snapshot, time.perf_counter() - started
