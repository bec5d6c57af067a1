"""Every head keeps the contract; and what is particular to each."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import torch
from torch.nn.functional import leaky_relu

from kgrec.config import FEATURE_READERS, HeadName, ModelConfig, RatingConfig
from kgrec.nn import HEADS, HeadShape
from tests.nn.heads_contract import SCENARIOS, SHAPE, SIZE, HeadsContract, features


class TestNoHead(HeadsContract):
    name = "none"

    def test_it_has_nothing_to_learn(self) -> None:
        assert not list(self.head().parameters())


class DifferentScenarios(HeadsContract):
    """Of a head that tells scenarios from one another."""

    def test_scenarios_differ(self) -> None:
        head = self.head()
        codes = torch.arange(-1, SCENARIOS)
        adapted = head(torch.ones(SCENARIOS + 1, SIZE), codes)
        described = self.described(head, codes)
        for one in range(SCENARIOS + 1):
            for other in range(one):
                assert not torch.allclose(adapted[one], adapted[other])
                assert not torch.allclose(described[one], described[other])


class TestAdapterHead(DifferentScenarios):
    name = "adapter"

    def test_the_adapter_multiplies_element_by_element(self) -> None:
        head = self.head()
        vectors, scenario = self.batch()
        adapted = head(vectors, scenario)
        parameters = dict(head.named_parameters())
        for row, code in enumerate(scenario.tolist()):
            own = parameters["scale"][code] if code >= 0 else torch.ones(SIZE)
            expected = vectors[row] * parameters["shared"] * own
            torch.testing.assert_close(adapted[row], expected)


class TestSharedBottomHead(DifferentScenarios):
    name = "shared_bottom"

    def test_a_bottom_and_the_towers_on_it(self) -> None:
        head = self.head()
        vectors, scenario = self.batch()
        p = dict(head.named_parameters())
        for row, code in enumerate(scenario.tolist()):
            tower = p["tower.shared"]
            if code >= 0:
                tower = tower + p["tower.left"][code] @ p["tower.right"][code]
            hidden = leaky_relu(vectors[row] @ p["bottom"])
            expected = vectors[row] + hidden @ tower / SHAPE.width**0.5
            torch.testing.assert_close(head(vectors, scenario)[row], expected, atol=1e-5, rtol=1e-5)


class TestMMoEHead(DifferentScenarios):
    name = "mmoe"

    def test_a_gate_mixes_experts(self) -> None:
        """A gate that is all for one expert leaves that one's answer."""
        head = self.head()
        vectors, _ = self.batch()
        scenario = torch.ones(len(vectors), dtype=torch.int64)
        p = dict(head.named_parameters())
        tower = p["tower.shared"] + p["tower.left"][1] @ p["tower.right"][1]
        at = torch.ones_like(vectors)
        for expert in range(4):
            with torch.no_grad():
                p["gate"].zero_()
                p["own_gate"].zero_()
                p["own_gate"][1, :, expert] = 100
            weights = p["experts"][:, expert * SHAPE.width : (expert + 1) * SHAPE.width]
            hidden = (vectors @ weights) * torch.where(at @ weights > 0, 1, 0.01)
            expected = vectors + hidden @ tower / SHAPE.width**0.5
            answer = head(vectors, scenario, at)
            torch.testing.assert_close(answer, expected, atol=1e-4, rtol=1e-4)


class TestPLEHead(DifferentScenarios):
    name = "ple"

    def test_the_shared_stream_reads_no_scenarios_expert(self) -> None:
        head = self.head()
        vectors, _ = self.batch()
        none = torch.full((len(vectors),), -1)
        before = head(vectors, none)
        with torch.no_grad():
            for name in head.own_parameters:
                head.get_parameter(name).mul_(-3)
        assert torch.equal(head(vectors, none), before)


class TestStarHead(DifferentScenarios):
    name = "star"

    def test_weights_are_shared_ones_times_own_ones(self) -> None:
        head = self.head()
        vectors, scenario = self.batch()
        p = dict(head.named_parameters())
        for row, code in enumerate(scenario.tolist()):
            scale, weights = p["scale"], []
            for layer in ("first", "second"):
                weight = p[f"{layer}.weight"]
                if code >= 0:
                    weight = weight * (1 + p[f"{layer}.left"][code].T @ p[f"{layer}.right"][code])
                weights.append(weight)
            if code >= 0:
                scale = scale * (1 + p["own_scale"][code])
            hidden = leaky_relu((vectors[row] * scale) @ weights[0])
            expected = vectors[row] + hidden @ weights[1] / SHAPE.width**0.5
            torch.testing.assert_close(head(vectors, scenario)[row], expected, atol=1e-4, rtol=1e-4)


class TestPEPNetHead(DifferentScenarios):
    name = "pepnet"

    def test_gates_lie_between_nothing_and_twice(self) -> None:
        head = self.head()
        gate = head.get_submodule("embedding_gate")
        described = 1000 * torch.randn(200, 16 + SIZE)
        with torch.no_grad():
            described = gate(described)
        assert 0 <= described.min() < 0.1
        assert 1.9 < described.max() <= 2


class TestHyperHead(DifferentScenarios):
    name = "hyper"

    def test_features_alone_tell_a_scenario(self) -> None:
        """With nothing of its own, a scenario answers as one that says the same of itself."""
        head = self.head()
        with torch.no_grad():
            for name in head.own_parameters:
                head.get_parameter(name).zero_()
        vectors, _ = self.batch()
        with torch.inference_mode():
            answers = [head(vectors, torch.full((len(vectors),), k)) for k in range(SCENARIOS)]
            assert not torch.allclose(answers[0], answers[1])
            other = head.grown()
            new = torch.full((len(vectors),), SCENARIOS)
            other.describe(SCENARIOS, features()[1])
            assert torch.equal(other(vectors, new), answers[1])
            assert torch.equal(
                self.described(other, new), self.described(head, torch.ones_like(new))
            )

    def test_features_travel_with_the_weights(self) -> None:
        head = HEADS[self.name](SHAPE, features())
        assert torch.equal(head.state_dict()["features"], features())

    def test_it_does_without_any_features(self) -> None:
        head = HEADS[self.name](HeadShape(SCENARIOS, SIZE))
        vectors, scenario = self.batch()
        torch.testing.assert_close(head(vectors, scenario), vectors)


def test_every_head_is_held_to_the_contract() -> None:
    kinds = [*HeadsContract.__subclasses__(), *DifferentScenarios.__subclasses__()]
    assert {kind.name for kind in kinds if hasattr(kind, "name")} == set(HEADS)


def test_settings_name_the_heads_of_the_registry() -> None:
    names = get_args(HeadName)
    assert list(HEADS) == list(names)
    for config in (ModelConfig, RatingConfig):
        assert get_args(config.model_fields["head"].annotation) == ("auto", *names)
    assert {name for name in HEADS if HEADS[name].reads_scenario_features} == FEATURE_READERS


def test_settings_load_without_torch() -> None:
    code = "import sys, kgrec.config.heads; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
