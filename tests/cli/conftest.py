"""A small catalog loaded and trained through the commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from kgrec.cli import app

GENRES = ["comedy", "drama", "space opera"]
N_USERS, N_ITEMS, EVENTS = 40, 60, 14


def kgrec(*arguments: str | Path, expect: int = 0) -> Any:
    """Run a command in this process and return its Result; its exit code must be ``expect``."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == expect, f"{result.stdout}\n{result.stderr}"
    return result


def kgrec_json(*arguments: str | Path) -> Any:
    """The JSON document that a command prints; stdout must hold nothing else."""
    return json.loads(kgrec(*arguments).stdout)


def write_folder(folder: Path, drop: Sequence[str] = ()) -> Path:
    """Users who like one genre each; facts hold the genre of each item. ``drop`` names columns of
    the interactions to leave out."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    items = [f"i{n}" for n in range(N_ITEMS)]
    genre = np.arange(N_ITEMS) % len(GENRES)
    rows = []
    for user in range(N_USERS):
        liked = np.flatnonzero(genre == user % len(GENRES))
        for place, item in enumerate(rng.permutation(liked)[:EVENTS]):
            split = "test" if place >= EVENTS - 2 else "valid" if place >= EVENTS - 4 else "train"
            rows.append((f"u{user}", items[item], 4, 1_600_000_000 + 60 * place, split))
    columns = ["user_id", "item_id", "rating", "timestamp", "split"]
    interactions = pd.DataFrame(rows, columns=columns).drop(columns=list(drop))
    interactions.to_csv(folder / "interactions.csv", index=False)
    titles = [f"A {GENRES[g]} called {name}" for g, name in zip(genre, items, strict=True)]
    years = 1980 + np.arange(N_ITEMS) % 30
    pd.DataFrame({"item_id": items, "title": titles, "year": years}).to_csv(
        folder / "items.csv", index=False
    )
    pd.DataFrame({"entity_id": ["g0", "g1", "g2"], "name": GENRES, "kind": "genre"}).to_csv(
        folder / "entities.csv", index=False
    )
    facts = pd.DataFrame({"head": items, "head_type": "item", "relation": "HAS_GENRE"})
    facts["tail"] = [f"g{g}" for g in genre]
    facts["tail_type"] = "entity"
    facts.to_csv(folder / "facts.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small catalog as a folder of CSV files."""
    return write_folder(tmp_path_factory.mktemp("cli") / "data")


@pytest.fixture(scope="session")
def store(folder: Path) -> Path:
    """The same in an embedded store, loaded through the command."""
    path = folder.parent / "catalog.kgl"
    kgrec("load", folder, "--store", path)
    return path


@pytest.fixture(scope="session")
def settings(folder: Path) -> Path:
    """Settings that keep the tests short."""
    file = folder.parent / "settings.toml"
    file.write_text("[training]\nepochs = 10\n[model]\nembedding_size = 32\n")
    return file


@pytest.fixture(scope="session")
def without_texts(settings: Path) -> Path:
    """The same, for a model that reads no text: loading BERT takes longer than all the rest."""
    file = settings.with_name("without_texts.toml")
    file.write_text(settings.read_text() + "use_text = false\n")
    return file


@pytest.fixture(scope="session")
def model(store: Path, settings: Path) -> Path:
    """A model trained through the command."""
    path = store.parent / "model"
    kgrec("train", "--store", store, "--model", path, "--config", settings, "--seed", "1")
    return path
