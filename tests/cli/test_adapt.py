"""kgrec adapt: a scenario more in a saved model."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgrec import Recommender
from kgrec.cli import app
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapt") / "model"
    Recommender(catalogs.config(epochs=2)).fit(catalogs.catalog()).save(path)
    return path


def test_a_scenario_is_taken_up_and_saved_beside(folder: Path) -> None:
    examples = folder.parent / "examples.csv"
    examples.write_text("user_id,item_id\nu1,i3\nnew,i7\n")
    out = folder.parent / "adapted"
    result = CliRunner().invoke(
        app,
        [
            *("adapt", "kiosk", "-m", str(folder), "--examples", str(examples), "-o", str(out)),
            *("--description", "In the hall", "--attribute", "screen=wide"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "2 examples" in result.output
    adapted = Recommender.load(out)
    assert len(adapted.recommend("u1", scenario="kiosk", k=3)) == 3
    assert "kiosk" not in Recommender.load(folder).snapshot.scenarios.ids


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("user_id,item_id\nu1,nowhere\n", "not in the graph"),
        ("user_id\nu1\n", "no column 'item_id'"),
        ("", "can't be read as CSV"),
    ],
)
def test_bad_examples_are_reported(folder: Path, rows: str, message: str) -> None:
    examples = folder.parent / "bad.csv"
    examples.write_text(rows)
    result = CliRunner().invoke(app, ["adapt", "k", "-m", str(folder), "--examples", str(examples)])
    assert result.exit_code == 1
    assert message in result.output


def test_an_attribute_has_a_value(folder: Path) -> None:
    result = CliRunner().invoke(app, ["adapt", "k", "-m", str(folder), "--attribute", "wide"])
    assert result.exit_code == 1
    assert "NAME=VALUE" in result.output
