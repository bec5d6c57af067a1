"""Sentences about paths between any two nodes."""

from __future__ import annotations

import pytest

from kgrec.explain import Writer
from kgrec.explain.text.path_sentence import path_sentence
from kgrec.paths.cypher import Step


@pytest.mark.parametrize(
    ("names", "steps", "sentence"),
    [
        (["a", "b"], [("INTERACTED", True)], "A chose b."),
        (["b", "a"], [("INTERACTED", False)], "A chose b."),
        (["a", "b"], [("DIRECTED_BY", False)], "The director of b is a."),
        (["a", "b"], [("ALSO_BOUGHT", False)], "B – also bought – a."),
        (["a", "m", "b"], [("INTERACTED", False), ("INTERACTED", True)], "M chose both a and b."),
        (["a", "m", "b"], [("INTERACTED", True), ("INTERACTED", False)], "A and b both chose m."),
        (
            ["a", "m", "b"],
            [("DIRECTED_BY", False), ("DIRECTED_BY", True)],
            "M has both a and b as director.",
        ),
        (
            ["a", "m", "b"],
            [("DIRECTED_BY", True), ("KNOWS", True)],
            "The director of a is m; m – knows – b.",
        ),
        (
            ["u", "a", "m", "b"],
            [("INTERACTED", True), ("DIRECTED_BY", True), ("DIRECTED_BY", False)],
            "U chose a; a and b have the same director: m.",
        ),
    ],
)
def test_sentences(names: list[str], steps: list[tuple[str, bool]], sentence: str) -> None:
    assert path_sentence(names, [Step(*step) for step in steps], Writer()) == sentence


def test_words_can_be_replaced() -> None:
    writer = Writer(roles={"DIRECTED_BY": "maker"})
    assert path_sentence(["a", "b"], [Step("DIRECTED_BY", True)], writer) == "The maker of a is b."


def test_the_writers_language() -> None:
    steps = [Step("INTERACTED", True), Step("DIRECTED_BY", True), Step("DIRECTED_BY", False)]
    assert path_sentence(["U", "A", "M", "B"], steps, Writer.of("de")) == (
        "U hat A gewählt; A und B stimmen überein (Regie: M)."
    )
