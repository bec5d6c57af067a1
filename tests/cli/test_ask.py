"""``kgrec ask``, and the lists of ``kgrec recommend`` from answers and of users."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec import Recommender
from tests.cli.conftest import kgrec, kgrec_json


def test_questions_and_the_list_from_the_answers(saved: Path, fitted: Recommender) -> None:
    first = kgrec_json("ask", "-m", saved, "-k", "2", "--json")
    assert [row["id"] for row in first] == fitted.ask(2)["id"].tolist()
    said = ("--answer", f"{first[0]['id']}=yes", "--answer", f"{first[1]['id']}=unknown")
    again = kgrec_json("ask", "-m", saved, *said, "--json")
    assert again[0]["id"] not in {row["id"] for row in first}
    answers = {first[0]["id"]: "yes", first[1]["id"]: "unknown"}
    rows = kgrec_json("recommend", "-m", saved, *said, "-k", "3", "--json")
    assert [row["item_id"] for row in rows] == fitted.recommend(answers=answers, k=3)[
        "item_id"
    ].tolist()


def test_a_store_without_a_model_has_questions(
    store: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_MODEL", str(saved))
    assert len(kgrec_json("ask", "--store", store, "-k", "3", "--json")) == 3
    rows = kgrec_json("ask", "--unsure", "users", "-k", "4", "--json")
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]


def test_users_are_recommended_to_users(saved: Path, fitted: Recommender) -> None:
    rows = kgrec_json(
        "recommend", "-m", saved, "-u", "u1", "--target", "users", "-k", "3", "--json"
    )
    found = fitted.recommend("u1", target="users", k=3)["recommended_id"]
    assert [row["recommended_id"] for row in rows] == found.tolist()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ask", "--answer", "i1"], 1, "NAME=VALUE"),
        (["ask", "--answer", "i1=perhaps"], 1, "'perhaps'"),
        (["ask", "--answer", "i1=yes", "--answer", "i1=no"], 1, "both yes and no"),
        (["ask", "--answer", "i1=yes", "--unsure", "items"], 2, "--unsure"),
        (["recommend", "--answer", "i1=yes", "--user", "u1"], 2, "--answer"),
        (["recommend", "--answer", "i1=yes", "--target", "users"], 2, "--target"),
    ],
)
def test_what_does_not_fit_is_refused(
    saved: Path, arguments: list[str], code: int, message: str
) -> None:
    command, *others = arguments
    assert message in kgrec(command, "-m", saved, *others, expect=code).stderr


def test_a_model_or_a_store_is_needed(store: Path, saved: Path) -> None:
    kgrec("ask", expect=2)
    kgrec("ask", "--store", store, "--model", saved, expect=2)
