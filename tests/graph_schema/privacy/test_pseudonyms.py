"""Pseudonyms in catalogs: every place of a user's id, and what may be written where."""

from __future__ import annotations

import secrets
from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog, CatalogError
from graph_schema.names import FRAMES
from graph_schema.privacy.key import PseudonymKey
from graph_schema.privacy.pseudonyms import check_same_key, key_of, pseudonymise

KEY = PseudonymKey(b"k" * 32)
ADA, BO = (secrets.token_hex(16) for _ in range(2))


def sample() -> Catalog:
    return Catalog.from_frames(
        users=pd.DataFrame({"user_id": [ADA, BO], "age": [30, 40]}),
        interactions=pd.DataFrame({"user_id": [ADA, BO, ADA], "item_id": ["i", "i", "j"]}),
        facts=pd.DataFrame(
            {
                "head": [ADA, "i", "i"],
                "head_type": ["user", "item", "item"],
                "relation": ["FOLLOWS", "BY", "MADE_FOR"],
                "tail": [BO, "e", BO],
                "tail_type": ["user", "entity", "user"],
            }
        ),
        reviews=pd.DataFrame({"user_id": [ADA], "item_id": ["i"], "text": ["fine"]}),
        queries=pd.DataFrame({"text": ["a", "b"], "user_id": [BO, None]}),
    )


def test_no_id_of_a_user_is_left_anywhere(tmp_path: Path) -> None:
    hidden = pseudonymise(sample(), KEY)
    hidden.to_parquet(tmp_path)
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for one in (ADA, BO):
        assert one.encode() not in everything
        assert KEY.pseudonym(one).encode() in everything


def test_rows_keep_their_order_and_ends() -> None:
    given, hidden = sample(), pseudonymise(sample(), KEY)
    assert hidden.validate().ok
    back = KEY.table([ADA, BO])
    for name in ("users", "interactions"):
        frame = hidden.frame(name)
        assert frame.assign(user_id=frame["user_id"].map(back)).equals(given.frame(name))
    facts = hidden.facts
    assert facts["head"].tolist() == [KEY.pseudonym(ADA), "i", "i"]
    assert facts["tail"].tolist() == [KEY.pseudonym(BO), "e", KEY.pseudonym(BO)]
    assert hidden.queries["user_id"].isna().tolist() == [False, True]


def test_ids_made_of_content_are_replaced_too() -> None:
    """Such an id is a plain hash: whoever has a list of users could find the author by trying."""
    given, hidden = sample(), pseudonymise(sample(), KEY)
    for frame, key, kind in (("reviews", "review_id", "review"), ("queries", "query_id", "query")):
        before, after = given.frame(frame)[key].tolist(), hidden.frame(frame)[key].tolist()
        assert after == KEY.pseudonyms(before, kind)


def test_the_same_files_give_the_same_pseudonyms() -> None:
    one, other = pseudonymise(sample(), KEY), pseudonymise(sample(), KEY)
    assert all(one.tables[name].equals(other.tables[name]) for name in FRAMES)


def test_a_user_who_has_the_form_of_a_pseudonym_is_refused() -> None:
    """The id would stand for another person."""
    catalog = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": [KEY.pseudonym(ADA)], "item_id": ["i"]})
    )
    with pytest.raises(CatalogError, match="form of a pseudonym already"):
        pseudonymise(catalog, KEY)


def test_integer_ids_become_text() -> None:
    catalog = Catalog.from_frames(interactions=pd.DataFrame({"user_id": [1], "item_id": [2]}))
    assert catalog.integer_ids == {"User", "Item"}
    assert pseudonymise(catalog, KEY).integer_ids == {"Item"}


def test_two_ways_of_naming_people_are_not_mixed() -> None:
    other = PseudonymKey(b"o" * 32)
    raw, hidden, others = sample(), pseudonymise(sample(), KEY), pseudonymise(sample(), other)
    for stored, catalog, message in (
        ([KEY.pseudonym("x")], raw, f"pseudonyms of the key {KEY.fingerprint}.*--pseudonymise"),
        (["x"], hidden, "have their own ids.*--replace"),
        ([KEY.pseudonym("x")], others, f"those of the key {other.fingerprint}"),
    ):
        with pytest.raises(CatalogError, match=message):
            check_same_key(stored, catalog, "the store")
    for stored in ([], [KEY.pseudonym("x")]):
        check_same_key(stored, hidden, "the store")
    check_same_key(["x"], raw, "the store")


def test_a_mixture_has_no_key() -> None:
    assert key_of([]) == key_of(["a", "b"]) == ""
    assert key_of(KEY.pseudonyms(["a", "b"])) == KEY.fingerprint
    with pytest.raises(CatalogError, match="no common key"):
        key_of([KEY.pseudonym("a"), "b"])
