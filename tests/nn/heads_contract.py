"""What every scenario head must do; a test class per head inherits from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kgrec.nn import HEADS, ByScenario, HeadShape, ScenarioHead
from kgrec.nn.heads.base import neutral_rows

SCENARIOS, SIZE, FEATURES, BATCH = 3, 16, 5, 97
SHAPE = HeadShape(SCENARIOS, SIZE, FEATURES)


def features() -> Tensor:
    return torch.randn(SCENARIOS, FEATURES, generator=torch.Generator().manual_seed(5))


class HeadsContract:
    """``name`` says which head of HEADS is under test."""

    name: str

    def head(self, seed: int = 0, shape: HeadShape = SHAPE) -> ScenarioHead:
        """The head with weights as after some training."""
        torch.manual_seed(seed)
        head = HEADS[self.name](shape, features()[: shape.n_scenarios])
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.add_(0.5 * torch.randn_like(parameter))
        return head

    def batch(self, size: int = SIZE) -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)
        return torch.randn(BATCH, size), torch.arange(BATCH) % (SCENARIOS + 1) - 1

    def described(self, head: ScenarioHead, scenario: Tensor) -> Tensor:
        """The bias, zero where the head has none."""
        bias = head.bias(scenario)
        return torch.zeros(len(scenario), head.embedding_size) if bias is None else bias

    def test_shapes_and_types_stay(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        for answer in (head(vectors, scenario), self.described(head, scenario)):
            assert answer.shape == (BATCH, SIZE)
            assert answer.dtype == torch.float32
        with torch.inference_mode():
            assert head(vectors[:0], scenario[:0]).shape == (0, SIZE)
            assert self.described(head, scenario[:0]).shape == (0, SIZE)

    def test_linear_in_the_vector_where_gates_are_fixed(self) -> None:
        vectors, scenario = self.batch()
        other, at = vectors.flip(0), vectors.roll(1, 0)
        head = self.head()
        left = head(2 * vectors - 3 * other, scenario, at)
        right = 2 * head(vectors, scenario, at) - 3 * head(other, scenario, at)
        torch.testing.assert_close(left, right, atol=1e-4, rtol=1e-4)
        assert not head(torch.zeros_like(vectors), scenario, at).any()

    def test_gates_are_decided_at_the_vector_itself_unless_told(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        torch.testing.assert_close(head(vectors, scenario, vectors), head(vectors, scenario))

    def test_parts_of_a_vector_add_up(self) -> None:
        """Many parts in float64 for one request, as explanations ask."""
        vectors, _ = self.batch()
        head = self.head()
        for code in range(-1, SCENARIOS):
            scenario = torch.tensor([code])
            whole = vectors.mean(dim=0, keepdim=True)
            with torch.inference_mode():
                parts = head(vectors.double() / BATCH, scenario, whole)
                answer = head(whole, scenario)
            assert parts.shape == (BATCH, SIZE)
            assert parts.dtype == torch.float64
            torch.testing.assert_close(parts.sum(0), answer[0].double(), atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("size", [SIZE, 100, 256])
    def test_a_row_never_depends_on_the_others(self, size: int) -> None:
        vectors, scenario = self.batch(size)
        head = self.head(shape=HeadShape(SCENARIOS, size, FEATURES))
        with torch.inference_mode():
            whole, described = head(vectors, scenario), self.described(head, scenario)
            for start, end in [*((row, row + 1) for row in range(12)), (3, 5), (7, 40)]:
                part = slice(start, end)
                assert torch.equal(head(vectors[part], scenario[part]), whole[part])
                assert torch.equal(self.described(head, scenario[part]), described[part])

    def test_answers_are_what_training_saw(self) -> None:
        """Answers are computed row by row, training in one product."""
        vectors, scenario = self.batch()
        head = self.head()
        trained = head(vectors, scenario).detach(), self.described(head, scenario).detach()
        with torch.inference_mode():
            answered = head(vectors, scenario), self.described(head, scenario)
        torch.testing.assert_close(trained, answered, atol=1e-5, rtol=1e-5)

    def test_no_scenario_adds_no_taste_and_is_no_scenario(self) -> None:
        vectors, _ = self.batch()
        none = torch.full((BATCH,), -1)
        head = self.head()
        assert not self.described(head, none).any()
        before = head(vectors, none)
        assert torch.isfinite(before).all()
        with torch.no_grad():
            for name in head.own_parameters:
                head.get_parameter(name).normal_()
        assert torch.equal(head(vectors, none), before)

    def test_every_parameter_learns(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        weight = torch.linspace(1, 2, BATCH * SIZE).reshape(BATCH, SIZE)
        loss = (head(vectors, scenario) * weight).sum()
        loss = loss + (self.described(head, scenario) * weight).sum()
        parameters = dict(head.named_parameters())
        if not parameters:
            return  # nothing to learn, by definition of the control
        loss.backward()
        for name, parameter in parameters.items():
            assert parameter.grad is not None, name
            assert (parameter.grad != 0).all(), name

    def test_weights_saved_and_loaded_answer_alike(self, tmp_path: Path) -> None:
        vectors, scenario = self.batch()
        head = self.head(0)
        other = HEADS[self.name](SHAPE)
        save_file(head.state_dict(), tmp_path / "head.safetensors")
        other.load_state_dict(load_file(tmp_path / "head.safetensors"))
        assert torch.equal(head(vectors, scenario), other(vectors, scenario))
        assert torch.equal(self.described(head, scenario), self.described(other, scenario))

    def test_untrained_it_is_the_shared_model(self) -> None:
        vectors, scenario = self.batch()
        head = HEADS[self.name](SHAPE, features())
        torch.testing.assert_close(head(vectors, scenario), vectors)
        assert not self.described(head, scenario).any()

    def test_own_parameters_are_those_that_have_a_row_for_each_scenario(self) -> None:
        bigger = self.head(shape=HeadShape(SCENARIOS - 1, SIZE, FEATURES))
        head = self.head()
        names = {name for name, _ in head.named_parameters()}
        by_scenario = {
            name
            for name in names
            if head.get_parameter(name).shape != bigger.get_parameter(name).shape
        }
        assert set(head.own_parameters) == by_scenario
        own = [head.get_parameter(name) for name in by_scenario]
        assert all(len(parameter) == SCENARIOS for parameter in own)
        assert head.n_own() * SCENARIOS == sum(parameter.numel() for parameter in own)

    def test_with_neutral_rows_a_scenario_answers_as_without_one(self) -> None:
        head = self.head()
        rows = neutral_rows(head, 1)
        assert list(rows) == list(head.own_parameters)
        with torch.inference_mode():
            for name, row in rows.items():
                head.get_parameter(name)[1] = row
            vectors = self.batch()[0]
            one, none = torch.full((len(vectors),), 1), torch.full((len(vectors),), -1)
            torch.testing.assert_close(head(vectors, one), head(vectors, none))
            torch.testing.assert_close(self.described(head, one), self.described(head, none))

    def test_reset_rows_are_zeros_for_as_many_scenarios_as_asked(self) -> None:
        head = self.head()
        for part in head.modules():
            if isinstance(part, ByScenario):
                part.reset_rows(SCENARIOS - 1)
        assert head.n_scenarios == SCENARIOS - 1
        for name in head.own_parameters:
            assert len(head.get_parameter(name)) == SCENARIOS - 1
            assert not head.get_parameter(name).any()

    def test_traits_say_what_the_head_has(self) -> None:
        kind = HEADS[self.name]
        assert kind.__module__ == f"kgrec.nn.heads.{self.name}"
        assert kind.adapts == bool(self.head().own_parameters)
        assert kind.reads_scenario_features == ("features" in self.head().state_dict())

    def test_a_scenario_more_leaves_the_others_alone_to_the_bit(self) -> None:
        vectors, scenario = self.batch()
        head = self.head()
        with torch.inference_mode():
            before = head(vectors, scenario), self.described(head, scenario)
        other = head.grown(2)
        with torch.inference_mode():
            assert torch.equal(other(vectors, scenario), before[0])
            assert torch.equal(self.described(other, scenario), before[1])
            assert torch.equal(head(vectors, scenario), before[0])
        for name, parameter in head.named_parameters():
            fresh = other.get_parameter(name)
            own = name in head.own_parameters
            assert torch.equal(fresh[:SCENARIOS] if own else fresh, parameter), name
            if own:
                mean = parameter.mean(0).expand(2, *parameter.shape[1:])
                torch.testing.assert_close(fresh[SCENARIOS:], mean)

    def test_a_new_scenario_learns_in_its_own_rows_alone(self) -> None:
        vectors, scenario = self.batch()
        head = self.head().grown(like=1)
        new = torch.full((BATCH,), SCENARIOS)
        with torch.inference_mode():
            before = head(vectors, scenario), self.described(head, scenario)
            like = torch.ones_like(new)
            start = head(vectors, new), self.described(head, new)
            assert torch.equal(start[0], head(vectors, like))
            assert torch.equal(start[1], self.described(head, like))
        for _ in range(3):
            loss = (head(vectors, new) + self.described(head, new)).square().sum()
            own = [head.get_parameter(name) for name in head.own_parameters]
            if not own:
                return  # nothing to learn, by definition of the control
            gradients = torch.autograd.grad(loss, own)
            with torch.no_grad():
                for parameter, gradient in zip(own, gradients, strict=True):
                    assert not gradient[:SCENARIOS].any()
                    parameter.sub_(1e-4 * gradient)
        with torch.inference_mode():
            assert torch.equal(head(vectors, scenario), before[0])
            assert torch.equal(self.described(head, scenario), before[1])
            assert not torch.allclose(head(vectors, new), start[0])

    def test_it_grows_like_a_scenario_that_exists_or_says_so(self) -> None:
        for wrong in (-1, SCENARIOS):
            with pytest.raises(ValueError, match=f"scenario {wrong} is not among the {SCENARIOS}"):
                self.head().grown(like=wrong)
