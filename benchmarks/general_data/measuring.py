"""One model on one data set: each user's metrics, and what it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final, Literal

import numpy as np

from benchmarks.general_data.kept import Kept, code_version, digest
from benchmarks.general_data.public import DRAWN_WITH, Source
from benchmarks.harness.ours import run_kgrec
from benchmarks.harness.rows import History, Rows
from benchmarks.harness.running import Outcome, run_peer
from benchmarks.harness.variants import Variant
from benchmarks.peers import TRIES
from kgrec.graph import GraphSnapshot
from kgrec.training import follows_in_time

OURS: Final = "kgrec"
SIMPLE_PEERS: Final = ("popularity", "item-knn", "ease", "local-ridge", "als")
METRICS: Final = ("ndcg@10", "recall@20")
Evaluated = Literal["valid", "test"]
_DENSE_ITEMS: Final = 20_000  # item-knn and ease make a table of all pairs
_SLOW_ITEMS: Final = 5_000  # from here on half of the settings are tried


@dataclass(frozen=True)
class Setting:
    """One value of a setting of kgrec: a field of RecommenderConfig as ``part.field``, or a
    constant as ``kgrec.module.NAME``."""

    name: str
    value: Any

    def variant(self) -> Variant | None:
        """How ``run_kgrec`` takes a field; None for a constant."""
        if self.name.startswith("kgrec."):
            return None
        part, _, name = self.name.partition(".")
        return Variant(OURS, lambda rows: True, {part: {name: self.value}})

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The constant has the value for as long as the context is open."""
        if self.variant() is not None:
            yield
            return
        place, _, name = self.name.rpartition(".")
        module = import_module(place)
        before = getattr(module, name)
        setattr(module, name, tuple(self.value) if isinstance(self.value, list) else self.value)
        try:
            yield
        finally:
            setattr(module, name, before)

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, eq=False)
class Cell:
    """What a model reached on a data set.

    ``users`` holds by history and metric the value of each user, float64 ``[B]``; ``cost`` is in
    processor seconds, with choosing; ``fresh``: it was measured now, not read.
    """

    users: Mapping[History, Mapping[str, np.ndarray]]
    cost: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False

    def mean(self, history: History, metric: str) -> float:
        return float(self.users[history][metric].mean())


@dataclass(frozen=True)
class Bench:
    """How cells are measured: where figures are kept, what is evaluated, how kgrec is fitted."""

    kept: Kept
    evaluated: Evaluated
    effort: str = "quick"
    seed: int = 0

    def rows(self, source: Source) -> tuple[Rows, str]:
        """The rows of a source, and a digest of its data and of how they are split."""
        snapshot, data = self.kept.snapshot(source)
        rows = Rows.of(evaluated_on_valid(snapshot) if self.evaluated == "valid" else snapshot)
        parts = [
            array.tobytes()
            for part in (rows.fit, rows.valid, rows.test)
            for array in (part.user, part.item)
        ]
        return rows, digest([data.encode(), *parts])

    def cell(
        self, rows: Rows, data: str, name: str, model: str, setting: Setting | None = None
    ) -> Cell:
        """Of one model on the data set ``name``, read where it was kept."""
        ours = model == OURS
        options = () if ours else peer_options(model, rows)
        depends = (data, str(self.seed), code_version(ours), repr(options))
        key = digest(part.encode() for part in (*depends, self._own(setting) if ours else ""))
        folder = f"{name}/{model}"
        found = self.kept.find(folder, key)
        if found is not None:
            return _of_json(found)
        started = time.process_time()
        outcome = self._ours(rows, setting) if ours else self._peer(rows, model, options)
        cost = time.process_time() - started
        made = _of_outcome(outcome, rows, cost)
        self.kept.keep(folder, key, _to_json(made))
        shown = {history: round(made.mean(history, METRICS[0]), 4) for history in made.users}
        what = model if setting is None else f"{model} {setting}"
        print(f"{name}: {what} {shown}, {cost:.1f} s", file=sys.stderr, flush=True)
        return made

    def _own(self, setting: Setting | None) -> str:
        return f"{self.effort}, {setting}"

    def _ours(self, rows: Rows, setting: Setting | None) -> Outcome:
        variant = None if setting is None else setting.variant()
        with nullcontext() if setting is None else setting.applied():
            return run_kgrec(
                rows,
                seeds=[self.seed],
                device="cpu",
                read_seconds=0.0,
                texts=self.kept.folder / "texts",
                effort=self.effort,
                variant=variant,
            )

    def _peer(self, rows: Rows, model: str, options: Sequence[Mapping[str, Any]]) -> Outcome:
        return run_peer(model, rows, seeds=[self.seed], device="cpu", options=options)


def feasible(rows: Rows, peers: Sequence[str]) -> list[str]:
    """The peers whose tables fit into memory."""
    many = len(rows.snapshot.items) > _DENSE_ITEMS
    return [peer for peer in peers if not (many and peer in ("item-knn", "ease"))]


def peer_options(model: str, rows: Rows) -> tuple[Mapping[str, Any], ...]:
    """The settings that a peer tries; every second one where there are many items."""
    tries = TRIES[model]
    return tries[::2] if len(rows.snapshot.items) > _SLOW_ITEMS and len(tries) > 4 else tries


def evaluated_on_valid(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The snapshot without its test rows: validation rows take their place, and as many of each
    user's other rows choose (at most half): the latest where the validation rows followed in time
    (random ones of equal times), else random ones. Data that names no validation rows names none
    afterwards."""
    rows = Rows.of(snapshot)
    splits = np.asarray(snapshot.interactions.split).astype(str)
    if rows.refit:
        held = _places(snapshot, rows)
        splits = np.where(held, "test", np.where(splits == "test", "dropped", splits))
    else:
        inner = np.where(_as_many(rows), "valid", "train")
        splits = np.where(splits == "valid", "test", np.where(splits == "test", "dropped", splits))
        splits[splits == "train"] = inner
    events = replace(snapshot.interactions, split=splits.astype(object))
    return replace(snapshot, interactions=events).without(splits == "dropped")


def _as_many(rows: Rows) -> np.ndarray:
    """bool ``[train rows]``: as many of each user's rows as the user has validation rows."""
    n_users = len(rows.snapshot.users)
    indptr = rows.train.indptr(n_users)
    wanted = np.minimum(np.bincount(rows.valid.user, minlength=n_users), np.diff(indptr) // 2)
    keys = np.random.default_rng(DRAWN_WITH).random(len(rows.train))
    ordered = follows_in_time(rows.train, rows.valid)
    times = rows.train.timestamp if ordered else np.zeros(len(rows.train))
    place = np.empty(len(rows.train), dtype=np.int64)
    place[np.lexsort((keys, times, rows.train.user))] = np.arange(len(rows.train))
    return np.asarray(place >= (indptr[1:] - wanted)[rows.train.user])


def _places(snapshot: GraphSnapshot, rows: Rows) -> np.ndarray:
    """bool ``[n]``: the interactions that ``rows`` chooses by, of data that names none."""
    events, width = snapshot.interactions, len(snapshot.items)
    held = np.isin(events.user * width + events.item, rows.valid.user * width + rows.valid.item)
    return np.asarray(held & (np.asarray(events.split) == "train"))


def _of_outcome(outcome: Outcome, rows: Rows, cost: float) -> Cell:
    users = {
        history: {metric: outcome.users[history][metric] for metric in METRICS}
        for history in rows.histories()
    }
    return Cell(users, cost, outcome.notes.get("settings", {}), fresh=True)


def _to_json(cell: Cell) -> dict[str, Any]:
    users = {
        history: {metric: np.round(values, 6).tolist() for metric, values in found.items()}
        for history, found in cell.users.items()
    }
    return {"users": users, "cost": round(cell.cost, 2), "settings": dict(cell.settings)}


def _of_json(found: Mapping[str, Any]) -> Cell:
    users = {
        history: {metric: np.array(values) for metric, values in metrics.items()}
        for history, metrics in found["users"].items()
    }
    return Cell(users, found["cost"], found["settings"])
