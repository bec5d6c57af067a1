"""What came through too few people goes along a public fact between the two items, if there is
one; sums stay."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from kgrec import Recommender, show_people
from kgrec.explain import Explanation
from tests.recommender import catalogs


def quick(facts: pd.DataFrame | None) -> Recommender:
    config = catalogs.config()
    training = config.training.model_copy(update={"effort": "quick"})
    settings = config.model_copy(update={"training": training})
    return Recommender(settings).fit(catalogs.catalog(facts=facts))


@pytest.fixture(scope="module")
def models() -> dict[str, Recommender]:
    """Quick models with the facts of the catalog, and without any."""
    return {"facts": quick(catalogs.frames()["facts"]), "none": quick(None)}


def explained(model: Recommender, fewest: int) -> list[Explanation]:
    found: list[Explanation] = []
    for user in ("u0", "u1", "u2", "u3"):
        items = model.recommend(user, k=6)["item_id"].tolist()
        found += show_people(model, names=False, fewest=fewest).explain_all(user, items, k=30)
    return found


def test_it_goes_along_facts_that_both_items_have(models: dict[str, Recommender]) -> None:
    some, whole = explained(models["facts"], 10_000), explained(models["facts"], 1)
    without = explained(models["none"], 10_000)
    assert sum(one.withheld for one in some) < sum(one.gain for one in some)
    assert all(one.withheld == 0 for one in whole)
    along = [
        path
        for one in some
        for path in one.paths
        if path.kind in ("shared entity", "item fact") and set(path.parts) - {"knowledge", "match"}
    ]
    assert along
    for path in along:
        assert path.people == 0
        assert all(path.stored)
        assert "People" not in {label for label, *_ in path.nodes}
    assert {path.kind for one in without for path in one.paths} <= {
        *("attributes", "collaborative", "graph neighbourhood", "other", "repeat"),
    }


@pytest.mark.parametrize("fewest", [1, 3, 5, 10_000])
def test_sums_are_those_of_the_scores(models: dict[str, Recommender], fewest: int) -> None:
    scores = {(one.user_id, one.item_id): one for one in explained(models["facts"], 1)}
    for one in explained(models["facts"], fewest):
        other = scores[one.user_id, one.item_id]
        assert one.score == other.score
        whole = math.fsum([one.baseline, one.shown, one.not_shown, one.rest, one.boost])
        assert whole == pytest.approx(one.score, abs=1e-5)
        assert one.withheld >= -1e-6
        assert one.rest == pytest.approx(other.rest + one.withheld, abs=1e-5)
        assert {path.people for path in one.paths if path.people} <= set(range(fewest, 100))


def test_no_fact_of_a_person_is_taken(models: dict[str, Recommender]) -> None:
    """A user who is joined to both items by facts is not between them."""
    facts = catalogs.frames()["facts"]
    wanted = pd.DataFrame(
        [{"head": "u9", "relation": "WANTS", "tail": f"i{n}"} for n in range(catalogs.N_ITEMS)]
    ).assign(head_type="user", tail_type="item")
    model = quick(pd.concat([facts, wanted], ignore_index=True))
    for one in explained(model, 10_000):
        assert "u9" not in str(one.to_dict())
