"""The language model tuned by the recommender's own loss: what it reads, and what it never does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import kgrec
from kgrec import Recommender, RecommenderConfig, TextConfig, TextTuning
from kgrec.cli import app
from kgrec.errors import TrainingError
from kgrec.features.blocks import text_rows
from kgrec.graph import GraphSnapshot
from kgrec.stores import EmbeddedStore
from kgrec.text import load_encoder
from kgrec.text.encoding.loading import read_model
from kgrec.text_finetuning.downstream_recommender import DownstreamRecommender
from kgrec.text_finetuning.objectives.recommendation import ChunkBatch, RecommendationObjective
from kgrec.text_finetuning.tokens import Tokens
from kgrec.text_finetuning.trainable_parameters import select_trainable
from tests.features.test_reviews import frames
from tests.recommender import catalogs
from tests.text.tiny import shake, write_bert

CPU = torch.device("cpu")
SETTINGS = TextTuning(
    objectives=("recommend",),
    max_length=16,
    batch_size=16,
    epochs=2,
    patience=2,
    steps=3,
    mixed_precision="off",
)


def config(model: dict[str, object] | None = None, **training: object) -> RecommenderConfig:
    return catalogs.config({"use_text": True, **(model or {})}, **{"epochs": 2, **training})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_bert(tmp_path_factory.mktemp("base") / "model"))


@pytest.fixture(scope="module")
def visible(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    """Without test rows; reviews in words that the tiny model knows."""
    full = catalogs.snapshot(tmp_path_factory.mktemp("graph"), catalogs.catalog(**frames()))
    return full.without_splits(("test",))


def begun(
    visible: GraphSnapshot, base: Path, settings: RecommenderConfig
) -> tuple[DownstreamRecommender, RecommendationObjective, torch.nn.Module]:
    """A reader fitted to the vectors of a network with lora that is no zero."""
    model = read_model(base)
    adapted = select_trainable(model.network, SETTINGS, 10)
    shake(adapted, 0.05, seed=3)
    reader = DownstreamRecommender(visible, settings, seed=0, device=CPU)
    objective = RecommendationObjective(reader, Tokens(model.tokenizer, 16, CPU), SETTINGS, seed=0)
    objective.begin(adapted)
    return reader, objective, adapted


def slopes(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: p.grad.clone()
        for name, p in network.named_parameters()
        if p.requires_grad and p.grad is not None
    }


@pytest.mark.slow
@pytest.mark.parametrize(("attention", "robust"), [(True, False), (False, False), (False, True)])
def test_batches_pass_back_the_recommender_s_gradient_and_read_what_it_reads(
    attention: bool, robust: bool, visible: GraphSnapshot, base: Path
) -> None:
    settings = config({"use_attention": attention}).model_copy(
        update={"text": TextConfig(robust_reviews=robust)}
    )
    reader, objective, network = begun(visible, base, settings)
    rows = np.arange(len(objective._chunks))
    known = objective._text_vectors(objective._encode_all(network))
    mine, fitted = reader._inputs(known), reader._engine.inputs
    torch.testing.assert_close(mine.event_text, fitted.event_text)
    texts = text_rows(mine.items)
    for part, vectors in text_rows(fitted.items).items():
        torch.testing.assert_close(texts[part], vectors)
    assert set(texts) == {"text", "reviews"}
    for part in np.array_split(rows, 3):
        torch.manual_seed(4)  # one dropout for all
        loss, size = objective.loss(network, ChunkBatch(part, (7,)))
        (loss * size / len(rows)).backward()  # type: ignore[no-untyped-call]
    found = slopes(network)
    network.zero_grad()
    torch.manual_seed(4)
    live = objective._text_vectors(objective._encode(network.eval(), rows))
    reader.loss(live, np.random.default_rng((7,))).backward()  # type: ignore[no-untyped-call]
    expected = slopes(network)
    assert len(expected) == len(found) > 10
    largest = max(float(slope.abs().max()) for slope in expected.values())
    assert largest > 1e-4
    for name, slope in expected.items():
        assert float((found[name] - slope).abs().max()) < 1e-5 * largest


def test_the_recommender_stays_while_the_encoder_learns(visible: GraphSnapshot, base: Path) -> None:
    reader, objective, network = begun(visible, base, config())
    model = reader._engine.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss, _ = objective.loss(network, next(objective.batches(0)))
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_it_is_judged_as_the_fit_was(visible: GraphSnapshot, base: Path) -> None:
    """The recommender's best validation is the validation of its own texts."""
    reader, objective, network = begun(visible, base, config(valid_every=1))
    assert reader._fitted is not None
    loss, _ = objective.loss(network, None)
    assert 1 - float(loss) == pytest.approx(reader._fitted.ndcg, abs=1e-6)
    assert 0 < reader._fitted.ndcg < 1


def tuned(
    out: Path, base: Path, made: catalogs.Frames | None = None, seed: int = 0, **changed: object
) -> kgrec.text_finetuning.TuningReport:
    return kgrec.tune_text(
        catalogs.catalog(**(made or frames())),
        out,
        SETTINGS.model_copy(update=changed),
        base=base,
        recommender=config(),
        seed=seed,
        device="cpu",
    )


def shouting(splits: tuple[str, ...]) -> catalogs.Frames:
    """Other words in what was written in rows of these splits."""
    made = frames()
    events = made["interactions"]
    pairs = events[events["split"].isin(splits)][["user_id", "item_id"]]
    for name in ("reviews", "queries"):
        own = pd.MultiIndex.from_frame(made[name][["user_id", "item_id"]]).isin(
            pd.MultiIndex.from_frame(pairs)
        )
        assert own.sum() > 3
        made[name] = made[name].assign(text=made[name]["text"].mask(own, "old war music two dog"))
    return made


def weights(out: Path) -> bytes:
    return (out / "adapter_model.safetensors").read_bytes()


@pytest.mark.slow
def test_what_held_out_rows_say_changes_no_bit_of_the_tuning(base: Path, tmp_path: Path) -> None:
    """Losses tell of every step, also of those that are not kept; equal seeds give equal ones."""
    mine = tuned(tmp_path / "mine", base)
    other = tuned(tmp_path / "held", base, shouting(("valid", "test")))
    assert other.history == mine.history
    assert weights(tmp_path / "mine") == weights(tmp_path / "held")
    for changed in (
        tuned(tmp_path / "train", base, shouting(("train",))),
        tuned(tmp_path / "seed", base, seed=1),
    ):
        losses = [record["loss"] for record in changed.history]
        assert all(a["loss"] != b for a, b in zip(mine.history, losses, strict=True))


@pytest.mark.slow
def test_the_tuned_folder_is_what_a_recommender_reads(base: Path, tmp_path: Path) -> None:
    """After another objective, too; the vectors of reviews and items are other ones then."""
    out = tmp_path / "tuned"
    report = tuned(out, base, objectives=("contrastive", "recommend"), learning_rate=2e-3)
    assert [record["objective"] for record in report.history][-1] == "recommend"
    assert report.objectives == ("contrastive", "recommend")
    assert 0 < report.trained_share < 1
    text = TextConfig(model=str(out), max_length=16, cache_dir=str(tmp_path / "cache"))
    settings = config().model_copy(update={"text": text})
    fitted = Recommender(settings).fit(catalogs.catalog(**frames()), device="cpu")
    untuned = load_encoder(base, max_length=16, device="cpu")
    texts = list(map(str, fitted.snapshot.reviews.text))
    found = fitted.state.engine.texts.events[: len(texts)]
    assert np.abs(found - untuned.encode(texts)).max() > 1e-4


def test_no_text_to_read_is_an_error_with_the_cure(base: Path, tmp_path: Path) -> None:
    bare = {"items": catalogs.frames()["items"][["item_id"]], "reviews": None, "queries": None}
    for catalog, settings in (
        (catalogs.catalog(**bare), config()),
        (catalogs.catalog(), config({"use_text": False})),
    ):
        with pytest.raises(TrainingError, match="the recommender reads no text"):
            kgrec.tune_text(
                catalog, tmp_path / "out", SETTINGS, base=base, recommender=settings, device="cpu"
            )
    assert not (tmp_path / "out").exists()


def test_without_rows_to_judge_by_nothing_is_tuned(base: Path, tmp_path: Path) -> None:
    """One event each: the only ones that could be held out are those to learn from."""
    events = catalogs.frames()["interactions"].drop_duplicates("user_id").assign(split="train")
    few = catalogs.catalog(interactions=events, reviews=None, queries=None)
    with pytest.raises(TrainingError, match="no validation row to choose the epoch by"):
        kgrec.tune_text(few, tmp_path / "out", SETTINGS, base=base, recommender=config())


def test_a_sampled_training_is_refused(visible: GraphSnapshot) -> None:
    with pytest.raises(TrainingError, match=r"all 40 items in every step; set training\.sampling"):
        DownstreamRecommender(visible, config(sampling="sampled"), seed=0, device=CPU)


@pytest.mark.slow
def test_the_command_reads_the_recommender_s_settings(base: Path, tmp_path: Path) -> None:
    store, out, file = tmp_path / "graph.kgl", tmp_path / "tuned", tmp_path / "c.toml"
    with EmbeddedStore(store) as graph:
        graph.write(catalogs.catalog(**frames()))
    fields = ("max_length=16", "batch_size=8", "epochs=1", "steps=2")
    arguments = ["tune-text", "-s", str(store), "-o", str(out), "--base", str(base)]
    arguments += [part for field in fields for part in ("--set", field)]
    arguments += ["--objective", "recommend", "--config", str(file), "--json"]
    file.write_text("[model]\nuse_text = false\n")
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "the recommender reads no text" in refused.output
    file.write_text("[model]\nembedding_size = 16\n[training]\nepochs = 2\n")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["history"][0]["objective"] == "recommend"
    assert report["steps"] == 2
    assert load_encoder(out, max_length=16, device="cpu").dim == 64
