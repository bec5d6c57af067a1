"""``kgrec predict``: pairs from options and from a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import GENRES, kgrec, kgrec_json, write_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained with ratings: users also rate what is not their genre, and low."""
    base = tmp_path_factory.mktemp("predict")
    folder = write_folder(base / "data")
    events = pd.read_csv(folder / "interactions.csv")
    users = events["user_id"].str[1:].astype(int).to_numpy()
    low = events.assign(
        item_id=[f"i{(int(item[1:]) + 1) % 60}" for item in events["item_id"]],
        rating=1 + users % 2,
        timestamp=events["timestamp"] + 5,
    )
    pd.concat([events, low]).to_csv(folder / "interactions.csv", index=False)
    settings = base / "settings.toml"
    settings.write_text(
        "[training]\nepochs = 1\n[model]\nembedding_size = 16\nuse_text = false\n"
        "[ratings]\nenabled = true\nembedding_size = 8\nepochs = 6\nlearning_rate = 0.05\nreg = 0\n"
    )
    kgrec("load", folder, "--store", base / "catalog.kgl")
    kgrec("train", "--store", base / "catalog.kgl", "--model", base / "model", "--config", settings)
    return base / "model"


def test_likes_of_typed_items(rated: Path) -> None:
    rows = kgrec_json("predict", "-m", rated, "--user", "u0", "--items", "i0,i1,i30", "--json")
    assert [row["item_id"] for row in rows] == ["i0", "i1", "i30"]
    assert rows[0]["title"].startswith(f"A {GENRES[0]}")
    assert all(0 < row["like"] < 1 and 1 <= row["rating"] <= 4 for row in rows)
    assert rows[2]["like"] > rows[1]["like"]


def test_pairs_of_a_file_are_answered_as_when_typed(rated: Path, tmp_path: Path) -> None:
    pairs = pd.DataFrame({"user_id": ["u0", "u1"], "item_id": "i7", "timestamp": 1_600_000_300})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    rows = kgrec_json("predict", "-m", rated, "--pairs", tmp_path / "pairs.csv", "--json")
    typed = [
        kgrec_json(
            *("predict", "-m", rated, "-u", user, "-i", "i7", "--time", "1600000300", "--json")
        )[0]
        for user in ("u0", "u1")
    ]
    assert rows == typed
    past = kgrec_json(
        "predict", "-m", rated, "--pairs", tmp_path / "pairs.csv", "--past-only", "--json"
    )
    assert not np.isclose(past[0]["like"], rows[0]["like"], atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (["--user", "u0"], 2, "--items"),
        (["--user", "nobody", "--items", "i0"], 1, "'nobody' is not in the graph"),
        (["--user", "u0", "--items", "i99"], 1, "'i99' is not in the graph"),
        (["--user", "u0", "--items", "i0", "--scenario", "moon"], 1, "'moon'"),
    ],
)
def test_wrong_use_is_reported(rated: Path, wrong: list[str], code: int, message: str) -> None:
    assert message in kgrec("predict", "-m", rated, *wrong, expect=code).stderr


def test_a_model_without_ratings_says_so(model: Path) -> None:
    message = kgrec("predict", "-m", model, "-u", "u0", "-i", "i0", expect=1).stderr
    assert "ratings.enabled" in message
