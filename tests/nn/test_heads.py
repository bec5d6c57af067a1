"""Every head keeps the contract; and what is particular to each."""

from __future__ import annotations

import torch

from kgrec.nn import HEADS
from tests.nn.heads_contract import SCENARIOS, SIZE, HeadsContract


class TestNoHead(HeadsContract):
    name = "none"

    def test_it_has_nothing_to_learn(self) -> None:
        assert not list(self.head().parameters())


class TestAdapterHead(HeadsContract):
    name = "adapter"

    def test_scenarios_differ(self) -> None:
        head = self.head()
        vectors = torch.ones(SCENARIOS, SIZE)
        adapted = head(vectors, torch.arange(SCENARIOS))
        told = self.told(head, torch.arange(SCENARIOS))
        assert not torch.allclose(adapted[0], adapted[1])
        assert not torch.allclose(told[0], told[1])

    def test_the_adapter_multiplies_element_by_element(self) -> None:
        head = self.head()
        vectors, scenario = self.batch()
        adapted = head(vectors, scenario)
        parameters = dict(head.named_parameters())
        for row, code in enumerate(scenario.tolist()):
            own = parameters["scale"][code] if code >= 0 else torch.ones(SIZE)
            expected = vectors[row] * parameters["shared"] * own
            torch.testing.assert_close(adapted[row], expected)


def test_every_head_is_held_to_the_contract() -> None:
    held = {kind.name for kind in HeadsContract.__subclasses__()}
    assert held == set(HEADS)
