"""What every scenario head must do; a test class per head inherits from it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kgrec.nn import HEADS, ScenarioHead

SCENARIOS, SIZE, BATCH = 3, 8, 33


class HeadsContract:
    """``name`` says which head of HEADS is under test."""

    name: str

    def head(self, seed: int = 0) -> ScenarioHead:
        """The head with weights as after some training."""
        torch.manual_seed(seed)
        head = HEADS[self.name](SCENARIOS, SIZE)
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.add_(torch.randn_like(parameter))
        return head

    def batch(self) -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)
        return torch.randn(BATCH, SIZE), torch.arange(BATCH) % (SCENARIOS + 1) - 1

    def told(self, head: ScenarioHead, scenario: Tensor) -> Tensor:
        """The bias, zero where the head has none."""
        bias = head.bias(scenario)
        return torch.zeros(len(scenario), SIZE) if bias is None else bias

    def test_shapes_and_types_stay(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        for answer in (head(vectors, scenario), self.told(head, scenario)):
            assert answer.shape == (BATCH, SIZE)
            assert answer.dtype == torch.float32
        assert head(vectors[:0], scenario[:0]).shape == (0, SIZE)

    def test_linear_in_the_vector(self) -> None:
        vectors, scenario = self.batch()
        other = vectors.flip(0)
        head = self.head()
        left = head(2 * vectors - 3 * other, scenario)
        right = 2 * head(vectors, scenario) - 3 * head(other, scenario)
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)
        assert not head(torch.zeros_like(vectors), scenario).any()

    def test_a_row_never_depends_on_the_others(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        whole, told = head(vectors, scenario), self.told(head, scenario)
        for row in range(BATCH):
            one = slice(row, row + 1)
            assert torch.equal(head(vectors[one], scenario[one])[0], whole[row])
            assert torch.equal(self.told(head, scenario[one])[0], told[row])

    def test_no_scenario_adds_no_taste_and_is_no_scenario(self) -> None:
        vectors, _ = self.batch()
        none = torch.full((BATCH,), -1)
        head = self.head()
        assert torch.isfinite(head(vectors, none)).all()
        assert not self.told(head, none).any()

    def test_every_parameter_learns(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        weight = torch.linspace(1, 2, BATCH * SIZE).reshape(BATCH, SIZE)
        loss = (head(vectors, scenario) * weight).sum()
        loss = loss + (self.told(head, scenario) * weight).sum()
        parameters = dict(head.named_parameters())
        if not parameters:
            return  # nothing to learn, as the control says of itself
        loss.backward()
        for name, parameter in parameters.items():
            assert parameter.grad is not None, name
            assert (parameter.grad != 0).all(), name

    def test_weights_saved_and_loaded_answer_alike(self, tmp_path: Path) -> None:
        vectors, scenario = self.batch()
        head, other = self.head(0), self.head(7)
        save_file(head.state_dict(), tmp_path / "head.safetensors")
        other.load_state_dict(load_file(tmp_path / "head.safetensors"))
        assert torch.equal(head(vectors, scenario), other(vectors, scenario))
        assert torch.equal(self.told(head, scenario), self.told(other, scenario))

    def test_untrained_it_is_the_shared_model(self) -> None:
        vectors, scenario = self.batch()
        head = HEADS[self.name](SCENARIOS, SIZE)
        torch.testing.assert_close(head(vectors, scenario), vectors)
        assert not self.told(head, scenario).any()
