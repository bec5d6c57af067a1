"""Every method changes what the encoder says and trains what it promises; freezing freezes."""

import copy

import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel

from kgrec.errors import TextModelError
from kgrec.text.encoding.adapters import merge_adapter
from kgrec.text.encoding.loading import LanguageModel
from kgrec.text_finetuning import tune_network
from kgrec.text_finetuning.tokens import Tokens
from kgrec.text_finetuning.trainable_parameters import GradualUnfreezing, select_trainable
from tests.text_finetuning.conftest import small

METHODS = ("lora", "adalora", "prefix", "ia3", "full")
CPU = torch.device("cpu")
SAID = ["a cat", "the old river town", "music"]


def said(network, tokenizer):
    with torch.no_grad():
        return Tokens(tokenizer, 16, CPU).vectors(network.eval(), SAID)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_changes_the_outputs_and_trains_all_it_promises(method, tiny, corpus):
    network, tokenizer = tiny
    before = said(network, tokenizer)
    old = copy.deepcopy(network.state_dict())
    tuned = tune_network(LanguageModel(network, tokenizer), corpus, small(method=method, steps=8))
    after = said(tuned.network, tokenizer)
    assert (before - after).abs().amax(dim=1).min() > 1e-3
    trained = [p for p in tuned.network.parameters() if p.requires_grad]
    assert tuned.report.trained == sum(p.numel() for p in trained) > 0
    if method != "full":
        own = {_own_name(name): p for name, p in tuned.network.named_parameters()}
        weights = [name for name in old if "position_ids" not in name]
        assert [name for name in weights if not torch.equal(old[name], own[name])] == []


def _own_name(name):
    """What a parameter was called before peft put its modules around it."""
    bare = name.rpartition("base_model.model.")[2].removeprefix("network.base_model.")
    return bare.replace(".base_layer", "")


@pytest.mark.parametrize("method", METHODS)
def test_every_trained_parameter_gets_a_gradient_that_is_not_all_zero(method, tiny, corpus):
    """After some steps: lora's first matrices have none while the second ones are 0."""
    network, tokenizer = tiny
    tuned = tune_network(LanguageModel(network, tokenizer), corpus, small(method=method, steps=2))
    tokens = Tokens(tokenizer, 16, CPU)
    tuned.network.train()
    tokens.vectors(tuned.network, SAID).square().mul(torch.arange(1.0, 65.0)).sum().backward()
    trained = {name: p for name, p in tuned.network.named_parameters() if p.requires_grad}
    assert trained
    # The bias of keys adds the same to every score of a softmax: its gradient is 0 by arithmetic.
    live = {name: p for name, p in trained.items() if not name.endswith("key.bias")}
    assert [name for name, p in live.items() if p.grad is None or not p.grad.any()] == []


def test_lora_trains_the_linear_maps_of_every_layer(tiny):
    network, _ = tiny
    adapted = select_trainable(network, small(rank=2), 10)
    names = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert len(names) == 2 * 6 * 2  # layers, maps, two matrices each
    assert not any("pooler" in name or "embeddings" in name for name in names)


def test_first_layers_stay_where_they_are_frozen(tiny):
    network, _ = tiny
    adapted = select_trainable(network, small(frozen_layers=1), 10)
    names = [name for name, p in adapted.named_parameters() if p.requires_grad]
    assert names
    assert all(".layer.1." in name for name in names)


@pytest.mark.parametrize(
    ("settings", "open_parts"),
    [
        ({}, {"embeddings", "layer.0", "layer.1"}),
        ({"freeze": "embeddings"}, {"layer.0", "layer.1"}),
        ({"frozen_layers": 1}, {"layer.1"}),
        ({"freeze": "all", "objectives": ("mlm",)}, set()),
    ],
)
def test_full_tuning_opens_what_is_not_frozen(settings, open_parts, tiny):
    network, _ = tiny
    prepared = select_trainable(network, small(method="full", **settings), 10)
    found = [name for name, p in prepared.named_parameters() if p.requires_grad]
    parts = {"embeddings", "layer.0", "layer.1"}
    assert {part for part in parts if any(f"{part}." in name for name in found)} == open_parts


@pytest.mark.parametrize("method", ["full", "lora"])
def test_gradual_unfreezing_opens_from_the_last_layer_down(method, tiny):
    network, _ = tiny
    settings = small(method=method, freeze="gradual", epochs=3)
    prepared = select_trainable(network, settings, 10)
    unfreezing = GradualUnfreezing(prepared, settings)
    seen = []
    for epoch in range(3):
        unfreezing.start_epoch(epoch)
        names = [name for name, p in prepared.named_parameters() if p.requires_grad]
        parts = ("layer.1.", "layer.0.", "embeddings.")
        seen.append([part for part in parts if any(part in name for name in names)])
    full = [["layer.1."], ["layer.1.", "layer.0."], ["layer.1.", "layer.0.", "embeddings."]]
    lora = [["layer.1."], ["layer.1.", "layer.0."], ["layer.1.", "layer.0."]]
    assert seen == (full if method == "full" else lora)


def test_gradual_unfreezing_trains_through_the_loop(tiny, corpus):
    network, tokenizer = tiny
    settings = small(method="full", freeze="gradual", epochs=3, patience=3, learning_rate=1e-4)
    report = tune_network(LanguageModel(network, tokenizer), corpus, settings).report
    assert len(report.history) == 3
    assert report.trained == report.parameters


def test_an_encoder_that_takes_no_prefix_is_refused():
    network = DistilBertModel(
        DistilBertConfig(vocab_size=30, dim=16, n_heads=2, n_layers=1, hidden_dim=16)
    )
    with pytest.raises(TextModelError, match=r"prefix.*distilbert"):
        select_trainable(network, small(method="prefix"), 10)


def test_lora_works_on_another_architecture():
    network = DistilBertModel(
        DistilBertConfig(vocab_size=30, dim=16, n_heads=2, n_layers=1, hidden_dim=16)
    )
    adapted = select_trainable(network, small(), 10)
    assert sum(p.requires_grad for p in adapted.parameters()) == 2 * 6


def test_freezing_more_layers_than_there_are_is_refused(tiny):
    with pytest.raises(TextModelError, match="has 2 layers"):
        select_trainable(tiny[0], small(frozen_layers=2), 10)


def test_a_merged_adapter_says_the_same(tiny, corpus):
    network, tokenizer = tiny
    for method in ("lora", "adalora", "ia3"):
        copied = copy.deepcopy(network)
        tuned = tune_network(LanguageModel(copied, tokenizer), corpus, small(method=method))
        apart = said(tuned.network, tokenizer)
        together = said(merge_adapter(tuned.network), tokenizer)
        assert (apart - together).abs().max() < 1e-5, method
