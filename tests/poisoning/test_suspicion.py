"""Items that fake users push are found, new items are not, and a hold keeps decisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from kgrec import Recommender, Rule, Rules
from kgrec.cli import app
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME
from kgrec.poisoning import COLUMNS, HOLD, held_with, hold_rule, suspicious_items
from kgrec.poisoning.oddness import beyond_length, fit, greatest_overlap
from kgrec.poisoning.pairs import Pairs
from kgrec.rules import RuleFolder
from kgrec.state import FittedState
from tests.poisoning import made


def invoke(*arguments: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == expect, result.stderr
    return result


KINDS = ("average", "copy", "short")


def without_times(state: FittedState) -> FittedState:
    """The state as if no event had a time."""
    events = state.snapshot.interactions
    events = replace(events, timestamp=np.full(len(events), NO_TIME))
    return with_snapshot(state, interactions=events)


def with_snapshot(state: FittedState, **changed: object) -> FittedState:
    snapshot = replace(state.snapshot, **changed)  # type: ignore[arg-type]
    return replace(state, engine=replace(state.engine, snapshot=snapshot))


@pytest.mark.parametrize("kind", KINDS)
def test_the_item_that_fakes_push_is_first_and_alone(kind: str) -> None:
    report = suspicious_items(made.attacked_model(kind).state)
    assert tuple(report.columns) == COLUMNS
    assert report["item_id"][0] == made.TARGET
    assert report["item_id"][report["suspicious"]].tolist() == [made.TARGET]
    first = report.iloc[0]
    frame = made.attacked(kind)
    users = frame.loc[frame["item_id"] == made.TARGET, "user_id"]
    assert first["users"] == users.nunique()
    assert first["newest_users"] <= first["users"]
    assert first["odd_users"] <= first["newest_users"]
    assert first["share"] == first["newest_users"] / first["users"]
    assert first["share"] > 3 * first["expected_share"]
    assert "1970-01-01" < first["first"] <= first["last"]


def test_without_fakes_nothing_is_suspicious_and_a_new_item_is_expected_to_have_new_users() -> None:
    report = suspicious_items(made.clean_model().state)
    assert not report["suspicious"].any()
    new = report.set_index("item_id").loc["i79"]
    assert new["newest_users"] >= 3
    assert new["expected_share"] > 0.3
    assert (report["statistic"].to_numpy()[:-1] >= report["statistic"].to_numpy()[1:]).all()


def test_the_order_of_rows_changes_nothing() -> None:
    frame = made.attacked("copy")
    again = made.model_of(frame.sample(frac=1, random_state=3))
    expected = suspicious_items(made.attacked_model("copy").state)
    pd.testing.assert_frame_equal(suspicious_items(again.state), expected, check_exact=True)


def test_without_times_or_with_all_users_the_oddness_alone_counts() -> None:
    state = made.attacked_model("average").state
    every = suspicious_items(state, newest=1)
    assert every["item_id"][0] == made.TARGET
    assert (every["users"] == every["newest_users"]).all()
    plain = suspicious_items(without_times(state))
    assert (plain[["first", "last"]] == "").all(axis=None)
    np.testing.assert_array_equal(plain["statistic"], every["statistic"])


def test_a_model_without_item_weights_gets_some_for_the_report() -> None:
    state = made.attacked_model("average").state
    state = replace(state, engine=state.engine.with_weights(None))
    assert suspicious_items(state)["item_id"][0] == made.TARGET


def test_without_events_the_report_is_empty() -> None:
    state = made.clean_model().state
    events = state.snapshot.interactions.select(np.zeros(0, dtype=np.int64))
    none = suspicious_items(with_snapshot(state, interactions=events))
    assert tuple(none.columns) == COLUMNS
    assert not len(none)


@pytest.mark.parametrize("newest", [0, -0.1, 1.5, float("nan"), "x", None])
def test_a_share_must_be_one(newest: object) -> None:
    with pytest.raises(RequestError, match="newest"):
        suspicious_items(made.clean_model().state, newest=newest)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [float("nan"), "x", None])
def test_a_threshold_must_be_a_number(threshold: object) -> None:
    with pytest.raises(RequestError, match="threshold"):
        suspicious_items(made.clean_model().state, threshold=threshold)  # type: ignore[arg-type]


def test_overlap_and_fit_are_those_written_out() -> None:
    state = made.clean_model().state
    pairs = Pairs.of(state.snapshot)
    users = np.arange(0, pairs.n_users, 3)
    dense = pairs.matrix.toarray().astype(float)
    length = np.sqrt(dense.sum(axis=1))
    cosine = dense @ dense.T / np.outer(length, length)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(greatest_overlap(pairs, users), cosine[users].max(axis=1), rtol=1e-6)
    assert state.engine.item_weights is not None
    weights = state.engine.item_weights.matrix
    scores = (dense @ weights.toarray())[users]
    relative = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    expected = (relative * dense[users]).sum(axis=1) / dense[users].sum(axis=1)
    np.testing.assert_allclose(fit(pairs, weights, users), expected, rtol=1e-3, atol=1e-4)


def test_a_deviation_is_from_what_that_length_has() -> None:
    lengths = np.arange(5, 205)
    log = np.log(lengths)
    noise = np.random.default_rng(0).normal(size=200)
    values = 3 - log + log**2 / 2 + log * noise
    found = beyond_length(values, lengths)
    assert abs(np.corrcoef(found, noise)[0, 1]) > 0.99
    assert abs(np.corrcoef(found, log)[0, 1]) < 0.1
    assert (beyond_length(np.ones(3), np.ones(3, dtype=np.int64)) == 0).all()


def test_a_hold_keeps_the_file_and_earlier_decisions() -> None:
    report = suspicious_items(made.attacked_model("copy").state)
    rule = hold_rule(report, "Ada")
    assert (rule.name, rule.effect, rule.items) == (HOLD, "hold", (made.TARGET,))
    written = '# by hand\n[[rule]]\nname = "no"\neffect = "never"\nitems = ["i1"]'
    first = held_with(Rules.parse(written), report, "Ada")
    assert first is not None
    assert first.text.startswith(written)
    assert [one.name for one in first] == ["no", HOLD]
    released = first.with_rules([Rule("ok", "release", items=(made.TARGET,), holds=HOLD)])
    assert held_with(released, report, "Ada") is None
    more = report.assign(suspicious=report["item_id"].isin([made.TARGET, "i5"]))
    second = held_with(released, more, "Ada")
    assert second is not None
    assert (second.rules[-1].name, second.rules[-1].items) == (f"{HOLD} 2", ("i5",))
    with pytest.raises(RequestError, match="nothing to hold"):
        hold_rule(report.assign(suspicious=False), "Ada")


def test_held_items_are_in_no_list_until_somebody_approves(tmp_path: Path) -> None:
    model, folder = made.attacked_model("copy"), tmp_path / "model"
    model.save(folder)
    users = [f"u{number}" for number in range(made.USERS)]
    assert made.TARGET in model.recommend(users, k=50)["item_id"].tolist()
    shown = invoke("suspicious", "--model", str(folder), "-k", "1", "--json")
    assert f'"{made.TARGET}"' in shown.stdout
    assert not len(RuleFolder(folder).rules)
    without = invoke("suspicious", "--model", str(folder), "--hold", expect=2)
    assert "--author" in without.stderr
    held = invoke("suspicious", "--model", str(folder), "--hold", "--author", "Ada")
    assert f"held: {made.TARGET}" in held.stderr
    listed = Recommender.load(folder).recommend(users, k=50)["item_id"].tolist()
    assert made.TARGET not in listed
    RuleFolder(folder).decide(HOLD, made.TARGET, approve=True, author="Bo")
    again = invoke("suspicious", "--model", str(folder), "--hold", "--author", "Ada")
    assert "no suspicious item that is not held" in again.stderr
    assert made.TARGET in Recommender.load(folder).recommend(users, k=50)["item_id"].tolist()
