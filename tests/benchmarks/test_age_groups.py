"""Likes by age group on a tiny catalog: rows, what each model may read, and the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import age_groups
from benchmarks.controls import CONTROLS, base, choose_control
from benchmarks.scenario_data.ages import AgeGroups, draw
from graph_schema import Catalog
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from tests.ratings import rated

pytestmark = pytest.mark.slow
AGES = np.array(["under 18", "18-24", "25-34", "35-44", "56+"], dtype=object)


def catalog() -> Catalog:
    whole = rated.catalog()
    users = whole.users.assign(age=AGES[np.arange(rated.N_USERS) % len(AGES)])
    return Catalog.from_frames(**{**whole.tables, "users": users})


@pytest.fixture(scope="module")
def snapshot() -> GraphSnapshot:
    return read_source(draw(catalog()), None)


@pytest.fixture(scope="module")
def result(snapshot: GraphSnapshot) -> dict[str, object]:
    few = {name: (kind, options[:1]) for name, (kind, options) in CONTROLS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(age_groups, "CONTROLS", few)
        patch.setattr(base, "_EPOCHS", 4)
        return age_groups.run((0,), ("pepnet",), snapshot=snapshot, **rated.SMALL)


def test_rows_are_drawn_in_file_order() -> None:
    events = draw(catalog()).interactions
    answer = rated.events()
    pd.testing.assert_frame_equal(events[["user_id", "item_id"]], answer[["user_id", "item_id"]])
    order = np.random.default_rng(2026).permutation(len(answer))
    split = events["split"].to_numpy()
    n = len(answer)
    assert set(split[order[: int(0.8 * n)]]) == {"train"}
    assert set(split[order[int(0.8 * n) : int(0.9 * n)]]) == {"valid"}
    assert set(split[order[int(0.9 * n) :]]) == {"test"}


def test_groups_are_those_of_the_ages(snapshot: GraphSnapshot) -> None:
    trial = AgeGroups.build(snapshot)
    assert set(trial.names) == {"under 25", "25-34", "35 and over"}
    ages = snapshot.users.attributes["age"].to_numpy()[trial.test.user]
    expected = {"under 18": "under 25", "18-24": "under 25", "25-34": "25-34"}
    assert trial.test.scenario.tolist() == [expected.get(age, "35 and over") for age in ages]


def test_the_report_has_every_head_and_control(result: dict[str, object]) -> None:
    ours = result["kgrec"]
    assert isinstance(ours, dict)
    assert set(ours["by_head"]) == {"auto", "none", "pepnet"}
    assert ours["logloss"] == ours["by_head"]["auto"]["logloss"]
    assert set(result["peers"]) == set(CONTROLS)  # type: ignore[arg-type]
    for model in (*ours["by_head"].values(), *result["peers"].values()):  # type: ignore[attr-defined]
        assert set(model["by_scenario"]) == {"under 25", "25-34", "35 and over"}
        assert 0 < model["logloss"] < 1
    assert all(model["auc"] > 0.8 for model in ours["by_head"].values())
    for name in ("time_blind", "past_only", "history_now"):
        assert ours[name]["logloss"] > 0
    assert 0 <= ours["ece"] <= 1
    none = ours["by_head"]["none"]["by_scenario"].values()
    assert all(metrics["logloss_less_none"] == [0, 0, 0] for metrics in none)
    shown = age_groups.table(result)
    assert len(shown) == 3 + len(CONTROLS) + 3


def test_the_control_is_a_fit_without_heads(
    snapshot: GraphSnapshot, result: dict[str, object]
) -> None:
    """ "none" is read off the model that "auto" trains: it is what a fit of its own gives."""
    trial = AgeGroups.build(snapshot)
    model = age_groups._fit(trial, "none", 0, rated.SMALL)
    answer = age_groups._mean_metrics(trial, [age_groups._logits(trial, model)])
    kept = result["kgrec"]["by_head"]["none"]  # type: ignore[index]
    assert answer["logloss"] == kept["logloss"]
    assert answer["auc"] == kept["auc"]


@pytest.mark.parametrize("name", list(CONTROLS))
def test_controls_are_fitted_and_chosen_without_test_rows(
    snapshot: GraphSnapshot, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, options = CONTROLS[name]
    monkeypatch.setattr(base, "_EPOCHS", 4)
    data = AgeGroups.build(snapshot).controls()
    other = replace(data, test=replace(data.test, like=1 - data.test.like))
    one, two = (choose_control(kind, d, options[:2], 0) for d in (data, other))
    assert one.settings == two.settings
    assert (one.logits == two.logits).all()


def test_a_factorisation_machine_has_every_pair_once(snapshot: GraphSnapshot) -> None:
    """Against the sum over pairs of features, one row at a time."""
    data = AgeGroups.build(snapshot).controls()
    kind, _ = CONTROLS["fm_kg"]
    model = kind(data, {"size": 4}).requires_grad_(False)
    rows = data.test.part(torch.arange(5))
    logits = model(rows)
    for row in range(5):
        vectors = []
        for side, at in ((model.of_user, rows.user[row]), (model.of_item, rows.item[row])):
            vectors.append(side.ids[at])
            for matrix, table in zip(side.features, side.vectors, strict=True):
                dense = (matrix @ torch.eye(matrix.shape[1]))[at]
                vectors += [value * table[f] for f, value in enumerate(dense) if value]
        pairs = sum(float(vectors[a] @ vectors[b]) for a in range(len(vectors)) for b in range(a))
        assert float(logits[row]) == pytest.approx(pairs, abs=1e-5)
