"""``python -m benchmarks.erasure``: 100 people leave a store and a model of ml-1m.

They are users of ml-1m under random ids, with a random text each. Measured are the time; ids and
texts left in any byte; item–item weights against a fit that never saw the people; files of a fit
afterwards against those of one on data without them; what an attacker reads from the weights who
knows a history; and kills at random points of an erasure of a small catalog.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.fault_points import kills
from benchmarks.fault_points.children import workers_of
from benchmarks.fault_points.erasing import MODEL, STORE, Planted, erasure, quick
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, run
from graph_schema import Catalog
from graph_schema.disk.files import digest
from kgrec import Recommender, erase
from kgrec.cli._progress import say
from kgrec.erasure.traces import find_traces
from kgrec.errors import ModelError
from kgrec.graph.snapshot import Floats, rows_in
from kgrec.nn import ItemWeights
from kgrec.scoring.engine import Engine
from kgrec.state import FittedState
from kgrec.stores import EmbeddedStore

DATA: Final = "ml-1m-kg"
_OTHERS: Final = 500  # people whose lists are compared
_DRAWS: Final = 2_000  # of the bootstrap
_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PROTOCOL: Final = (
    "people of ml-1m drawn by seed get random ids and a random text each; as many others are in no "
    "model; quick fits. Attack: the mean score that the weights give a known history's own items, "
    "less that of items drawn by popularity; AUC of people trained with against people in no "
    "model; beside the other model: less what the weights that never saw them give"
)


@dataclass(frozen=True, eq=False)
class People:
    """Data with the people who leave, and histories: of those, and of people in no model;
    ``stays`` is the random id of one who stays, which must be found afterwards."""

    planted: Planted
    stays: str
    erased: list[np.ndarray]
    outside: list[np.ndarray]


def people(catalog: Catalog, count: int, seed: int) -> People:
    """Draw ``count`` people who leave, and as many whom no model sees."""
    rng, draw = np.random.default_rng(seed), random.Random(seed)
    events = catalog.interactions
    if "split" in events:
        events = events[events["split"] != "test"]
    known = np.sort(events["user_id"].unique().astype(str))
    chosen = rng.choice(known, 2 * count + 1, replace=False)
    leave, outside, one_stays = chosen[:count], chosen[count:-1], str(chosen[-1])
    staying = {one_stays: f"{draw.getrandbits(128):032x}"}
    ids = {one: f"{draw.getrandbits(128):032x}" for one in leave}
    texts = [f"{draw.getrandbits(128):032x}" for _ in ids]
    items = events.groupby("user_id")["item_id"].agg(list)
    reviews = {"user_id": list(ids.values()), "item_id": [items[one][0] for one in leave]}
    whole = _renamed(catalog, ids | staying, set(outside), pd.DataFrame({**reviews, "text": texts}))
    rest = _renamed(catalog, staying, set(chosen[:-1]), None)
    histories = [[np.array(items[one], dtype=object) for one in some] for some in (leave, outside)]
    planted = Planted(whole, rest, list(ids.values()), texts)
    return People(planted, staying[one_stays], *histories)


def _renamed(
    catalog: Catalog, ids: dict[str, str], without: set[str], reviews: pd.DataFrame | None
) -> Catalog:
    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[~frame["user_id"].astype(str).isin(without)].copy()
        kept["user_id"] = kept["user_id"].astype(str).map(lambda one: ids.get(one, one))
        return kept

    frames: dict[str, Any] = {
        "users": changed(catalog.users),
        "items": catalog.items,
        "entities": catalog.entities,
        "interactions": changed(catalog.interactions),
        "facts": catalog.facts,
        "reviews": reviews,
    }
    return Catalog.from_frames(**frames)


def fitted(folder: Path, catalog: Catalog) -> Recommender:
    """A quick model of a store that holds the catalog, saved beside it."""
    folder.mkdir()
    with EmbeddedStore(folder / STORE) as store:
        store.write(catalog)
        model = quick().fit(store)
    model.save(folder / MODEL)
    return model


def measured(folder: Path, found: People) -> dict[str, Any]:
    """All figures but those of kills."""
    say("a model with the people")
    before = fitted(folder / "whole", found.planted.whole).state
    place = folder / "whole"
    needles = found.planted.needles
    traces = {"before": _traces(place, needles)}
    say("they leave")
    result: dict[str, Any] = _timed(place, found.planted.people)
    traces["after"] = _traces(place, needles)
    traces["one who stays"] = _traces(place, [found.stays])
    after = Recommender.load(place / MODEL)
    say("a model that never saw them")
    never = fitted(folder / "rest", found.planted.rest)
    result["traces"] = {**traces, "looked_for": len(needles), "bytes": _size(place)}
    result["equal_files"] = _equal_files(place, folder)
    origin = before.origin
    assert origin is not None
    # With the settings that were chosen with the people: those of a fit without them may differ.
    shaped = after.state.over(never.state.full_snapshot).engine
    same, known_items = origin.refitted(shaped, never.state.config), never.state.engine.vocabulary
    if not np.array_equal(known_items.items, after.state.engine.vocabulary.items):
        raise ModelError("the erased model knows other items than one that never saw the people.")
    result["largest_difference"] = _difference(after.state, same.weights)
    rebuilt = Recommender.of(replace(never.state, engine=same))
    result["lists"] = _lists(after, rebuilt, found.planted.rest)
    known = {"with them": before.engine, "erased": after.state.engine, "never saw them": same}
    result["attack"] = _attacks(known, found)
    return result


def _timed(place: Path, ids: Sequence[str]) -> dict[str, Any]:
    """Erase, and how long it took: wall and processor, of this process and of the store's."""
    workers = _worker_seconds()
    receipt = erase(ids, stores=[place / STORE], models=[place / MODEL])
    own = receipt.processor_seconds
    return {
        "people": len(receipt.people),
        "seconds": receipt.seconds,
        "processor_seconds": round(own + _worker_seconds() - workers, 2),
        "places": {one.kind: {**one.removed, "seconds": one.seconds} for one in receipt.places},
        "learned": {one.kind: one.learned for one in receipt.places if one.learned},
    }


def _worker_seconds() -> float:
    """Processor time of the processes that hold stores for this one."""
    total = 0
    for pid in workers_of(os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _traces(folder: Path, needles: Sequence[str]) -> int:
    return sum(find_traces([folder], needles).values())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _equal_files(place: Path, folder: Path) -> dict[str, Any]:
    """Whether a seeded fit after the erasure has the files of one that never saw the people."""
    (place / f"{STORE}.erased").unlink()  # a model saves it as a file of its own
    with EmbeddedStore(place / STORE) as store:
        quick().fit(store).save(folder / "again")
    names = sorted(path.name for path in (folder / "again").iterdir())
    other = folder / "rest" / MODEL
    differ = [name for name in names if digest(folder / "again" / name) != digest(other / name)]
    shutil.rmtree(folder / "again")
    return {"files": len(names), "differ": differ}


def _difference(state: FittedState, other: ItemWeights | None) -> float:
    """The largest difference of two item–item weights."""
    weights = state.engine.weights
    assert weights is not None
    assert other is not None
    return float(abs(weights.matrix - other.matrix).max())


def _lists(after: Recommender, never: Recommender, rest: Catalog) -> dict[str, float]:
    """The share of others' first ten items that both models give."""
    users = rest.users["user_id"].tolist()[:_OTHERS]
    lists = [set(_pairs(model.recommend(users, k=10))) for model in (after, never)]
    return {"users": len(users), "equal": round(len(lists[0] & lists[1]) / len(lists[0]), 4)}


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(frame["user_id"], frame["item_id"], strict=True))


def _attacks(engines: dict[str, Engine], found: People) -> dict[str, Any]:
    """AUC of the attack on each model; and of the erased less the other, with its interval. The
    attacker knows the items that all models know."""
    names = [one.vocabulary.items for one in engines.values()]
    items = names[0][np.isin(names[0], names[-1])]
    rows = {one: row for row, one in enumerate(items.tolist())}
    sides = [
        [np.array([rows[item] for item in history if item in rows]) for history in histories]
        for histories in (found.erased, found.outside)
    ]
    scores = {}
    for name, engine in engines.items():
        assert engine.weights is not None
        weights = engine.weights.placed(rows_in(engine.vocabulary.items, items))
        scores[name] = [_signals(weights, side) for side in sides]
    figures: dict[str, Any] = {name: round(_auc(*pair), 4) for name, pair in scores.items()}
    never = scores["never saw them"]
    figures["erased less never"] = _paired(scores["erased"], never)
    for name in ("with them", "erased"):
        less = [one - other for one, other in zip(scores[name], never, strict=True)]
        figures[f"{name}, beside the other model"] = round(_auc(*less), 4)
    return figures


def _signals(weights: ItemWeights, histories: Sequence[np.ndarray]) -> Floats:
    """float64 ``[people]``: the mean score that a history gives to its own items, less that of as
    many others."""
    size = weights.size
    matrix = weights.matrix[:size]
    counts = np.bincount(np.concatenate(histories), minlength=size).astype(np.float64)
    found = []
    for place, history in enumerate(histories):
        rng = np.random.default_rng(place)
        odds = counts.copy()
        odds[history] = 0
        others = rng.choice(size, len(history), p=odds / odds.sum())
        rows = matrix[history]
        found.append((rows[:, history].sum() - rows[:, others].sum()) / len(history))
    return np.array(found)


def _auc(members: Floats, others: Floats) -> float:
    """The chance that a member's signal is above another's; ties count half."""
    above = members[:, None] > others[None, :]
    return float((above + 0.5 * (members[:, None] == others[None, :])).mean())


def _paired(one: list[Floats], other: list[Floats]) -> dict[str, float]:
    """The difference of two AUCs on the same people, with the interval of 95 % by bootstrap."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(_DRAWS):
        rows = [rng.integers(len(side), size=len(side)) for side in one]
        draws.append(
            _auc(*(side[at] for side, at in zip(one, rows, strict=True)))
            - _auc(*(side[at] for side, at in zip(other, rows, strict=True)))
        )
    low, high = np.quantile(draws, (0.025, 0.975))
    mean = _auc(*one) - _auc(*other)
    return {"mean": round(mean, 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    result: dict[str, Any] = {"data": DATA, "protocol": PROTOCOL, "seeds": [asked.seed]}
    with tempfile.TemporaryDirectory(prefix="kgrec-erasure-") as folder:
        os.environ["KGREC_CACHE_DIR"] = f"{folder}/cache"
        if asked.people:
            started = time.perf_counter()
            found = people(load_dataset(DATA).catalog, asked.people, asked.seed)
            result |= measured(Path(folder), found)
            result["whole_run_seconds"] = round(time.perf_counter() - started, 1)
        say("kill -9")
        rng = np.random.default_rng(asked.seed)
        tally = kills.measure(erasure(), asked.kills, Path(folder) / "kills", rng)
    result["kills"] = {**tally.row(), "words": [words[:300] for words in tally.problems]}
    finish("erasure", result, _rows(result), asked.save)
    if tally.problems:
        sys.exit(1)


def _rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures as lines of a table."""
    rows = {"points killed": result["kills"]["stopped"], "problems": result["kills"]["problems"]}
    if "attack" in result:
        rows |= {
            "people": result["people"],
            "seconds": result["seconds"],
            "processor seconds": result["processor_seconds"],
            "ids and texts left": result["traces"]["after"],
            "largest difference of weights": result["largest_difference"],
            "files that differ": len(result["equal_files"]["differ"]),
            **{f"AUC, {name}": value for name, value in result["attack"].items()},
        }
    return [{"what": name, "figure": str(value)} for name, value in rows.items()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100, help="who leave; 0: kills alone")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    run(main)
