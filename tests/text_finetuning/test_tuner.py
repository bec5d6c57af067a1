"""The whole tuning: it learns, it is deterministic, it stops, it reports, it refuses nonsense."""

import math

import numpy as np
import pytest
import torch

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import RequestError, TrainingError
from kgrec.text.encoding.loading import read_model
from kgrec.text_finetuning import TextCorpus, UserTexts, tune_network
from kgrec.text_finetuning.objectives.contrastive import ContrastiveObjective, info_nce
from kgrec.text_finetuning.tokens import Tokens
from tests.text_finetuning.conftest import small

CPU = torch.device("cpu")


def run(folder, corpus, seed=0, **changed):
    model = read_model(folder)
    return tune_network(model, corpus, small(**changed), seed=seed)


def weights(tuned):
    return {name: p for name, p in tuned.network.named_parameters() if p.requires_grad}


@pytest.mark.slow
def test_pairs_are_told_apart_better_afterwards(tiny_folder, corpus):
    report = run(tiny_folder, corpus, epochs=4, patience=4, steps=None).report
    first = report.history[0]["valid_loss_before"]
    assert min(record["valid_loss"] for record in report.history) < first - 0.1


@pytest.mark.slow
def test_equal_seeds_give_equal_weights(tiny_folder, corpus):
    changed = {"augment": ("delete", "mask", "substitute"), "objectives": ("mlm", "contrastive")}
    one, two, other = (run(tiny_folder, corpus, seed, **changed) for seed in (3, 3, 4))
    mine, same, others = weights(one), weights(two), weights(other)
    assert all(torch.equal(mine[name], same[name]) for name in mine)
    assert not all(torch.equal(mine[name], others[name]) for name in mine)
    assert [record["objective"] for record in one.report.history] == ["mlm", "contrastive"]


def test_tuning_leaves_the_global_generator_alone(tiny_folder, corpus):
    model = read_model(tiny_folder)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tune_network(model, corpus, small(augment=("delete",)))
    assert torch.equal(torch.rand(3), expected)


def held_out_loss(tuned, corpus):
    network, tokenizer = tuned.network, tuned.tokenizer
    objective = ContrastiveObjective(corpus, Tokens(tokenizer, 16, CPU), tuned.settings, 0)
    with torch.no_grad():
        found = [objective.loss(network, batch) for batch in objective.valid()]
    return sum(float(value) * n for value, n in found) / sum(n for _, n in found)


@pytest.mark.parametrize(("learning_rate", "gains"), [(0.003, True), (0.3, False)])
def test_it_stops_when_validation_gains_nothing_and_keeps_the_best(
    tiny_folder, corpus, learning_rate, gains
):
    """The best epoch, or the weights of before where every epoch is worse."""
    tuned = run(
        tiny_folder, corpus, epochs=30, patience=2, learning_rate=learning_rate, method="full"
    )
    history = tuned.report.history
    losses = [record["valid_loss"] for record in history]
    before = history[0]["valid_loss_before"]
    assert (min(losses) < before) is gains
    assert len(history) < 30
    assert len(history) == 2 + (losses.index(min(losses)) + 1 if gains else 0)
    assert math.isclose(held_out_loss(tuned, corpus), min(before, *losses), rel_tol=1e-5)


def test_gradients_and_optimizer_are_counted_to_the_byte(tiny_folder, corpus):
    lora = run(tiny_folder, corpus).report
    full = run(tiny_folder, corpus, method="full").report
    assert lora.gradient_bytes == 4 * lora.trained
    assert full.gradient_bytes == 4 * full.trained == 4 * full.parameters
    tensors = len(weights(run(tiny_folder, corpus)))
    assert lora.optimizer_bytes == 8 * lora.trained + 4 * tensors  # two moments; steps are scalars
    assert lora.trained_share < 0.25 < full.trained_share == 1.0
    assert lora.peak_bytes > 10 * 2**20


def test_adalora_s_ranking_is_counted_too(tiny_folder, corpus):
    report = run(tiny_folder, corpus, method="adalora").report
    assert report.optimizer_bytes > 5 * 4 * report.trained  # two moments and three averages


@pytest.mark.slow
def test_accumulated_batches_make_one_step(tiny_folder, corpus):
    one = run(tiny_folder, corpus, steps=None, accumulation=1).report
    four = run(tiny_folder, corpus, steps=None, accumulation=4).report
    assert four.steps == math.ceil(one.steps / 4)


def test_accumulation_takes_the_mean_of_the_gradients(tiny_folder, corpus):
    """Plain gradients of two batches, added by hand, are those that the loop steps on."""
    settings = {"dropout": 0.0, "steps": 1, "reg": 0.0, "warmup": 0.0}
    one = run(tiny_folder, corpus, accumulation=1, **settings)
    two = run(tiny_folder, corpus, accumulation=2, **settings)
    assert one.report.history[0]["loss"] != two.report.history[0]["loss"]
    assert one.report.steps == two.report.steps == 1


def test_progress_is_told_up_to_the_end(tiny_folder, corpus):
    seen = []
    model = read_model(tiny_folder)
    tune_network(model, corpus, small(), progress=lambda *done: seen.append(done))
    assert seen[-1][1:] == (4, 4)
    assert all("contrastive" in what for what, _, _ in seen)


def test_a_loss_that_is_no_number_is_an_error_with_the_cure(tiny_folder, corpus):
    model = read_model(tiny_folder)
    model.network.get_input_embeddings().weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1; lower learning_rate"):
        tune_network(model, corpus, small())


@pytest.mark.parametrize("objective", ["mlm", "contrastive"])
def test_too_few_texts_are_refused(objective, tiny_folder):
    nothing = np.empty(0, dtype=np.int64)
    empty = TextCorpus(["", ""], UserTexts.none(), UserTexts.none(), nothing, nothing)
    with pytest.raises(TrainingError, match="load"):
        run(tiny_folder, empty, objectives=(objective,))


def test_more_tokens_than_the_model_takes_are_refused(tiny_folder, corpus):
    with pytest.raises(RequestError, match="takes 32 tokens"):
        run(tiny_folder, corpus, max_length=64)


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"freeze": "all"}, "mlm"),
        ({"method": "prefix", "frozen_layers": 1}, "prefix"),
        ({"method": "prefix", "freeze": "gradual"}, "prefix"),
        ({"method": "adalora", "freeze": "gradual"}, "adalora"),
        ({"augment": ("substitute",)}, "mlm first"),
        ({"method": "bitfit"}, "lora"),
        ({"objectives": ()}, "at least 1"),
        ({"epoch": 2}, "Extra"),
    ],
)
def test_settings_that_don_t_fit_together_are_refused(wrong, cure):
    with pytest.raises(RequestError, match=cure):
        TextTuning(**wrong)


def test_info_nce_by_hand():
    anchors = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    others = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    items = torch.tensor([7, 8, 7, 9])
    logits = (anchors @ others.T / 0.5).double().exp().numpy()
    allowed = np.array(
        [[a == b or x != y for b, y in enumerate(items)] for a, x in enumerate(items)]
    )
    allowed = np.array(
        [[a == b or int(items[a]) != int(items[b]) for b in range(4)] for a in range(4)]
    )
    forth = -np.log(np.diag(logits) / (logits * allowed).sum(axis=1)).mean()
    back = -np.log(np.diag(logits) / (logits * allowed).sum(axis=0)).mean()
    found = float(info_nce(anchors, others, items, 0.5))
    assert math.isclose(found, (forth + back) / 2, rel_tol=1e-5)
