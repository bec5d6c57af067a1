"""``python -m benchmarks.trial losses``: two additions to the loss of kgrec's own training.

Contrastive (Xie et al., ICDE 2022; Gao et al., EMNLP 2021): two views of each history, each without
a fifth of its events, should have near user vectors: InfoNCE over the batch, temperature 0.2, with
a weight beside the loss. Policy gradient (Chen et al., WSDM 2019): REINFORCE on the softmax head,
off-policy with top-k correction: a target with probability p has the weight min(p / b, 10) ·
k (1 − p)^(k − 1), b its share of the training events, k 10, scaled to a mean of 1.

Small settings: few columns and epochs, no texts, one training; all else as in any fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.context_data.frappe import Frappe
from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.arrays import offsets
from kgrec.evaluation import paired_bootstrap
from kgrec.nn import Histories, HistoryBatch
from kgrec.scoring.products import item_scores
from kgrec.training.train_step import Stepper

DATA: Final = ("ml-100k-split", "frappe")
_METRIC: Final = "ndcg@10"
_DROPPED, _TEMPERATURE, _WEIGHT = 0.2, 0.2, 0.1  # of the contrastive loss
_LARGEST, _TOP = 10.0, 10  # of the policy gradient's weights

Losses = Callable[..., Any]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    table, found = [], {}
    for data in asked.data:
        users = {
            name: np.mean([_measured(data, change, seed, asked) for seed in range(asked.seeds)], 0)
            for name, change in CHANGES.items()
        }
        for name, values in users.items():
            gain = paired_bootstrap(users["none"], values)
            row = {
                "data": data,
                "added": name,
                _METRIC: round(float(values.mean()), 5),
                "gain": [round(one, 5) for one in (gain.mean, gain.low, gain.high)],
            }
            table.append(row)
            found[f"{data}, {name}"] = row
    result = {
        "protocol": "split of the data, test rows, all items ranked; frappe: pairs of user and app,"
        f" a fifth is test, a tenth valid, at random; {asked.columns} columns, {asked.epochs} "
        "epochs, normal effort, no texts; means over seeds, intervals paired over users",
        "seeds": asked.seeds,
        "models": found,
    }
    report.finish("trial-losses", result, table, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial losses")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--columns", type=int, default=32, help="size of vectors")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _measured(data: str, change: Losses | None, seed: int, asked: argparse.Namespace) -> np.ndarray:
    """float64 ``[users]``: NDCG@10 of a fit with the changed loss."""
    config = RecommenderConfig(
        model=ModelConfig(embedding_size=asked.columns, use_text=False),
        training=TrainingConfig(epochs=asked.epochs, valid_every=2, refit=False),
    )
    with _changed(change):
        model = Recommender(config).fit(_catalog(data), seed=seed)
    return np.asarray(model.evaluate(keep_users=True).per_user[_METRIC])


def _catalog(data: str) -> Catalog:
    if data != "frappe":
        return load_dataset(data, relations=()).catalog
    read = Frappe.read()
    pairs = read.rows[["user_id", "item_id"]].drop_duplicates()
    drawn = np.random.default_rng(2026).random(len(pairs))
    split = np.where(drawn < 0.7, "train", np.where(drawn < 0.8, "valid", "test"))
    return read.catalog(pairs.assign(split=split))


@contextmanager
def _changed(change: Losses | None) -> Iterator[None]:
    """Training steps with another loss."""
    if change is None:
        yield
        return
    plain = Stepper._losses

    def losses(self: Stepper, *given: Any) -> Any:
        return change(self, plain, *given)

    with mock.patch.object(Stepper, "_losses", losses):
        yield


def contrastive(self: Stepper, plain: Losses, inputs: Any, examples: Any, sampled: Any) -> Any:
    """The losses, the first with InfoNCE beside it."""
    items, losses = plain(self, inputs, examples, sampled)
    views = [_users(self, items, inputs, _dropped(examples.histories)) for _ in range(2)]
    added = info_nce(*views) * losses[0].weight.detach() * _WEIGHT
    return items, [losses[0]._replace(total=losses[0].total + added), *losses[1:]]


def info_nce(one: Tensor, other: Tensor) -> Tensor:
    """Mean cross-entropy of finding each row's other view, ``[B, d]`` each, among the batch's."""
    near = functional.normalize(one, dim=1) @ functional.normalize(other, dim=1).T
    return functional.cross_entropy(near / _TEMPERATURE, torch.arange(len(one), device=one.device))


def policy_gradient(self: Stepper, plain: Losses, inputs: Any, examples: Any, sampled: Any) -> Any:
    """The losses with weights of an off-policy gradient with top-k correction."""
    with torch.no_grad():
        items = self.model.item_vectors(inputs)
        users = _users(self, items, inputs, examples.histories)
        scores = item_scores(users, items, self.model.shape.temperature)
        chance = torch.softmax(scores, dim=1)[examples.target_row, examples.target_item]
    counts = np.bincount(self.data.item, minlength=len(items.bias))
    behaviour = np.maximum(counts[examples.target_item], 1) / max(counts.sum(), 1)
    weight = policy_weights(chance.cpu().numpy().astype(np.float64), behaviour)
    weighted = (examples.target_weight * weight).astype(np.float32)
    return plain(self, inputs, replace(examples, target_weight=weighted), sampled)


def policy_weights(chance: np.ndarray, behaviour: np.ndarray) -> np.ndarray:
    """float64 ``[n]``, mean 1: of targets with these probabilities in the model and in the data."""
    found = np.minimum(chance / behaviour, _LARGEST) * _TOP * (1.0 - chance) ** (_TOP - 1)
    return np.asarray(found / max(float(found.mean()), 1e-9)) if len(found) else found


CHANGES: Final[dict[str, Losses | None]] = {
    "none": None,
    "contrastive": contrastive,
    "policy gradient": policy_gradient,
}


def _dropped(histories: Histories) -> Histories:
    """The histories, each event left out with a chance."""
    keep = torch.rand(len(histories.item)).numpy() >= _DROPPED
    return histories.select(keep, offsets(keep)[histories.indptr])


def _users(self: Stepper, items: Any, inputs: Any, histories: Histories) -> Tensor:
    batch = HistoryBatch.build(histories, len(items.query), self.plan.scales, self.device)
    return self.model.user_vectors(items, inputs, batch)
