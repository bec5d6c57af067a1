from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import connect
from kgrec.entity_linking import accept, link_entities
from kgrec.errors import RequestError
from kgrec.graph.source import read_source
from tests.entity_linking.catalogs import (
    DIRECTED,
    DIRECTORS,
    SET_IN,
    catalog,
    entities,
    linked_catalog,
)

HIDDEN = 20


@pytest.fixture(scope="module")
def proposed() -> pd.DataFrame:
    return link_entities(linked_catalog(HIDDEN), min_confidence=0.0)


def pairs(frame: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(zip(frame["item_id"], frame["relation"], frame["entity_id"], strict=True))


def truth() -> set[tuple[str, str, str]]:
    facts = linked_catalog().facts
    return set(zip(facts["head"], facts["relation"], facts["tail"], strict=True))


def test_hidden_facts_come_back_and_others_stay_below(proposed: pd.DataFrame) -> None:
    sure = pairs(proposed[proposed["confidence"] >= 0.7])
    hidden = {fact for fact in truth() if int(fact[0][1:]) < HIDDEN}
    assert len(sure & hidden) >= 0.7 * len(hidden)
    assert len(sure & hidden) >= 0.9 * len(sure)


def test_confidence_is_the_share_that_are_facts(proposed: pd.DataFrame) -> None:
    result = proposed[proposed["item_id"].str[1:].astype(int) < HIDDEN]
    right = np.array([fact in truth() for fact in pairs_in_order(result)])
    assert abs(result["confidence"].mean() - right.mean()) < 0.12
    assert result["confidence"].between(0, 1).all()
    assert result["confidence"].is_monotonic_decreasing


def pairs_in_order(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(zip(frame["item_id"], frame["relation"], frame["entity_id"], strict=True))


def test_each_proposal_shows_where_it_comes_from(proposed: pd.DataFrame) -> None:
    plots = linked_catalog().items.set_index("item_id")["plot"]
    for row in proposed.itertuples():
        assert plots[row.item_id][row.start : row.end] == row.found
        assert row.found in row.sentence
        assert (row.source, row.field) == ("description", "plot")


def test_a_word_that_is_also_a_name_is_not_believed(proposed: pd.DataFrame) -> None:
    assert (proposed.loc[proposed["entity_id"] == "w0", "confidence"] < 0.05).all()


def test_known_facts_are_not_proposed_and_relations_are_those_of_the_kind(
    proposed: pd.DataFrame,
) -> None:
    known = linked_catalog(HIDDEN).facts
    assert not pairs(proposed) & set(
        zip(known["head"], known["relation"], known["tail"], strict=True)
    )
    likely = proposed[proposed["confidence"] > 0.3]
    kinds = likely.groupby("relation")["entity_id"].agg(lambda ids: set(ids.str[0]))
    assert kinds.to_dict() == {DIRECTED: {"d"}, SET_IN: {"t"}}


def test_a_hidden_item_does_not_teach_its_own_confidence() -> None:
    """What is known of an item's own named facts leaves its proposals as they are."""
    full = linked_catalog(HIDDEN)
    facts = full.facts
    one = pd.DataFrame(
        [("i0", "item", DIRECTED, _director("i0"), "entity")], columns=facts.columns[:5]
    )
    more = Catalog.from_frames(
        items=full.items, entities=full.entities, facts=pd.concat([facts, one])
    )
    before = link_entities(full, min_confidence=0.0).set_index(["item_id", "entity_id"])
    after = link_entities(more, min_confidence=0.0).set_index(["item_id", "entity_id"])
    own = [key for key in after.index if key[0] == "i0" and key[1].startswith("t")]
    assert own
    np.testing.assert_allclose(
        before.loc[own, "confidence"].astype(float),
        after.loc[own, "confidence"].astype(float),
        atol=0.02,
    )


def _director(item: str) -> str:
    facts = linked_catalog().facts
    of = facts[(facts["head"] == item) & (facts["relation"] == DIRECTED)]
    return str(of["tail"].iloc[0])


def test_store_catalog_and_snapshot_answer_alike(tmp_path: Path, proposed: pd.DataFrame) -> None:
    with connect(tmp_path / "c.kgl") as store:
        store.write(linked_catalog(HIDDEN))
        pd.testing.assert_frame_equal(link_entities(store, min_confidence=0.0), proposed)
    snapshot = read_source(linked_catalog(HIDDEN))
    pd.testing.assert_frame_equal(link_entities(snapshot, min_confidence=0.0), proposed)


def test_relations_limit_what_is_proposed() -> None:
    found = link_entities(linked_catalog(HIDDEN), relations=[SET_IN], min_confidence=0.0)
    assert set(found["relation"]) == {SET_IN}
    with pytest.raises(RequestError, match=r"has the relation NONE.*DIRECTED_BY, SET_IN"):
        link_entities(linked_catalog(), relations=["NONE"])
    with pytest.raises(RequestError, match="give a list"):
        link_entities(linked_catalog(), relations=SET_IN)


def test_facts_from_the_entity_to_the_item_keep_their_direction() -> None:
    full = linked_catalog(HIDDEN)
    facts = full.facts.rename(
        columns={"head": "tail", "tail": "head", "head_type": "tail_type", "tail_type": "head_type"}
    )
    turned = Catalog.from_frames(items=full.items, entities=full.entities, facts=facts)
    found = link_entities(turned)
    assert len(found)
    assert not found["forward"].any()
    accepted = accept(found).facts
    assert set(accepted["head_type"]) == {"entity"}
    assert set(accepted["head"].str[0]) <= {"d", "t"}


def test_misspelt_and_last_names_are_believed_less_than_names() -> None:
    full = linked_catalog(HIDDEN)
    items = full.items.copy()
    name = DIRECTORS[int(_director("i1")[1])]
    wrong = name[:-3] + "x" + name[-2:]
    items.loc[items["item_id"] == "i1", "plot"] = f"A story by {wrong}. It goes on."
    items.loc[items["item_id"] == "i3", "plot"] = "A story by Kurosawa. It goes on."
    changed = Catalog.from_frames(items=items, entities=full.entities, facts=full.facts)
    plain = link_entities(changed, min_confidence=0.0, fuzzy=False)
    fuzzy = link_entities(changed, min_confidence=0.0)
    assert not len(plain[plain["item_id"].isin(["i1", "i3"])])
    typo, last = (fuzzy[fuzzy["item_id"] == item].iloc[0] for item in ("i1", "i3"))
    assert (typo["entity_id"], typo["found"]) == (_director("i1"), wrong)
    assert (last["name"], last["found"]) == ("Akira Kurosawa", "Kurosawa")
    assert 0.1 < last["confidence"] < typo["confidence"] < 1.0


def test_reviews_are_read_and_named_by_their_id() -> None:
    full = linked_catalog(HIDDEN)
    reviews = pd.DataFrame(
        [("r1", "u", "i2", f"The best of {DIRECTORS[0]} and {DIRECTORS[1]}!")],
        columns=["review_id", "user_id", "item_id", "text"],
    )
    result = Catalog.from_frames(
        items=full.items,
        entities=full.entities,
        facts=full.facts,
        reviews=reviews,
        users=pd.DataFrame({"user_id": ["u"]}),
    )
    found = link_entities(result, min_confidence=0.0)
    row = found[found["source"] == "review"].iloc[0]
    assert (row["item_id"], row["field"]) == ("i2", "r1")
    assert reviews["text"][0][row["start"] : row["end"]] == row["found"]


def test_a_text_of_100_000_characters_and_markup_are_read() -> None:
    items = [
        ("i0", "A", "word " * 19_990 + "Jane Campion"),
        ("i1", "B", "<p>Jane&nbsp;Campion</p>"),
    ]
    facts = [("i1", "item", DIRECTED, "d4", "entity")]
    found = link_entities(catalog(items, facts), min_confidence=0.0)
    assert found["found"].tolist() == ["Jane Campion"]


def test_without_texts_names_or_facts_it_says_so() -> None:
    bare = [("i0", "A", "")]
    fact = [("i0", "item", DIRECTED, "d0", "entity")]
    with pytest.raises(RequestError, match="no item has a description or a review"):
        link_entities(catalog(bare, fact))
    result = [("i0", "A", "A story of somebody who meets somebody else in a town by the sea.")]
    with pytest.raises(RequestError, match="no entity has a name"):
        link_entities(catalog(result, fact, entities().assign(name="")))
    with pytest.raises(RequestError, match="no fact joins"):
        link_entities(catalog(result, []))
    with pytest.raises(RequestError, match="takes a GraphStore, a Catalog or the folder"):
        link_entities("catalog.kgl")  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="use a number from 0 to 1"):
        link_entities(linked_catalog(), min_confidence=2.0)


def test_texts_that_name_nothing_give_an_empty_frame() -> None:
    result = [("i0", "A", "A story of somebody who meets somebody else in a town by the sea.")]
    found = link_entities(catalog(result, [("i0", "item", DIRECTED, "d0", "entity")]))
    assert len(found) == 0
    assert list(found.columns)[:3] == ["item_id", "relation", "entity_id"]
