"""``kgrec recognise`` on a model with two scenarios."""

from pathlib import Path

import pytest

from kgrec import Recommender
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recognise") / "model"
    Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog()).save(folder)
    return folder


def test_scenarios_of_a_history_and_of_a_context(scenarios: Path) -> None:
    rows = kgrec_json("recognise", "--model", scenarios, "--history", "i1,i5,i9", "--json")
    assert {row["scenario"] for row in rows} == {"app", "web", None}
    assert sum(row["probability"] for row in rows) == pytest.approx(1.0)
    assert sum(row["chosen"] for row in rows) == 1
    shown = kgrec("recognise", "--model", scenarios, "--context", "hour=9").stdout
    assert "(none of these)" in shown


@pytest.mark.parametrize(
    ("given", "code"),
    [([], 2), (["--user", "u1", "--history", "i1"], 2), (["--context", "hour"], 1)],
)
def test_wrong_questions_are_reported(scenarios: Path, given: list[str], code: int) -> None:
    kgrec("recognise", "--model", scenarios, *given, expect=code)
