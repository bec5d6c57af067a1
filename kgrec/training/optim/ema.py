"""A running average of the weights: smoother than where the last steps happened to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_WARM_UP = 10  # steps: the first weights are soon forgotten


class RunningAverage:
    """Exponential moving average of a model's weights over the steps (Polyak & Juditsky, 1992).

    ``values`` are the averages by name, ``steps`` how many were averaged; both may be taken over
    from a run that was cut off.
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
        """Take the present weights in."""
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + _WARM_UP))
        for name, value in self.model.named_parameters():
            self.values[name].lerp_(value, 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averages inside, and its own weights again afterwards."""
        own = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        self.model.load_state_dict(self.values, strict=False)
        try:
            yield
        finally:
            self.model.load_state_dict(own, strict=False)
