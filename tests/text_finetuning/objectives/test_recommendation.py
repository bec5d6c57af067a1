"""The objective "recommend" apart from any recommender: exact gradients, and the best is kept."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from kgrec.errors import TrainingError
from kgrec.text.encoding.encoder import MAX_CHUNKS, BertEncoder
from kgrec.text.encoding.loading import read_model
from kgrec.text_finetuning import tune_network
from kgrec.text_finetuning.objectives.recommendation import ChunkBatch, RecommendationObjective
from kgrec.text_finetuning.tokens import Tokens
from kgrec.text_finetuning.trainable_parameters import select_trainable
from tests.text.tiny import WIDTH, shake, texts
from tests.text_finetuning.conftest import small

CPU = torch.device("cpu")
LONG = "the old cat " * 100


class LinearModel:
    """A reader that wants its texts where random points are; its validation value is given."""

    def __init__(self, scores=()):
        self.texts = [*dict.fromkeys(texts(20, longest=25)), LONG]
        self.read = None
        self._scores = iter(scores)
        generator = torch.Generator().manual_seed(1)
        self._points = torch.randn(len(self.texts), WIDTH, generator=generator)

    def fit(self, vectors):
        self.read = vectors

    def loss(self, vectors, rng):
        chances = functional.log_softmax(3 * vectors @ self._points.T, dim=1)
        weight = torch.from_numpy(rng.random(len(vectors))).float()
        return -(chances.diagonal() * weight).mean()

    def validate(self, vectors):
        found = next(self._scores, None)
        if found is not None:
            return found
        return 1.0 / (1.0 + float(self.loss(vectors, np.random.default_rng(0))))


def objective(tiny, reader, **changed):
    """The objective on a network with lora, whose matrices are no zeros any more."""
    network, tokenizer = tiny
    settings = small(objectives=("recommend",), **changed)
    adapted = select_trainable(network, settings, 10)
    shake(adapted, 0.1, seed=2)
    return adapted, RecommendationObjective(reader, Tokens(tokenizer, 16, CPU), settings, seed=0)


def slopes(network):
    return {n: p.grad.clone() for n, p in network.named_parameters() if p.requires_grad}


def test_gradients_of_the_batches_add_up_to_those_end_to_end(tiny):
    reader = LinearModel()
    network, one = objective(tiny, reader)
    network.train()  # the encoder's dropout stays out all the same
    one.begin(network)
    rows, seed = np.arange(len(one._chunks)), (5,)
    sizes = []
    for part in np.array_split(rows, 4):
        loss, size = one.loss(network, ChunkBatch(part, seed))
        (loss * size / len(rows)).backward()
        sizes.append(size)
    found = slopes(network)
    network.zero_grad()
    network.eval()
    live = one._text_vectors(one._encode(network, rows))
    reader.loss(live, np.random.default_rng(seed)).backward()
    expected = slopes(network)
    assert len(set(sizes)) == 2
    largest = max(float(slope.abs().max()) for slope in expected.values())
    assert largest > 1e-3
    for name, slope in expected.items():
        assert float((found[name] - slope).abs().max()) < 1e-5 * largest


def test_other_vectors_stay_as_they_were_last_read(tiny):
    """A step moves the encoder: only the batch's own vectors are then those of today."""
    network, one = objective(tiny, LinearModel())
    one.begin(network)
    before = one._vectors.clone()
    with torch.no_grad():
        next(p for p in network.parameters() if p.requires_grad).add_(0.5)
    rows = np.array([1, 4])
    one.loss(network, ChunkBatch(rows, (0,)))
    moved = (one._vectors != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == rows.tolist()
    one.loss(network, None)  # reads all anew
    assert bool((one._vectors != before).any(dim=1).all())


def test_vectors_are_those_that_the_encoder_makes(tiny_folder):
    model = read_model(tiny_folder)
    reader = LinearModel()
    one = RecommendationObjective(reader, Tokens(model.tokenizer, 16, CPU), small(), seed=0)
    one.begin(model.network)
    encoder = BertEncoder(model, name="", device="cpu", precision="fp32", max_length=16)
    np.testing.assert_allclose(reader.read, encoder.encode(reader.texts), atol=1e-5)
    longest = np.bincount(one._owner.numpy()).max()
    assert longest == MAX_CHUNKS  # LONG has more


def test_each_chunk_is_drawn_once_an_epoch_and_by_the_seed(tiny):
    _, one = objective(tiny, LinearModel())
    batches = list(one.batches(0))
    assert len(batches) == one.n_batches
    drawn = np.concatenate([batch.rows for batch in batches])
    assert sorted(drawn) == list(range(len(one._chunks)))
    assert len({batch.seed for batch in batches}) == len(batches)
    again = np.concatenate([batch.rows for batch in one.batches(0)])
    other = np.concatenate([batch.rows for batch in one.batches(1)])
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)


def run(folder, reader, seed=0, **changed):
    model = read_model(folder)
    settings = small(objectives=("recommend",), **changed)
    return tune_network(model, None, settings, downstream=reader, seed=seed)


@pytest.mark.parametrize("method", ["lora", "adalora", "ia3", "prefix", "full"])
def test_every_method_learns_what_the_reader_wants(method, tiny_folder):
    report = run(tiny_folder, LinearModel(), method=method, epochs=4, patience=4, steps=None).report
    losses = [record["valid_loss"] for record in report.history]
    assert min(losses) < report.history[0]["valid_loss_before"] - 1e-3
    best = max(record["ndcg@10"] for record in report.history)
    assert best == pytest.approx(1 - min(losses))


def test_where_nothing_is_gained_the_encoder_is_given_back(tiny_folder):
    scores = [0.5, 0.4, 0.3, 0.2]
    tuned = run(tiny_folder, LinearModel(scores), epochs=9, patience=2)
    assert [record["ndcg@10"] for record in tuned.report.history] == pytest.approx([0.4, 0.3])
    matrices = [p for name, p in tuned.network.named_parameters() if "lora_B" in name]
    assert matrices
    assert not any(bool(matrix.any()) for matrix in matrices)


def test_the_best_epoch_is_kept_and_seeds_decide(tiny_folder):
    """What comes after the best epoch changes nothing, where no other epoch is better."""
    rising = run(tiny_folder, LinearModel([0.1, 0.2, 0.5, 0.6]), epochs=3, warmup=0.0)
    falling = run(tiny_folder, LinearModel([0.1, 0.2, 0.5, 0.4]), epochs=3, warmup=0.0)
    again = run(tiny_folder, LinearModel([0.1, 0.2, 0.5, 0.3]), epochs=3, warmup=0.0)
    other = run(tiny_folder, LinearModel([0.1, 0.2, 0.5, 0.3]), epochs=3, warmup=0.0, seed=1)
    assert [r["ndcg@10"] for r in falling.report.history] == pytest.approx([0.2, 0.5, 0.4])
    best = lora(falling)
    assert all(torch.equal(matrix, best[name]) for name, matrix in lora(again).items())
    for changed in (rising, other):
        assert not all(torch.equal(matrix, best[name]) for name, matrix in lora(changed).items())


def lora(tuned):
    return {name: p for name, p in tuned.network.named_parameters() if "lora_" in name}


def test_it_needs_somebody_who_reads(tiny_folder):
    with pytest.raises(TrainingError, match=r"call kgrec\.tune_text"):
        run(tiny_folder, None)
