"""Every language has all templates and verbs, and each can be filled."""

from __future__ import annotations

from string import Formatter

import pytest

from kgrec.explain import Explainer, Writer
from kgrec.explain.text.languages import LANGUAGES, Language
from kgrec.graph.snapshot import GraphSnapshot
from tests.explain.breakdowns import breakdown

ENGLISH = LANGUAGES["en"]
LANGUAGE = pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
B = 1


def fields(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field}


@LANGUAGE
def test_it_has_every_template_and_verb(language: Language) -> None:
    assert set(language.templates) >= set(ENGLISH.templates)
    assert set(language.verbs) >= set(ENGLISH.verbs)
    assert LANGUAGES[language.code] is language
    assert language.name
    assert language.subject


@LANGUAGE
def test_its_templates_can_be_filled(language: Language) -> None:
    for name, template in language.templates.items():
        english = ENGLISH.templates.get(name)
        known = (
            fields(english) if english else set().union(*map(fields, ENGLISH.templates.values()))
        )
        allowed = known | {"chose", "history", "item", "link", "role", "role2", "people", "count"}
        assert fields(template) <= allowed, name


@LANGUAGE
def test_it_writes_sentences(language: Language, tiny: GraphSnapshot) -> None:
    parts = {name: [1.0] for name in ("id", "knowledge", "text", "attributes", "other")}
    match = [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 1.0)]
    scores = breakdown(tiny, ["a"], {**parts, "match": [1.0]}, match)
    found = Explainer(tiny, Writer(language=language)).explain(scores, B, user=0, k=9)
    assert len(found.paths) >= 4
    assert all(language.subject in path.sentence for path in found.paths)


def test_a_sentence_in_german(tiny: GraphSnapshot) -> None:
    match = [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 1.0)]
    scores = breakdown(tiny, ["a"], {"match": [1.0], "text": [-0.5]}, match)
    found = Explainer(tiny).explain(scores, B, user=0, writer=Writer.of("de"))
    assert [path.sentence for path in found.paths] == [
        "Sie haben „Heat“ bewertet (5); „Ronin“ stimmt damit überein (Regie: Ann Lee).",
        "Sie haben „Heat“ bewertet (5); der Text von „Ronin“ ist ähnlich. Das sprach dagegen.",
    ]
    assert found.entities[0].role == "Regie"
