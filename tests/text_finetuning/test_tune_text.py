"""Tuning on a graph: what it may read, that nothing held out is among it, and the fit with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from transformers import PreTrainedModel
from typer.testing import CliRunner

import kgrec
from kgrec import Recommender, RecommenderConfig, TextConfig, TextTuning
from kgrec.cli import app
from kgrec.errors import TextModelError
from kgrec.graph import GraphSnapshot
from kgrec.stores import EmbeddedStore
from kgrec.text import load_encoder
from kgrec.text_finetuning.finetuning import read_corpus
from kgrec.text_finetuning.objectives.pairs import pair_sources
from tests.recommender import catalogs
from tests.text.tiny import write_bert

TINY = TextTuning(max_length=16, batch_size=8, epochs=1, steps=3, mixed_precision="off")
MARKER = "GARBAGE!"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_bert(tmp_path_factory.mktemp("base") / "model"))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("graph"))


def shouting(splits: tuple[str, ...]) -> tuple[dict[str, pd.DataFrame], int]:
    """Frames where what was written in rows of these splits is the marker, and how often it is."""
    frames = catalogs.frames()
    events = frames["interactions"]
    held = events[events["split"].isin(splits)][["user_id", "item_id"]]
    pairs, shouted = pd.MultiIndex.from_frame(held), 0
    for name in ("reviews", "queries"):
        own = pd.MultiIndex.from_frame(frames[name][["user_id", "item_id"]]).isin(pairs)
        text = frames[name]["text"].mask(pd.Series(own, index=frames[name].index), MARKER)
        frames[name] = frames[name].assign(text=text)
        shouted += int(own.sum())
    return frames, shouted


def test_what_held_out_rows_say_never_reaches_the_tuning(
    snapshot: GraphSnapshot, tmp_path: Path
) -> None:
    frames, shouted = shouting(("valid", "test"))
    assert shouted > 10
    other = catalogs.snapshot(tmp_path, catalogs.catalog(**frames))
    assert MARKER in set(other.reviews.text)  # it is there to be read
    mine, others = read_corpus(snapshot, TINY), read_corpus(other, TINY)
    assert mine.texts[0] == others.texts[0]
    assert np.array_equal(mine.texts[1], others.texts[1])
    assert pair_sources(mine, TINY) == pair_sources(others, TINY)
    assert pair_sources(mine, TINY)
    assert not any(MARKER in text for text in others.texts[0])


def test_what_training_rows_say_does(snapshot: GraphSnapshot, tmp_path: Path) -> None:
    """The test above can fail."""
    frames, _ = shouting(("train",))
    other = catalogs.snapshot(tmp_path, catalogs.catalog(**frames))
    assert MARKER in read_corpus(other, TINY).texts[0]


def test_held_out_interactions_are_in_no_history(snapshot: GraphSnapshot) -> None:
    corpus, seen = read_corpus(snapshot, TINY), snapshot.interactions
    pairs = set(zip(corpus.users.tolist(), corpus.items.tolist(), strict=True))
    held = seen.split != "train"
    out = set(zip(seen.user[held].tolist(), seen.item[held].tolist(), strict=True))
    assert out
    assert not pairs & out


def test_an_item_without_a_text_is_told_by_its_facts(tmp_path: Path) -> None:
    items = catalogs.frames()["items"][["item_id"]]
    bare = catalogs.snapshot(tmp_path, catalogs.catalog(items=items))
    assert not any(read_corpus(bare, TINY).documents)
    filled = read_corpus(bare, TINY.model_copy(update={"backfill": True})).documents
    assert all(filled)
    makers = [next(name for name in catalogs.MAKERS if name in text) for text in filled]
    assert set(makers) == set(catalogs.MAKERS)


def test_a_short_text_is_written_by_the_template(snapshot: GraphSnapshot) -> None:
    wanted = {"template": "{title}[ is a {genres}][ by {maker}][ of {nothing}]", "short": 100}
    documents = read_corpus(snapshot, TINY.model_copy(update=wanted)).documents
    row = snapshot.items.rows(["i1"])[0]
    assert documents[row].startswith("The trenches at night tale 1 is a Drama, War by ")
    long = read_corpus(snapshot, TINY.model_copy(update={**wanted, "short": 1})).documents
    assert "genres:" in long[row]


def test_a_catalog_is_tuned_on_and_the_folder_is_a_model(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    report = kgrec.tune_text(catalogs.catalog(), out, TINY, base=base, device="cpu")
    assert report.steps == 3
    assert 0 < report.trained_share < 1
    texts = ["a cat", "the river"]
    before, after = (load_encoder(f, max_length=16, device="cpu") for f in (base, out))
    assert np.abs(before.encode(texts) - after.encode(texts)).max() > 1e-4
    again = kgrec.tune_text(catalogs.catalog(), out, TINY, base=base, device="cpu", seed=1)
    assert again.steps == 3  # an older tuning is replaced
    assert not list(tmp_path.glob("*.new"))
    assert not list(tmp_path.glob("*.old"))


def test_a_folder_with_other_files_is_left_alone(base: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(TextModelError, match=r"holds notes.txt"):
        kgrec.tune_text(catalogs.catalog(), tmp_path, TINY, base=base)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize(
    ("method", "file"), [("lora", "weights"), ("full", "weights"), ("full", "vocabulary")]
)
def test_a_full_disk_leaves_the_earlier_tuning(
    base: Path, tmp_path: Path, method: Literal["lora", "full"], file: str
) -> None:
    """Settings are small enough, the ``file`` is not."""
    import resource

    out = tmp_path / "tuned"
    kgrec.tune_text(catalogs.catalog(), out, TINY, base=base, device="cpu")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    settings = TINY.model_copy(update={"method": method})
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        if file == "vocabulary":
            patch.setattr(PreTrainedModel, "save_pretrained", lambda *_, **__: None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, most))
        try:
            with pytest.raises(TextModelError, match=r"can't save the tuned model.*free some"):
                kgrec.tune_text(catalogs.catalog(), out, settings, base=base, device="cpu")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_recommender_reads_with_the_tuned_model(base: Path, tmp_path: Path) -> None:
    kgrec.tune_text(catalogs.catalog(), tmp_path / "tuned", TINY, base=base, device="cpu")
    found = []
    for model in (base, tmp_path / "tuned"):
        text = TextConfig(model=str(model), max_length=16, cache_dir=str(tmp_path / "cache"))
        plain = catalogs.config({"use_text": True}, epochs=2)
        config = RecommenderConfig(model=plain.model, training=plain.training, text=text)
        fitted = Recommender(config).fit(catalogs.catalog(), device="cpu")
        found.append(fitted.state.engine.texts.events)
    assert np.abs(found[0] - found[1]).max() > 1e-4  # one cache, and yet no mixed-up vectors


def test_the_command_tunes_a_store(base: Path, tmp_path: Path) -> None:
    store, out = tmp_path / "graph.kgl", tmp_path / "tuned"
    with EmbeddedStore(store) as graph:
        graph.write(catalogs.catalog())
    fields = ("max_length=16", "batch_size=8", "epochs=1", "steps=2", "pairs=review,history")
    message = [part for field in fields for part in ("--set", field)]
    arguments = ["tune-text", "-s", str(store), "-o", str(out), "--base", str(base), *message]
    result = CliRunner().invoke(app, [*arguments, "--method", "ia3", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["method"], report["steps"]) == ("ia3", 2)
    assert load_encoder(out, max_length=16, device="cpu").dim == 64


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--method", "bitfit"], "lora"),
        (["--set", "epochs"], "NAME=VALUE"),
        (["--set", "epochs=0"], "epochs"),
        (["--set", "freeze=all"], "mlm"),
    ],
)
def test_wrong_settings_are_named(wrong: list[str], message: str, tmp_path: Path) -> None:
    arguments = ["tune-text", "-s", str(tmp_path / "none.kgl"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, *wrong])
    assert result.exit_code == 1
    assert message in result.output
