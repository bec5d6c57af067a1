"""Sentences, and templates that a team can replace."""

from __future__ import annotations

import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer, Writer
from kgrec.explain.text.languages import LANGUAGES
from kgrec.graph.snapshot import GraphSnapshot
from tests.explain.breakdowns import breakdown
from tests.paths.graphs import snapshot

B = 1


def test_templates_roles_and_verbs_can_be_replaced(tiny: GraphSnapshot) -> None:
    match = [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 1.0)]
    scores = breakdown(tiny, ["a"], {"match": [1.0]}, match)

    def said(writer: Writer) -> str:
        return Explainer(tiny, writer).explain(scores, B, user=0).paths[0].sentence

    assert said(Writer(subject="They")).startswith("They rated “Heat” 5; ")
    assert said(Writer(roles={"DIRECTED_BY": "Regie"})).endswith("the same Regie: Ann Lee.")
    assert said(Writer({"shared:DIRECTED_BY": "{link} made {history} and {item}"})) == (
        "Ann Lee made Heat and Ronin"
    )
    dutch = {"rated": "U gaf „{history}“ een {rating}", "shared": "{chose}; ook van {link}."}
    assert said(Writer(dutch)) == "U gaf „Heat“ een 5; ook van Ann Lee."


def test_items_linked_by_behaviour_have_words_of_their_own() -> None:
    shop = snapshot(
        {},
        {"p": {"title": "Pan"}, "q": {"title": "Lid"}, "r": {"title": "Pot"}},
        {},
        [],
        {
            ("Item", "also_bought", "Item"): [("p", "q"), ("p", "r"), ("q", "r")],
            ("Item", "BOUGHT_TOGETHER", "Item"): [("r", "q")],
        },
    )
    scores = breakdown(shop, ["p"], {"knowledge": [1.0]})
    said = [path.sentence for path in Explainer(shop).explain(scores, 1).paths]
    assert "You chose “Pan”; people who buy it also buy “Lid”." in said
    assert "You chose “Pan”; Pot is bought along with it, and with “Lid” too." in said


def test_a_writer_of_a_language() -> None:
    german = Writer.of("de")
    assert german == Writer(language=LANGUAGES["de"])
    assert german.subject == "Sie"
    assert Writer.of(german) is german
    with pytest.raises(RequestError, match="unknown language 'xx'; use one of en, de"):
        Writer.of("xx")


def test_a_language_with_words_of_a_team(tiny: GraphSnapshot) -> None:
    writer = Writer(
        templates={"shared": "{chose}: {link}"},
        words={"director": "Regisseurin"},
        subject="Du",
        language=LANGUAGES["de"],
    )
    match = [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 1.0)]
    found = Explainer(tiny, writer).explain(breakdown(tiny, ["a"], {"match": [1.0]}, match), B)
    assert found.paths[0].sentence == "Du haben „Heat“ gewählt: Ann Lee"
    assert found.paths[0].words[1] == "Regisseurin"


def test_braces_and_quotes_in_names_are_only_text(tiny: GraphSnapshot) -> None:
    tiny.items.attributes.loc[0, "title"] = '{item} "{0}" <b>$x$</b>'
    found = Explainer(tiny).explain(breakdown(tiny, ["a"], {"text": [1.0]}), B, user=0)
    assert found.paths[0].sentence.startswith('You rated “{item} "{0}" <b>$x$</b>” 5; ')
