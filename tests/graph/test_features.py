"""FeatureTables: what the model reads of a snapshot, over what training has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import no_scenarios, with_named
from tests.graph.test_read import snapshot_of
from tests.recommender import catalogs

NO_TEXT = np.empty((0, 0), dtype=np.float32)
COLUMNS = ["head", "head_type", "relation", "tail", "tail_type"]


def tables(snapshot: GraphSnapshot, vocabulary: Vocabulary | None = None) -> FeatureTables:
    return build_tables(snapshot, vocabulary or build_vocabulary(snapshot), {}, NO_TEXT)


def graph(folder: Path, facts: list[tuple[str, str, str]], **more: pd.DataFrame) -> GraphSnapshot:
    """Nodes i…, e…, u… tell their types by their first letter; u1 has i1 and i2."""
    kinds = {"i": "item", "e": "entity", "u": "user"}
    rows = [(h, kinds[h[0]], relation, t, kinds[t[0]]) for h, relation, t in facts]
    events = pd.DataFrame({"user_id": ["u1", "u1"], "item_id": ["i1", "i2"]})
    frames = {"interactions": events, "facts": pd.DataFrame(rows, columns=COLUMNS), **more}
    return snapshot_of(Catalog.from_frames(**frames), folder)


@pytest.fixture
def small(tmp_path: Path) -> GraphSnapshot:
    facts = [
        ("i1", "by", "e1"), ("i2", "by", "e1"), ("i3", "by", "e2"), ("i1", "sequel", "i2"),
        ("e1", "knows", "e2"), ("i1", "in", "e3"), ("u1", "lives", "e4"), ("u2", "lives", "e4"),
    ]  # fmt: skip
    return graph(tmp_path, facts)


def test_the_vocabulary_is_what_can_be_learned(small: GraphSnapshot) -> None:
    vocabulary = build_vocabulary(small)
    assert vocabulary.items.tolist() == ["i1", "i2"]  # i3 has no interaction
    assert "e3" not in vocabulary.entities.tolist()  # one link says nothing of any other node
    assert {"e1", "e2", "e4"} <= set(vocabulary.entities)


def test_links_are_counted_once_whatever_the_relation(tmp_path: Path) -> None:
    snapshot = graph(tmp_path, [("i1", "by", "e1"), ("i1", "for", "e1"), ("e1", "of", "i1")])
    assert build_vocabulary(snapshot).entities.tolist() == []


def test_rows_of_messages_are_of_unit_length(small: GraphSnapshot) -> None:
    messages = tables(small).messages
    lengths = np.sqrt(np.asarray(messages.matrix.multiply(messages.matrix).sum(axis=1))).ravel()
    received = messages.matrix.getnnz(axis=1) > 0
    np.testing.assert_allclose(lengths[received], 1.0, atol=1e-6)
    assert not lengths[~received].any()
    assert messages.matrix.shape[0] == len(small.items) + len(build_vocabulary(small).entities)


def test_users_send_no_messages(small: GraphSnapshot) -> None:
    """A fact about a user is no message: its entity receives and sends nothing."""
    vocabulary = build_vocabulary(small)
    messages = tables(small, vocabulary).messages
    e4 = len(small.items) + vocabulary.entities.tolist().index("e4")
    assert e4 not in messages.source.tolist()
    assert messages.matrix[e4].nnz == 0


def test_a_message_of_a_hub_says_less(tmp_path: Path) -> None:
    facts = [("i1", "by", "e1"), ("i1", "by", "e2"), ("i2", "by", "e2")]
    facts += [(f"i{n}", "by", "e1") for n in range(3, 12)]
    snapshot = graph(tmp_path, facts)
    vocabulary = build_vocabulary(snapshot)
    messages = tables(snapshot, vocabulary).messages
    sender = {
        int(messages.source[t]) - len(snapshot.items): weight
        for t, weight in zip(messages.matrix[0].indices, messages.matrix[0].data, strict=True)
    }
    hub, rare = (vocabulary.entities.tolist().index(name) for name in ("e1", "e2"))
    assert 0 < sender[hub] < sender[rare]
    assert sender[hub] / sender[rare] == pytest.approx(np.sqrt(2 / 10), rel=1e-5)


def test_what_training_never_saw_is_absent_and_the_rest_stays(tmp_path: Path) -> None:
    """Tables of a later graph: rows of what is known are as before."""
    before = catalogs.snapshot(tmp_path)
    vocabulary = build_vocabulary(before)
    frames = catalogs.frames()
    result = [("made_by", "e1"), ("made_by", "e99"), ("unheard_of", "e2")]
    later = [("new", "item", relation, entity, "entity") for relation, entity in result]
    more = pd.DataFrame(later, columns=COLUMNS)
    items = pd.DataFrame({"item_id": ["new"], "genres": ["Comedy|Unheard"]})
    entities = pd.DataFrame({"entity_id": ["e99"], "name": ["Nobody"]})
    catalog = Catalog.from_frames(
        **{
            **frames,
            "items": pd.concat([frames["items"], items]),
            "entities": pd.concat([frames["entities"], entities]),
            "facts": pd.concat([frames["facts"], more]),
        }
    )
    (tmp_path / "later").mkdir()
    after = snapshot_of(catalog, tmp_path / "later")
    old, new = tables(before, vocabulary), tables(after, vocabulary)
    row = int(after.items.rows(["new"])[0])
    kept = after.items.rows(before.items.ids)
    assert new.item_row[row] == -1
    assert (new.item_row[kept] == old.item_row).all()
    received = new.messages.matrix[row]
    assert received.nnz == 1  # neither the unknown entity nor the unknown relation
    sender = int(new.messages.source[received.indices[0]]) - len(after.items)
    assert vocabulary.entities[sender] == "e1"
    assert new.item_tokens.shape[1] == old.item_tokens.shape[1]
    assert (new.item_tokens[kept] != old.item_tokens).nnz == 0
    names = [vocabulary.item_tokens.tokens[t] for t in new.item_tokens[row].indices]
    assert names == ["genres=Comedy"]


def test_friends_are_the_mean_history_of_whom_a_user_follows(tmp_path: Path) -> None:
    events = pd.DataFrame(
        {"user_id": ["u1", "u2", "u2", "u3"], "item_id": ["i1", "i1", "i2", "i3"]}
    )
    facts = [("u1", "FOLLOWS", "u2"), ("u1", "knows", "u3"), ("u2", "FOLLOWS", "u4")]
    users = pd.DataFrame({"user_id": ["u1", "u2", "u3", "u4"]})
    snapshot = graph(tmp_path, facts, interactions=events, users=users)
    friends = tables(snapshot).friends
    assert friends is not None
    expected = np.zeros((4, 3))
    expected[0] = [0.25, 0.25, 0.5]  # u2: half of i1, half of i2; u3: i3
    np.testing.assert_allclose(friends.toarray(), expected, atol=1e-6)


def test_nobody_follows_anybody(small: GraphSnapshot) -> None:
    assert tables(small).friends is None


def test_a_graph_without_facts_has_no_messages(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]})
    snapshot = snapshot_of(Catalog.from_frames(interactions=events), tmp_path)
    made = tables(snapshot)
    assert made.messages.matrix.shape == (1, 0)
    assert made.item_tokens.shape == (1, 0)


def test_scenarios_are_those_of_the_graph_with_or_without_events(tmp_path: Path) -> None:
    snapshot = catalogs.snapshot(tmp_path)
    assert build_vocabulary(snapshot).scenarios.tolist() == ["app", "web"]
    web = snapshot.without(np.asarray(snapshot.interactions.scenario == "app"))
    assert build_vocabulary(web).scenarios.tolist() == ["web"], "nothing is known about the other"
    said = snapshot.scenarios.attributes.assign(description="seen on a phone")
    result = replace(snapshot, scenarios=replace(snapshot.scenarios, attributes=said))
    result = result.without(np.asarray(snapshot.interactions.scenario == "app"))
    assert build_vocabulary(result).scenarios.tolist() == ["app", "web"]
    unused = replace(result, scenarios=with_named(no_scenarios(), np.array(["kiosk", "web"])))
    nothing = unused.without(np.zeros(len(unused.interactions), dtype=bool))
    assert nothing.scenarios.ids.tolist() == ["web", "kiosk"], "no held-out row names it"
    unlisted = replace(web, scenarios=no_scenarios())
    assert build_vocabulary(unlisted).scenarios.tolist() == ["web"]
