"""Accuracy that the documents promise, on a split with published results of other models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import loaders

EASE, ALS, LIGHTGCN = 0.2410, 0.2403, 0.2177  # NDCG@10 of others, fitted on the same rows


@pytest.fixture(scope="module")
def folder(data_dir: Path, ml100k_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixed split of MovieLens-100K in the CSV layout, with titles and graph of its items."""
    parts = [
        pd.read_csv(data_dir / "ml-100k-split" / f"{name}.csv", dtype=str).assign(split=name)
        for name in ("train", "valid", "test")
    ]
    interactions = pd.concat(parts).rename(columns={"user": "user_id", "item": "item_id"})
    catalog = loaders.load(ml100k_dir).catalog
    users, items = set(interactions["user_id"]), set(interactions["item_id"])
    facts = catalog.facts
    facts = facts[(facts["head_type"] != "item") | facts["head"].isin(items)]
    facts = facts[(facts["tail_type"] != "item") | facts["tail"].isin(items)]
    frames = {
        "users": catalog.users[catalog.users["user_id"].isin(users)],
        "items": catalog.items[catalog.items["item_id"].isin(items)],
        "entities": catalog.entities,
        "facts": facts,
        "interactions": interactions,
    }
    target = tmp_path_factory.mktemp("figures") / "ml-100k-split"
    target.mkdir()
    for name, frame in frames.items():
        frame.to_csv(target / f"{name}.csv.gz", index=False)
    return target


@pytest.mark.slow
@pytest.mark.data
def test_evaluate_beats_other_models_on_the_fixed_split(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from kgrec.cli import app; app()", "evaluate", str(folder)],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["users"], report["items"], report["history"]) == (938, 1447, "now")
    assert report["metrics"]["ndcg@10"] > max(EASE, ALS, LIGHTGCN)
    assert report["peak_memory_gb"] < 4
