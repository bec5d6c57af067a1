"""What peers trained by gradient share: epochs that stop by validation, and pairs to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.base import Fitting
from kgrec.arrays import Csr, contains, pairs_to_csr
from kgrec.graph.snapshot import Interactions, Ints

BATCH, STEPS = 4096, 40  # pairs a step at least, steps an epoch at most: each reads a whole graph
_REDRAWS = 5  # of a negative that its user has; what is left after that stays


@contextmanager
def seeded(how: Fitting) -> Iterator[np.random.Generator]:
    """Torch's generators and the one returned start from the seed; torch's are put back after."""
    cuda = torch.device(how.device).type == "cuda"
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if cuda else []):
        torch.manual_seed(how.seed)
        yield np.random.default_rng(how.seed)


def run_epochs(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: Callable[[], Iterator[Tensor]],
    how: Fitting,
    *,
    epochs: int,
    every: int,
    patience: int,
) -> int:
    """Train on an epoch's ``losses``, a step each; validate every ``every`` epochs, and stop after
    ``patience`` validations without a gain.

    The model ends with its best weights; returns the epochs these took. Without ``how.validate``
    it trains for ``how.epochs`` (``epochs`` where None) and ends with the last weights.
    """
    limit = how.epochs or epochs
    best, best_epoch, waited = -1.0, limit, 0
    weights: dict[str, Tensor] = {}
    for done in range(1, limit + 1):
        model.train()
        for loss in losses():
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if how.validate is None or done % every:
            continue
        model.eval()
        metric, waited = how.validate(), waited + 1
        if metric > best:
            best, best_epoch, waited = metric, done, 0
            weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if waited >= patience:
            break
    if weights:
        model.load_state_dict(weights)
    model.eval()
    return best_epoch


class Pairs:
    """Training pairs (user, item) with a uniformly drawn item that the user doesn't have."""

    def __init__(self, train: Interactions, n_users: int, n_items: int) -> None:
        self.seen: Csr = pairs_to_csr(train.user, train.item, n_users)
        self.user = np.repeat(np.arange(n_users), np.diff(self.seen[0]))
        self.item = self.seen[1]
        self.n_items = n_items

    def batches(
        self, rng: np.random.Generator, device: str
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Every pair once, in random order: int64 ``[B]`` users, items, negatives."""
        order = rng.permutation(len(self.user))
        size = max(BATCH, -(-len(order) // STEPS))
        negatives = self._negatives(rng, self.user[order])
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            parts = (self.user[rows], self.item[rows], negatives[start : start + size])
            user, item, negative = (torch.as_tensor(part).to(device) for part in parts)
            yield user, item, negative

    def _negatives(self, rng: np.random.Generator, user: Ints) -> Ints:
        drawn = rng.integers(0, self.n_items, len(user))
        for _ in range(_REDRAWS):
            wrong = np.flatnonzero(contains(self.seen, user, drawn))
            drawn[wrong] = rng.integers(0, self.n_items, len(wrong))
        return drawn
