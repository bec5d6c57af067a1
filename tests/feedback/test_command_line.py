"""Feedback from the command line: settings, what was chosen, and items seen."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema.errors import RequestError
from kgrec import connect
from kgrec.presentation import parse_seen
from tests.cli.conftest import kgrec, kgrec_json
from tests.ratings import rated

SETTINGS = """
[model]
use_text = false
[training]
effort = "quick"
[feedback]
events = { "" = 1, view = 0.1, return = -1 }
like = "auto"
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command line; what it said is beside it."""
    folder = tmp_path_factory.mktemp("feedback")
    with connect(str(folder / "films.kgl")) as store:
        store.write(rated.catalog())
    settings = folder / "kgrec.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    command = ("--store", folder / "films.kgl", "--model", folder / "model", "--config", settings)
    done = kgrec("train", *command)
    (folder / "said").write_text(done.stdout + done.stderr, encoding="utf-8")
    return folder / "model"


def test_train_says_what_was_chosen(model: Path) -> None:
    said = (model.parent / "said").read_text(encoding="utf-8")
    assert "targets are ratings of at least 4" in said
    assert "return -1" in said


def test_seen_items_are_left_out_by_kind(model: Path) -> None:
    ask = ("recommend", "--model", model, "--user", "u1", "-k", "99", "--json")

    def listed(*options: str) -> set[str]:
        return {row["item_id"] for row in kgrec_json(*ask, *options)}

    assert listed("--exclude-seen", "*=no") == listed("--include-seen")
    assert listed("--exclude-seen", "view=30d") == listed() < listed("--include-seen")
    both = kgrec(*ask, "--include-seen", "--exclude-seen", "view=no", expect=2)
    assert "give one of" in both.stderr
    wrong = kgrec(*ask, "--exclude-seen", "view=soon", expect=1)
    assert "'soon' is no duration" in wrong.stderr


def test_words_become_rules() -> None:
    assert parse_seen(["buy=yes", "view = 30d", "*=no"]) == {"buy": True, "view": "30d", "*": False}
    with pytest.raises(RequestError, match="--exclude-seen names 'buy' twice"):
        parse_seen(["buy=yes", "buy=no"])
    with pytest.raises(RequestError, match="--exclude-seen 'buy' is not NAME=VALUE"):
        parse_seen(["buy"])


def test_a_column_of_weights_that_nobody_reads_is_noted(tmp_path: Path) -> None:
    rated.events().assign(weight=2.0).to_csv(tmp_path / "interactions.csv", index=False)
    notes = loaders.load(tmp_path).report.notes
    assert any("the column 'weight' is kept, and no model reads it" in str(note) for note in notes)
