import numpy as np
import pytest
import scipy.sparse as sp

from kgrec.errors import TrainingError
from kgrec.metrics.calibration import balanced_accuracy, expected_calibration_error
from kgrec.scenarios.recogniser import Recogniser, ScenarioProbabilities
from kgrec.scenarios.recogniser_training import fit_recogniser

N_ITEMS, TASTES = 40, 4
PRIOR = np.array([0.6, 0.3, 0.1, 0.0])[:3]


def bags(n: int, seed: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """Histories of eight items; a scenario's own quarter of the items is four times as likely."""
    rng = np.random.default_rng(seed)
    label = rng.choice(len(PRIOR), n, p=PRIOR)
    odds = np.where(np.arange(N_ITEMS) % TASTES == label[:, None], 4.0, 1.0)
    chosen = np.array(
        [rng.choice(N_ITEMS, 8, replace=False, p=one / one.sum()) for one in odds]
    ).ravel()
    rows = np.repeat(np.arange(n), 8)
    shape = (n, N_ITEMS)
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, chosen)), shape=shape), label


@pytest.fixture(scope="module")
def fitted() -> Recogniser:
    return fit_recogniser(*bags(1500, 0), *bags(400, 1), len(PRIOR))


def test_it_finds_the_scenarios_and_its_probabilities_hold(fitted: Recogniser) -> None:
    test, label = bags(4000, 2)
    answer = fitted.probabilities(test)
    # What the truth itself would say: naive Bayes with the odds that drew the items.
    own = np.stack([test[:, k::TASTES].sum(axis=1).A1 for k in range(len(PRIOR))], axis=1)
    ideal = balanced_accuracy((own * np.log(4.0)).argmax(axis=1), label)
    assert balanced_accuracy(fitted.best(answer.known), label) > ideal - 0.03
    assert ideal > 0.6
    assert expected_calibration_error(answer.known, label) < 0.04


def test_probabilities_sum_to_one_and_a_row_stands_alone(fitted: Recogniser) -> None:
    test, _ = bags(20, 3)
    known, none = fitted.probabilities(test)
    np.testing.assert_allclose(known.sum(axis=1) + none, 1.0, rtol=1e-9)
    for row in range(20):
        alone = fitted.probabilities(test[row : row + 1])
        np.testing.assert_allclose(alone.known[0], known[row], rtol=1e-5)


def test_equal_data_and_seed_give_equal_weights(fitted: Recogniser) -> None:
    again = fit_recogniser(*bags(1500, 0), *bags(400, 1), len(PRIOR))
    for name, values in fitted.arrays().items():
        np.testing.assert_array_equal(values, again.arrays()[name])


def test_an_empty_history_gets_the_natural_shares(fitted: Recogniser) -> None:
    known, none = fitted.probabilities(sp.csr_matrix((1, N_ITEMS), dtype=np.float32))
    np.testing.assert_allclose(known[0], fitted.prior)
    np.testing.assert_allclose(fitted.prior, PRIOR, atol=0.04)
    assert none[0] == 0.0


def test_rare_scenarios_are_made_up_for(fitted: Recogniser) -> None:
    test, label = bags(2000, 4)
    known = fitted.probabilities(test).known
    plain, balanced = known.argmax(axis=1), fitted.best(known)
    assert balanced_accuracy(balanced, label) > balanced_accuracy(plain, label)
    assert fitted.exponent > 0


def test_none_is_chosen_below_every_threshold_or_where_it_is_likeliest(fitted: Recogniser) -> None:
    known = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.1], [0.3, 0.0, 0.0]])
    none = 1 - known.sum(axis=1)
    chosen = fitted.choose(ScenarioProbabilities(known, none))
    assert chosen[0] >= 0
    assert chosen[1] == chosen[2] == -1


def test_histories_that_nobody_has_are_stranger() -> None:
    # Items go together in tens; a history of all kinds fits no factor.
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 800)
    items = group[:, None] * 10 + np.argsort(rng.random((800, 10)), axis=1)[:, :6]
    rows = np.repeat(np.arange(800), 6)
    data = sp.csr_matrix((np.ones(4800, np.float32), (rows, items.ravel())), shape=(800, 40))
    model = fit_recogniser(data[:600], group[:600] % 2, data[600:], group[600:] % 2, 2)
    mixed = np.argsort(rng.random((200, 40)), axis=1)[:, :6]
    odd = sp.csr_matrix(
        (np.ones(1200, np.float32), (np.repeat(np.arange(200), 6), mixed.ravel())), shape=(200, 40)
    )
    real, strange = model.probabilities(data[600:]), model.probabilities(odd)
    assert real.none.mean() < 0.02
    assert strange.none.mean() > 10 * real.none.mean()


def test_arrays_bring_it_back(fitted: Recogniser) -> None:
    test, _ = bags(10, 5)
    again = Recogniser.of_arrays(fitted.arrays())
    np.testing.assert_array_equal(again.probabilities(test).known, fitted.probabilities(test).known)


def test_one_scenario_is_too_few() -> None:
    train, label = bags(50, 0)
    with pytest.raises(TrainingError, match="two scenarios"):
        fit_recogniser(train, label * 0, train, label * 0, 1)
