"""``python -m benchmarks.trial doubly_robust``: ratings, and their errors, learned jointly.

Doubly robust joint learning (Wang et al., ICML 2019) on coat: matrix factorisation with biases,
fitted by the squared error of the known ratings; by the same weighted by inverse propensities; and
doubly robust: the errors of all pairs as a second factorisation imputes them, corrected by the
known ones over their propensities, both learned in turns. Propensities are those of a logistic
regression on products of user and item attributes, of training rows alone. The penalty is chosen
on a tenth of the training rows, weighted by inverse propensities; test rows are read once for each
seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from benchmarks.harness import report
from benchmarks.harness.datasets import data_folder
from benchmarks.unbiased import measure

_COLUMNS, _STEPS, _RATE = 8, 200, 0.05
_PENALTIES: Final = (0.03, 0.1, 0.3, 1.0)
_LEAST: Final = 0.02  # propensity
WAYS: Final = ("known ratings", "inverse propensities", "doubly robust")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    data = Coat.read()
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    chosen = {}
    for way in WAYS:
        chosen[way] = min(_PENALTIES, key=lambda penalty: data.held_error(way, penalty))
        for seed in range(asked.seeds):
            predicted = data.fit(way, data.train, chosen[way], seed)
            test = data.test
            answer = pd.Series(predicted[test["user"], test["item"]])
            runs[way].append(measure(test.reset_index(drop=True), answer))
    table = [
        {
            "way": way,
            **{name: round(float(np.mean([r[name] for r in found])), 5) for name in found[0]},
        }
        for way, found in runs.items()
    ]
    result = {
        "data": "coat",
        "protocol": "fitted and chosen on train alone; the 16 test coats of each user, drawn at "
        f"random; factorisation of {_COLUMNS} columns, {_STEPS} steps of all rows",
        "seeds": asked.seeds,
        "penalty": chosen,
        "models": {row["way"]: row for row in table},
    }
    report.finish("trial-doubly-robust", result, table, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial doubly_robust")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


class _Factors(nn.Module):
    """Ratings of all pairs: biases and a product of vectors."""

    def __init__(self, users: int, items: int, mean: float) -> None:
        super().__init__()
        self.user = nn.Parameter(torch.randn(users, _COLUMNS) * 0.1)
        self.item = nn.Parameter(torch.randn(items, _COLUMNS) * 0.1)
        self.of_user = nn.Parameter(torch.zeros(users, 1))
        self.of_item = nn.Parameter(torch.zeros(items))
        self.mean = nn.Parameter(torch.tensor(mean))

    def forward(self) -> Tensor:
        return self.user @ self.item.T + self.of_user + self.of_item + self.mean

    def size(self) -> Tensor:
        """The sum of squares of all parameters but the mean."""
        parts = (self.user, self.item, self.of_user, self.of_item)
        return torch.stack([(part**2).sum() for part in parts]).sum()


@dataclass(frozen=True, eq=False)
class Coat:
    """``train`` and ``test``: user and item (rows), rating; ``propensity`` float32 ``[m, n]``."""

    train: pd.DataFrame
    test: pd.DataFrame
    propensity: np.ndarray

    @staticmethod
    def read() -> Coat:
        folder = data_folder() / "coat"
        read = {
            name: pd.read_csv(folder / f"{name}.csv.xz")
            for name in ("users", "items", "train", "test")
        }
        places = {}
        for name, key in (("users", "user_id"), ("items", "item_id")):
            places[key] = pd.Index(read[name][key])
        for name in ("train", "test"):
            for key, column in (("user_id", "user"), ("item_id", "item")):
                read[name][column] = places[key].get_indexer(read[name][key])
        of_users, of_items = _dummies(read["users"]), _dummies(read["items"])
        return Coat(read["train"], read["test"], _propensity(read["train"], of_users, of_items))

    def held_error(self, way: str, penalty: float) -> float:
        """The weighted error on a tenth of the training rows."""
        held = np.random.default_rng(0).random(len(self.train)) < 0.1
        predicted = self.fit(way, self.train[~held], penalty, 0)
        rows = self.train[held]
        error = (predicted[rows["user"], rows["item"]] - rows["rating"]) ** 2
        weight = 1.0 / self.propensity[rows["user"], rows["item"]]
        return float((error * weight).sum() / weight.sum())

    def fit(self, way: str, rows: pd.DataFrame, penalty: float, seed: int) -> np.ndarray:
        """float32 ``[m, n]``: the ratings that a model predicts."""
        torch.manual_seed(seed)
        shape, mean = self.propensity.shape, float(rows["rating"].mean())
        model, imputed = (_Factors(shape[0], shape[1], mean) for _ in range(2))
        known = _Known.of(
            rows, self.propensity if way != WAYS[0] else np.ones_like(self.propensity)
        )
        steps = [torch.optim.Adam(one.parameters(), lr=_RATE) for one in (model, imputed)]
        for _ in range(_STEPS):
            if way == WAYS[2]:
                _step(
                    steps[1], known.imputation_loss(model().detach(), imputed()), imputed, penalty
                )
                loss = known.doubly_robust_loss(model(), imputed().detach())
            else:
                loss = known.weighted_loss(model())
            _step(steps[0], loss, model, penalty)
        return np.asarray(model().detach().numpy())


@dataclass(frozen=True, eq=False)
class _Known:
    """Known ratings ``[k]`` with their weights, of mean 1 and, over all pairs, 1 / propensity."""

    user: Tensor
    item: Tensor
    rating: Tensor
    weight: Tensor
    pairs: int

    @staticmethod
    def of(rows: pd.DataFrame, propensity: np.ndarray) -> _Known:
        user, item = rows["user"].to_numpy(), rows["item"].to_numpy()
        weight = torch.tensor(1.0 / propensity[user, item], dtype=torch.float32)
        rating = torch.tensor(rows["rating"].to_numpy(), dtype=torch.float32)
        return _Known(torch.tensor(user), torch.tensor(item), rating, weight, propensity.size)

    def weighted_loss(self, predicted: Tensor) -> Tensor:
        error = (predicted[self.user, self.item] - self.rating) ** 2
        return (self.weight * error).sum() / self.weight.sum()

    def imputation_loss(self, predicted: Tensor, imputed: Tensor) -> Tensor:
        """How far imputed errors of the known ratings are from the true ones."""
        at = self.user, self.item
        true = (predicted[at] - self.rating) ** 2
        return (self.weight * (true - (predicted[at] - imputed[at]) ** 2) ** 2).sum() / self.pairs

    def doubly_robust_loss(self, predicted: Tensor, imputed: Tensor) -> Tensor:
        at = self.user, self.item
        every = (predicted - imputed) ** 2
        true = (predicted[at] - self.rating) ** 2
        scale = self.pairs / self.weight.sum()
        return every.mean() + (scale * self.weight * (true - every[at])).sum() / self.pairs


def _step(optimizer: Any, loss: Tensor, model: _Factors, penalty: float) -> None:
    optimizer.zero_grad()
    whole = loss + penalty * model.size() / model.of_user.shape[0]
    whole.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _dummies(frame: pd.DataFrame) -> np.ndarray:
    return pd.get_dummies(frame.iloc[:, 1:].astype(str)).to_numpy(dtype=np.float32)


def _propensity(train: pd.DataFrame, of_users: np.ndarray, of_items: np.ndarray) -> np.ndarray:
    """float32 ``[m, n]``: how likely a pair is rated, by products of attributes."""
    shape = len(of_users), len(of_items)
    chosen = np.zeros(shape, dtype=bool)
    chosen[train["user"], train["item"]] = True
    crosses = np.einsum("ua,ib->uiab", of_users, of_items).reshape(chosen.size, -1)
    features = np.hstack(
        [crosses, np.repeat(of_users, shape[1], 0), np.tile(of_items, (shape[0], 1))]
    )
    model = LogisticRegression(C=0.1, max_iter=100).fit(features, chosen.ravel())
    found = model.predict_proba(features)[:, 1].reshape(shape)
    return np.asarray(np.maximum(found, _LEAST), dtype=np.float32)
