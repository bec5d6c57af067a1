"""What answers look like in a notebook: the same figures as in their text, names as text."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.explain.explained_path import signed
from kgrec.explain.word_contributions import WordContributions
from tests.visualization.notebook_page import read

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def item(fitted: Recommender) -> str:
    return str(fitted.recommend("u3", k=1)["item_id"][0])


def test_an_explanation_lists_its_paths(fitted: Recommender, item: str) -> None:
    found = fitted.explain("u3", item)
    page = read(found._repr_html_())
    head, *rows = page.cells
    assert head == ["rank", "contribution", "why", "path"]
    assert [row[1] for row in rows] == [signed(path.contribution) for path in found.paths]
    assert [row[2] for row in rows] == [path.sentence for path in found.paths]
    assert any(f"score {found.score:.3f}" in text for text in page.texts)


def test_a_comparison_lists_all_differences(fitted: Recommender, item: str) -> None:
    other = "i0" if item != "i0" else "i1"
    found = fitted.compare("u3", item, other)
    cells = read(found._repr_html_()).cells
    assert len(cells) == len(found.parts) + len(found.events) + 2
    assert cells[1] == [
        found.parts[0].name,
        *map(signed, (found.parts[0].a, found.parts[0].b, found.parts[0].difference)),
    ]


def test_why_not_says_what_its_text_does(fitted: Recommender) -> None:
    last = str(fitted.recommend("u3", k=40)["item_id"].iloc[-1])
    for found in (fitted.why_not("u3", last, k=3), fitted.why_not("x", last, k=3, history=[])):
        texts = " ".join(read(found._repr_html_()).texts)
        for line in str(found).splitlines():
            if "by part" not in line and "by what was chosen" not in line:
                assert line.strip().replace("  ", " ") in texts.replace("  ", " ")


def test_a_counterfactual_says_what_its_text_does(fitted: Recommender, item: str) -> None:
    last = str(fitted.recommend("u3", k=40)["item_id"].iloc[-1])
    for found in (fitted.counterfactual("u3", item), fitted.counterfactual("u3", last, add=True)):
        texts = " ".join(read(found._repr_html_()).texts)
        assert texts == " ".join(line.strip() for line in str(found).splitlines())


def test_reports_have_their_tables(fitted: Recommender) -> None:
    report = fitted.evaluate(by="gender")
    head, *rows = read(report._repr_html_()).cells
    assert head == ["metric", "all", *report.by_group]
    assert {row[0] for row in rows} == {"users", *report.metrics}
    lists = fitted.rerank(["u1", "u2", "u3"], group="tail", boost=0.5, k=3)
    assert [row[:2] for row in read(lists._repr_html_()).cells[1:]] == lists.frame[
        ["user_id", "item_id"]
    ].to_numpy().tolist()


def test_names_from_data_are_only_text(fitted: Recommender, item: str) -> None:
    explained = replace(fitted.explain("u3", item), item_name=NASTY)
    compared = fitted.compare("u3", item, "i0")
    compared = replace(
        compared, a=explained, parts=(replace(compared.parts[0], name=NASTY), *compared.parts[1:])
    )
    last = str(fitted.recommend("u3", k=40)["item_id"].iloc[-1])
    missing = replace(fitted.why_not("u3", last, k=3), item_name=NASTY, missing=(NASTY,))
    change = replace(fitted.counterfactual("u3", item), item_name=NASTY)
    words = WordContributions(
        "u3", item, NASTY, "text", "", "gradients", (NASTY, "b"), np.array([1.0, -1.0]), 1.0, 0.5
    )
    answers: tuple[Any, ...] = (explained, compared, missing, change, words)
    for answer in answers:
        page = answer._repr_html_()
        assert NASTY in " ".join(read(page).texts)
        assert "<img" not in page
