"""Hidden words, the prediction head, and that training the encoder tells words better."""

import numpy as np
import pytest
import torch

from kgrec.errors import TextModelError
from kgrec.text_finetuning import tune_network
from kgrec.text_finetuning.objectives.masking import TokenVocabulary, hide
from kgrec.text_finetuning.objectives.mlm import MaskedWordObjective, mask_predictor
from kgrec.text_finetuning.tokens import Tokens
from tests.text.tiny import WORDS
from tests.text_finetuning.conftest import small

CPU = torch.device("cpu")
VOCABULARY = TokenVocabulary(size=21, mask=4, special=(0, 1, 2, 3, 4))


def test_masks_hide_the_share_and_never_what_is_special():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 21, (400, 50))
    shown, hidden = hide(ids, 0.15, VOCABULARY, np.random.default_rng(1))
    words = ~np.isin(ids, VOCABULARY.special)
    assert not (hidden & ~words).any()
    assert 0.14 < hidden.sum() / words.sum() < 0.16
    assert (shown[~hidden] == ids[~hidden]).all()
    masked = (shown[hidden] == VOCABULARY.mask).mean()
    assert 0.78 < masked < 0.83  # a random token may be the mask too
    assert 0.08 < (shown[hidden] == ids[hidden]).mean() < 0.13


def test_every_text_with_a_word_has_one_hidden_and_one_without_has_none():
    ids = np.array([[2, 9, 3, 0], [2, 3, 0, 0]])
    for seed in range(20):
        _, hidden = hide(ids, 0.01, VOCABULARY, np.random.default_rng(seed))
        assert hidden.tolist() == [[False, True, False, False], [False] * 4]


def test_masks_depend_on_the_seed_and_the_epoch_alone(tiny, corpus):
    network, tokenizer = tiny
    tokens = Tokens(tokenizer, 16, CPU)

    def first(seed, epoch):
        return next(
            MaskedWordObjective(corpus, tokens, small(), seed, network).batches(epoch)
        ).shown

    assert np.array_equal(first(0, 0), first(0, 0))
    assert not np.array_equal(first(0, 0), first(0, 1))
    assert not np.array_equal(first(0, 0), first(1, 0))


def test_texts_of_items_held_out_are_never_trained_on(tiny, corpus):
    network, tokenizer = tiny
    objective = MaskedWordObjective(corpus, Tokens(tokenizer, 16, CPU), small(), 0, network)
    trained = {tuple(row) for batch in objective.batches(0) for row in batch.true.tolist()}
    held = {tuple(row) for batch in objective.valid() for row in batch.true.tolist()}
    assert trained
    assert held
    n_trained = sum(len(batch.true) for batch in objective.batches(0))
    n_held = sum(len(batch.true) for batch in objective.valid())
    assert n_trained + n_held == len(corpus.texts[0])


@pytest.mark.slow
def test_training_the_encoder_beats_training_its_head_alone(tiny_folder, corpus):
    from kgrec.text.encoding.loading import read_model

    def perplexity(**changed):
        model = read_model(tiny_folder)
        settings = small(objectives=("mlm",), method="full", epochs=6, patience=6, steps=None)
        settings = settings.model_copy(update={"learning_rate": 3e-3, **changed})
        report = tune_network(model, corpus, settings).report
        assert report.head > 0
        return min(record["perplexity"] for record in report.history), report

    alone, frozen = perplexity(freeze="all")
    whole, _ = perplexity()
    assert frozen.trained == 0
    assert whole < alone < len(WORDS)


def test_a_tokenizer_without_a_mask_is_refused(tiny, corpus):
    network, tokenizer = tiny
    tokenizer.mask_token = None
    with pytest.raises(TextModelError, match="no mask token"):
        MaskedWordObjective(corpus, Tokens(tokenizer, 16, CPU), small(), 0, network)


def test_the_predictor_gives_one_word_for_each_mask(tiny, corpus):
    network, tokenizer = tiny
    tokens = Tokens(tokenizer, 16, CPU)
    predict = mask_predictor(
        network, MaskedWordObjective(corpus, tokens, small(), 0, network), tokens
    )
    found = predict(["the [MASK] river [MASK]", "no mask", "[MASK]"])
    assert [len(words) for words in found] == [2, 0, 1]
    assert all(word == "" or word in WORDS for words in found for word in words)
