"""k-anonymity of users' attributes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema import Catalog
from graph_schema.errors import RequestError
from graph_schema.privacy.generalisation import anonymise
from graph_schema.privacy.levels import Method, levels_of, method_of


def people(n: int = 300, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user_id": [f"u{one}" for one in range(n)],
            "age": rng.integers(18, 80, n),
            "gender": rng.choice(["F", "M"], n),
            "job": rng.choice(["cook", "nurse", "pilot", "king"], n, p=[0.5, 0.3, 0.19, 0.01]),
            "zip": [f"{code:05d}" for code in rng.integers(10_000, 30_000, n)],
            "height": rng.normal(170, 10, n).round(1),
        }
    )


def catalog_of(users: pd.DataFrame) -> Catalog:
    return Catalog.from_frames(users=users)


def smallest(users: pd.DataFrame, names: list[str]) -> int:
    kept = [name for name in names if name in users]
    rows = users[kept].astype(object).where(users[kept].notna(), None)
    return min(Counter(map(tuple, rows.to_numpy().tolist())).values())


@pytest.mark.parametrize("k", [2, 5, 40, 300])
@pytest.mark.parametrize("names", [["age"], ["age", "gender", "zip"], ["job", "height", "zip"]])
def test_every_combination_has_k_users(k: int, names: list[str]) -> None:
    given = catalog_of(people())
    changed, report = anonymise(given, k, names)
    assert smallest(changed.users, names) >= k
    assert report.smallest_group >= k
    assert report.suppressed <= 0.05 * 300
    assert 0 <= report.loss <= 1
    assert changed.users["user_id"].tolist() == given.users["user_id"].tolist()
    others = [name for name in given.users if name not in names]
    assert changed.users[others].equals(given.users[others])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(10**9), 10**9),
            st.sampled_from(["", "a", "b", "other", None]),
            st.booleans(),
        ),
        min_size=3,
        max_size=40,
    ),
    st.integers(2, 3),
)
def test_any_values_get_groups_of_k(rows: list[tuple[object, ...]], k: int) -> None:
    users = pd.DataFrame(rows, columns=["n", "word", "flag"])
    users.insert(0, "user_id", [f"u{row}" for row in range(len(users))])
    users["n"] = users["n"].astype("Int64")
    changed, report = anonymise(catalog_of(users), k, ["n", "word", "flag"])
    kept = changed.users
    if len(kept.columns) > 1:
        assert smallest(kept, ["n", "word", "flag"]) >= k
    assert report.users == len(rows)


def test_the_report_says_what_was_lost() -> None:
    changed, report = anonymise(catalog_of(people()), 5, ["age", "gender", "zip"])
    assert report.unique_before > 0.9
    by_name = {one.column: one for one in report.columns}
    assert by_name["zip"].method == "prefix"
    assert by_name["age"].method == "range"
    assert set(changed.users["gender"]) <= {"F", "M", "other"}
    assert report.untouched == ("job", "height")
    assert report.loss == pytest.approx(np.mean([one.loss for one in report.columns]))
    assert f"{report.suppressed} users" in str(report)


def test_nothing_is_lost_where_groups_are_large_enough() -> None:
    users = pd.DataFrame({"user_id": list("abcd"), "age": [1, 1, 2, 2]})
    changed, report = anonymise(catalog_of(users), 2, ["age"])
    assert report.loss == 0
    assert report.suppressed == 0
    assert changed.users["age"].tolist() == [1, 1, 2, 2]


def test_few_suppressed_users_are_joined_by_the_next_smallest_group() -> None:
    """One rare user alone with "other" would be a group of one."""
    users = pd.DataFrame({"user_id": range(104), "job": ["a"] * 100 + ["b"] * 3 + ["c"]})
    changed, report = anonymise(catalog_of(users), 3, ["job"])
    counts = changed.users["job"].value_counts()
    assert counts.to_dict() == {"a": 100, "other": 4}
    assert report.smallest_group == 4


def test_more_may_be_suppressed_where_the_caller_says_so() -> None:
    users = catalog_of(people())
    _, strict = anonymise(users, 5, ["age", "gender", "zip"], max_suppressed=0)
    _, loose = anonymise(users, 5, ["age", "gender", "zip"], max_suppressed=0.3)
    assert strict.suppressed == 0
    assert loose.loss <= strict.loss


def test_many_columns_are_generalised_one_after_another() -> None:
    """More combinations of levels than are compared."""
    users = people().assign(more=lambda frame: frame["height"] * 3, last=lambda f: f["age"] * 7.5)
    names = ["age", "gender", "job", "zip", "height", "more", "last"]
    changed, report = anonymise(catalog_of(users), 4, names)
    assert smallest(changed.users, names) >= 4
    assert report.suppressed <= 15


@pytest.mark.parametrize(
    ("k", "quasi", "message"),
    [
        (1, ["age"], "fewer than 2"),
        (400, ["age"], "fewer than k"),
        (2, ["income"], "no attribute 'income'; they have: age"),
        (2, ["user_id"], "no attribute"),
        (2, ["age:years"], "is no method"),
        (2, ["job:range"], "has no numbers"),
        (2, [], "name each attribute"),
        (2, ["age", "age:range"], "name each attribute"),
    ],
)
def test_wrong_requests_are_refused(k: int, quasi: list[str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        anonymise(catalog_of(people()), k, quasi)


def test_levels_go_from_all_to_nothing() -> None:
    table = catalog_of(people()).tables["users"]
    for name, method in (("age", Method.RANGE), ("zip", Method.PREFIX), ("job", Method.VALUE)):
        assert method_of(table.column(name)) is method
        levels = levels_of(table.column(name), method, 5)
        losses = [level.loss.mean() for level in levels]
        assert losses == sorted(losses)
        assert (losses[0], losses[-1]) == (0, 1)


@pytest.mark.data
def test_ml_1m_users_are_unique_before_and_hidden_after(data_dir: Path) -> None:
    import loaders

    catalog = loaders.load(data_dir / "ml-1m-kg").catalog
    names = ["gender", "age", "occupation", "zip"]
    changed, report = anonymise(catalog, 5, names)
    assert round(report.unique_before, 3) == 0.927  # the figures of docs/pseudonyms.md
    assert round(report.small_before, 3) == 0.995
    assert smallest(changed.users, names) >= 5
