"""``python -m benchmarks.judge equality``: the estimates beside those of the package obp.

obd-sample: six logs with true propensities. Two policies are estimated on each: uniform, and a
softmax over an attribute of the items. obp runs in an environment of its own (--python), since it
needs other versions of packages; both get the same arrays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.harness.datasets import data_folder
from graph_schema.errors import SourceError
from kgrec.evaluation import WeightedRows

LOGS: Final = tuple(
    f"{how}_{which}" for how in ("random", "bts") for which in ("all", "men", "women")
)
_REFERENCE: Final = Path(__file__).with_name("obp_reference.py")
_PRIOR: Final = 50.0  # rows with the mean reward that are added to each item's

Arrays = dict[str, np.ndarray]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge equality")
    parser.add_argument("--python", required=True, help="the Python of an environment with obp")
    parser.add_argument("--save", action="store_true", help="keep the result")
    asked = parser.parse_args(arguments)
    table = [
        row
        for log in LOGS
        for policy, arrays in _cases(log).items()
        for row in _compared(log, policy, arrays, asked.python)
    ]
    result = {
        "data": "obd-sample",
        "protocol": "six logs of 10,000 rows, two policies on each, one prediction of rewards for "
        "both programs; obp in an environment of its own",
        "obp": _version(asked.python),
        "comparisons": len(table),
        "largest_difference": max(row["difference"] for row in table),
        "estimates": table,
    }
    report.finish("judge-equality", result, table, asked.save)


def _cases(log: str) -> dict[str, Arrays]:
    """The arrays of a log for each policy."""
    folder = data_folder() / "obd-sample"
    rows = pd.read_csv(folder / f"{log}.csv.xz")
    how, which = log.split("_")
    items = pd.read_csv(folder / f"items_{which}_{how}.csv.xz").sort_values("item_id")
    n_items, n_places = len(items), int(rows["position"].max())
    ranks = rows["position"].to_numpy() - 1
    attribute = items["item_feature_0"].to_numpy()
    peaked = np.exp(attribute - attribute.max())
    policies = {"uniform": np.ones(n_items), "by attribute": peaked}
    shared = {
        "reward": rows["click"].to_numpy(dtype=np.float64),
        "item": rows["item_id"].to_numpy(),
        "position": ranks,
        "pscore": rows["propensity_score"].to_numpy(),
        "predicted": _predicted(rows, ranks, n_items, n_places),
    }
    shape = (len(rows), n_items, n_places)
    return {
        name: {
            **shared,
            "action_dist": np.broadcast_to((one / one.sum())[None, :, None], shape).copy(),
        }
        for name, one in policies.items()
    }


def _predicted(rows: pd.DataFrame, ranks: np.ndarray, n_items: int, n_places: int) -> np.ndarray:
    """float64 ``[rows, n_items, n_places]``: the mean click of the item, scaled by place."""
    clicks, mean = rows["click"].to_numpy(), rows["click"].mean()
    item = rows["item_id"].to_numpy()
    sums = np.bincount(item, weights=clicks, minlength=n_items)
    of_item = (sums + _PRIOR * mean) / (np.bincount(item, minlength=n_items) + _PRIOR)
    of_place = np.bincount(ranks, weights=clicks, minlength=n_places) / np.bincount(ranks)
    whole = of_item[:, None] * (of_place / mean)[None, :]
    return np.broadcast_to(whole[None], (len(rows), n_items, n_places)).copy()


def _compared(log: str, policy: str, arrays: Arrays, python: str) -> list[dict[str, Any]]:
    mine, theirs = _ours(arrays), _theirs(arrays, python)
    return [
        {
            "log": log,
            "policy": policy,
            "estimate": name,
            "kgrec": mine[name],
            "obp": theirs[name],
            "difference": abs(mine[name] - theirs[name]),
        }
        for name in theirs
    ]


def _ours(arrays: Arrays) -> dict[str, float]:
    rows, item, place = np.arange(len(arrays["item"])), arrays["item"], arrays["position"]
    chance = arrays["action_dist"][rows, :, place]
    predicted = arrays["predicted"][rows, :, place]
    found = WeightedRows(
        reward=arrays["reward"],
        weight=chance[rows, item] / arrays["pscore"],
        shown=predicted[rows, item],
        new=(chance * predicted).sum(axis=1),
        group=rows,
    )
    return {name: value.mean for name, value in found.values().items()}


def _theirs(arrays: Arrays, python: str) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="kgrec-obp-") as scratch:
        file = Path(scratch) / "arrays.npz"
        np.savez(file, **arrays)  # type: ignore[arg-type]
        found: dict[str, float] = json.loads(_run([python, str(_REFERENCE), str(file)]))
    return found


def _version(python: str) -> str:
    code = "from importlib.metadata import version; print(version('obp'))"
    return _run([python, "-c", code])


def _run(command: list[str]) -> str:
    """The last line of a command's output. Raises SourceError where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SourceError(
            f"{command[0]} can't be run ({error}); name a Python with obp."
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SourceError(f"obp can't be run ({last}); install it: pip install obp.")
    return done.stdout.strip().splitlines()[-1]
