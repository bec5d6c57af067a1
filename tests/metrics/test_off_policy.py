"""Off-policy estimates: the published formulas, an exact enumeration, and intervals that cover."""

import numpy as np
import pytest

from kgrec.evaluation import WeightedRows


def rows(reward, weight, shown=0.0, new=0.0, group=None) -> WeightedRows:
    reward, weight = np.asarray(reward, dtype=float), np.asarray(weight, dtype=float)
    full = np.broadcast_to
    return WeightedRows(
        reward,
        weight,
        np.asarray(full(shown, reward.shape), dtype=float),
        np.asarray(full(new, reward.shape), dtype=float),
        np.arange(len(reward)) if group is None else np.asarray(group),
    )


def test_the_formulas():
    found = rows([1, 0, 1, 1], [2, 0, 0.5, 0], [0.5, 0.1, 0.2, 0.3], [0.4, 0.2, 0.2, 0.6])
    values = {name: value.mean for name, value in found.values().items()}
    assert values["ips"] == pytest.approx(2.5 / 4)
    assert values["snips"] == pytest.approx(2.5 / 2.5)
    assert values["dm"] == pytest.approx(1.4 / 4)
    assert values["dr"] == pytest.approx((1.4 + 2 * 0.5 + 0.5 * 0.8) / 4)
    assert found.effective_size == pytest.approx(2.5**2 / 4.25)
    assert found.coverage().mean == pytest.approx(2.5 / 4)
    assert found.logged().mean == pytest.approx(0.75)
    gains = {name: value.mean for name, value in found.gains().items()}
    assert gains == pytest.approx({name: value - 0.75 for name, value in values.items()})


def draw(rng, n, p=(0.6, 0.3, 0.1), reward=(0.2, 0.5, 0.8), new=(0.1, 0.2, 0.7)):
    """Rows of a log with three items, a stochastic new policy and a wrong prediction."""
    item = rng.choice(3, size=n, p=p)
    p, reward, new = map(np.asarray, (p, reward, new))
    wrong = np.array([0.3, 0.4, 0.5])
    earned = (rng.random(n) < reward[item]).astype(float)
    return rows(earned, (new / p)[item], wrong[item], float(new @ wrong)), float(new @ reward)


def test_intervals_contain_the_truth_about_as_often_as_they_say():
    rng, inside = np.random.default_rng(1), {"snips": 0, "dr": 0, "ips": 0}
    for _ in range(400):
        found, truth = draw(rng, 400)
        for name in inside:
            value = found.values()[name]
            inside[name] += value.low <= truth <= value.high
    assert all(0.92 <= count / 400 <= 0.98 for count in inside.values()), inside


def test_rows_of_a_group_count_as_one():
    found, _ = draw(np.random.default_rng(2), 200)
    twice = WeightedRows(*(np.repeat(getattr(found, name), 4) for name in vars(found)))
    for name, value in found.values().items():
        again = twice.values()[name]
        assert again.mean == pytest.approx(value.mean)
        assert again.high - again.low == pytest.approx(value.high - value.low)


def test_a_few_large_weights_make_the_interval_wider_than_the_normal_one():
    weight = np.ones(200)
    weight[0] = 500.0
    reward = np.zeros(200)
    reward[0] = 1.0
    value = rows(reward, weight).values()["ips"]
    error = np.std(weight * reward, ddof=1) / np.sqrt(200)
    assert value.high - value.mean > 3 * 1.96 * error


def test_no_weight_and_no_spread():
    found = rows([1, 1], [0, 0])
    assert found.effective_size == 0
    assert found.values()["ips"].mean == 0
    assert found.logged().low == found.logged().high == 1
