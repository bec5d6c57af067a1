"""``kgrec fairness``: a table for people, a picture, and one line of JSON."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import N_USERS, kgrec

pytestmark = pytest.mark.slow


def test_table_picture_and_json(model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "fair.png"
    message = kgrec(
        *("fairness", "-m", model, "-k", "4", "--explained", "2", "--picture", picture),
        *("--items", "year", "--group", "year=..1990", "--share", "0.5,0.8"),
    )
    values = json.loads(message.stdout)
    assert values["users"] == N_USERS
    assert set(values["item_groups"]) == {"popularity", "year"}
    assert values["paths"]["pairs"] == 8
    plain, half, most = (one["share"] for one in values["costs"])
    assert half >= 0.5 > plain
    assert most >= 0.8
    assert "items by popularity" in message.stderr
    assert "exposure of year=" in message.stderr
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--by", "sex"], "users have no attribute 'sex'"),
        (["--group", "tail"], "belong together"),
        (["--group", "tail", "--share", "half"], "no list of numbers"),
        (["--group", "tail", "--share", "1.2"], "from 0 to 1"),
        (["--group", "torso", "--share", "0.5"], "no group of items is called 'torso'"),
        (["--picture", "fair.bmp"], "can't draw 'fair.bmp'"),
    ],
)
def test_wrong_use_is_reported(model: Path, wrong: list[str], message: str) -> None:
    assert message in kgrec("fairness", "-m", model, "--explained", "0", *wrong, expect=1).stderr
