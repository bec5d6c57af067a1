import numpy as np
import pandas as pd
import pytest

from benchmarks.texts.links import Trial, by_fact, exact_control, mean_of, misspelt
from kgrec.entity_linking import link_entities
from kgrec.graph.source import read_source
from tests.entity_linking.catalogs import DIRECTED, linked_catalog


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setattr("benchmarks.texts.links.ITEMS", 10)
    return Trial.draw(read_source(linked_catalog()))


def test_every_fact_that_a_drawn_plot_names_is_hidden_and_nothing_else(trial: Trial) -> None:
    assert len(trial.items) == 10
    assert trial.hidden == {pair for pair in trial.true if pair[0] in trial.items}
    left = sum(len(facts) for facts in trial.left.facts)
    assert left == sum(len(facts) for facts in trial.whole.facts) - len(trial.hidden)


def test_figures_count_right_pairs_once(trial: Trial) -> None:
    item, entity = sorted(trial.hidden)[0]
    wrong = next(e for e in range(11) if (item, e) not in trial.true)
    ids, names = trial.whole.items.ids, trial.whole.entities.ids
    proposals = pd.DataFrame(
        {
            "item_id": [ids[item]] * 3,
            "entity_id": [names[entity], names[entity], names[wrong]],
            "relation": ["NONE", DIRECTED, DIRECTED],
            "confidence": [0.9, 0.8, 0.7],
        }
    )
    checked = trial.checked(proposals)
    assert checked["right"].tolist() == [True, False]
    assert trial.at(checked, 0.0)["precision"] == 0.5
    assert trial.at(checked, 0.0)["recall"] == round(1 / len(trial.hidden), 4)
    assert by_fact(trial, proposals, 0.0)["precision"] == round(1 / 3, 4)


def test_the_control_finds_every_name(trial: Trial) -> None:
    found = link_entities(trial.left, min_confidence=0.0, fuzzy=False)
    row = exact_control(trial, found)
    assert row["recall"] == 1.0
    assert row["precision"] < 0.9


def test_misspellings_change_names_and_nothing_else(trial: Trial) -> None:
    before = trial.whole.items.attributes["plot"].tolist()
    after = misspelt(trial.whole, trial.true).items.attributes["plot"].tolist()
    changed = [a != b for a, b in zip(before, after, strict=True)]
    assert 0.3 < np.mean(changed) < 0.8
    assert all(a[:20] == b[:20] for a, b in zip(before, after, strict=True))


def test_means_over_draws() -> None:
    row = dict.fromkeys(("recall", "precision_at_recall_0.5", "recall_at_precision_0.9"), 0.5)
    assert mean_of([{**row, "precision": 0.8}, {**row, "precision": 0.9}])["precision"] == 0.85
