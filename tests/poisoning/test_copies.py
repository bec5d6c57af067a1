"""Near-identical histories count as one user in a fit, with what they have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.poisoning import without_copies
from tests.erasure.planted import quick
from tests.recommender import catalogs

TARGET = "target"


def attacked(*, days: int, copied: tuple[str, ...] = ("u0", "u5"), left_out: int = 0) -> Catalog:
    """The small catalog with a fake for each of ``copied``: their history of training, but for
    ``left_out`` items, ``days`` later, and the target, which nobody else has."""
    frames = catalogs.frames()
    items = frames["items"].iloc[[0]].assign(item_id=TARGET, title="Pushed")
    events = frames["interactions"]
    grown = [events]
    for number, user in enumerate(copied):
        rows = events[(events["user_id"] == user) & (events["split"] != "test")]
        rows = rows.assign(user_id=f"fake{number}", split="train")
        rows["timestamp"] += days * catalogs.DAY
        last = rows.iloc[[-1]].assign(item_id=TARGET)
        grown += [rows.iloc[left_out:], last]
    changed = {
        "items": pd.concat([frames["items"], items], ignore_index=True),
        "interactions": pd.concat(grown, ignore_index=True),
        "users": None,
    }
    return catalogs.catalog(**changed)


def snapshot(catalog: Catalog) -> GraphSnapshot:
    return read_source(catalog, None)


def events_of(found: GraphSnapshot, user: str) -> list[str]:
    rows = found.interactions
    row = int(found.users.rows([user])[0])
    mine = np.asarray(rows.user) == row
    return sorted(found.items.ids[np.asarray(rows.item)[mine]].tolist())


@pytest.mark.parametrize("days", [1, -1])
def test_a_copy_counts_once_and_without_what_it_alone_has(days: int) -> None:
    """Whoever joined first: the pushed item is in the copy alone."""
    whole = snapshot(attacked(days=days))
    left, copies = without_copies(whole)
    later = {"fake0", "fake1"} if days > 0 else {"u0", "u5"}
    assert set(copies["user_id"]) == later
    target = int(whole.items.rows([TARGET])[0])
    assert (np.asarray(whole.interactions.item) == target).sum() == 2
    assert (np.asarray(left.interactions.item) == target).sum() == 0
    real, fake = ("u0", "fake0") if days > 0 else ("fake0", "u0")
    training = [item for item in events_of(whole, real) if item != TARGET]
    assert set(events_of(left, real)) <= set(training)
    assert len(events_of(left, real)) >= catalogs.PER_USER - 1
    held = np.asarray(left.interactions.split == "test")
    assert held.sum() == np.asarray(whole.interactions.split == "test").sum()
    assert set(events_of(left, fake)) <= set(events_of(whole, "u0"))
    assert (copies["shared"] == copies["items"] - (1 if days > 0 else 0)).all()
    np.testing.assert_array_equal(left.users.ids, whole.users.ids)


def test_a_copy_with_other_items_in_place_of_some_is_found_by_a_lower_share() -> None:
    whole = snapshot(attacked(days=1, left_out=2))
    assert not len(without_copies(whole)[1])
    assert set(without_copies(whole, share=0.6)[1]["user_id"]) >= {"fake0", "fake1"}


def test_real_users_lose_nothing() -> None:
    whole = snapshot(catalogs.catalog())
    left, copies = without_copies(whole)
    assert list(copies.columns) == ["user_id", "of", "items", "shared", "joined"]
    assert not len(copies)
    np.testing.assert_array_equal(left.interactions.item, whole.interactions.item)


def test_the_answer_does_not_depend_on_the_order_of_rows() -> None:
    frames = attacked(days=1)
    shuffled = frames.interactions.sample(frac=1, random_state=3)
    one, other = (
        without_copies(snapshot(Catalog.from_frames(items=frames.items, interactions=rows)))
        for rows in (frames.interactions, shuffled)
    )
    assert one[1].equals(other[1])
    assert len(one[0].interactions) == len(other[0].interactions)


def test_a_model_of_it_answers_everybody_and_does_not_push_the_item() -> None:
    whole = snapshot(attacked(days=1, copied=tuple(f"u{n}" for n in range(0, 40, 4))))
    plain, left = quick(whole), quick(without_copies(whole)[0])
    bound = Recommender.of(left.state.over(whole))
    users = [f"u{n}" for n in range(0, 40, 4)]
    k = catalogs.N_ITEMS + 1
    places = [
        lists["rank"][lists["item_id"] == TARGET].mean()
        for lists in (model.recommend(users, k=k) for model in (plain, bound))
    ]
    assert places[1] > places[0] + 5
    assert len(bound.recommend("fake0", k=3)) == 3


@pytest.mark.parametrize("share", [0.5, 1.1, 0.0])
def test_a_share_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(RequestError, match=r"above 0.5, up to 1"):
        without_copies(snapshot(catalogs.catalog()), share=share)
