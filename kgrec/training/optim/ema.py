"""Exponential moving average of the weights: less noisy than the weights of the last step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_WARM_UP = 10  # steps after which the first weights hardly count


class RunningAverage:
    """Exponential moving average of a model's weights over the steps (Polyak & Juditsky, 1992).

    ``values`` are the averages by name, ``steps`` the number of steps averaged; both can be taken
    from an interrupted run.
    """

    def __init__(
        self, model: nn.Module, decay: float, values: dict[str, Tensor] | None, steps: int
    ) -> None:
        self.model, self.decay, self.steps = model, decay, steps
        own = dict(model.named_parameters())
        self.values = {
            name: (value if not values else values[name]).detach().clone().to(value.device)
            for name, value in own.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """Add the present weights to the average."""
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + _WARM_UP))
        own = dict(self.model.named_parameters())
        averages = [self.values[name] for name in own]
        torch._foreach_lerp_(averages, list(own.values()), 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside the block the model has the averages, afterwards its own weights again."""
        own = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        self.model.load_state_dict(self.values, strict=False)
        try:
            yield
        finally:
            self.model.load_state_dict(own, strict=False)
