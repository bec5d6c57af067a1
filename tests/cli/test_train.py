"""``kgrec train --tune``: a search from the command line, kept beside and inside the model."""

import json
import re
from pathlib import Path

from tests.cli.conftest import kgrec, kgrec_json


def test_train_searches_settings_and_keeps_the_trials(store: Path, tmp_path: Path) -> None:
    settings = tmp_path / "kgrec.toml"
    settings.write_text("[model]\nuse_text = false\n[training]\nepochs = 2\nvalid_every = 1\n")
    model = tmp_path / "model"
    command = ("train", "--store", store, "--model", model, "--config", settings, "--tune", "2")
    answer = kgrec_json(*command, "--json")
    trials = json.loads((tmp_path / "model.checkpoint.tuning" / "tries.json").read_text())["tries"]
    assert answer["tuned"] == len(trials) == 2
    best = max(trials, key=lambda one: one["metric"])
    assert answer["valid_ndcg@10"] == best["metric"]
    assert {name: answer[name] for name in best["values"]} == best["values"]
    assert json.loads((model / "manifest.json").read_text())["tuning"] == trials


def test_a_search_of_no_trials_is_refused(store: Path, tmp_path: Path) -> None:
    result = kgrec("train", "--store", store, "--model", tmp_path / "m", "--tune", "0", expect=2)
    assert "--tune" in result.stderr


def test_a_run_that_has_nothing_to_resume_from_says_so(store: Path, tmp_path: Path) -> None:
    settings = tmp_path / "kgrec.toml"
    settings.write_text("[model]\nuse_text = false\n[training]\nepochs = 1\n")
    command = ("train", "--store", store, "--model", tmp_path / "m", "--config", settings)
    first = kgrec(*command, "--resume").stderr
    assert re.search(r"note: .*no checkpoint in .*m\.checkpoint.* starts anew", first)
    assert "no checkpoint" not in kgrec(*command, "--resume").stderr


def test_a_quick_model_takes_no_training(store: Path, tmp_path: Path) -> None:
    settings = tmp_path / "kgrec.toml"
    settings.write_text("[model]\nuse_text = false\n")
    model = tmp_path / "model"
    command = ("train", "--store", store, "--model", model, "--config", settings)
    tracked = ("--track", f"tensorboard:{tmp_path / 'runs'}")
    assert kgrec_json(*command, "--effort", "quick", *tracked, "--json")["epochs"] == 0
    assert len(list((tmp_path / "runs" / "model").iterdir())) == 1
    assert "is no place" in kgrec(*command, "--track", "elsewhere", expect=1).stderr
    saved = json.loads((model / "manifest.json").read_text())
    assert saved["config"]["training"]["effort"] == "quick"
    wrong = kgrec(*command, "--effort", "fast", expect=2)
    assert "--effort" in wrong.stderr
    both = kgrec(*command, "--effort", "quick", "--tune", "2", expect=1)
    assert "tune compares settings of training" in both.stderr
