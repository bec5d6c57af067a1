"""A seeded search (TPE, Bergstra et al., 2011) that can be stopped and goes on to the same end.

Every try's settings depend on the seed, its number and the tries before it alone, so that tries
read back from the history lead to the next ones as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

from kgrec.config import RecommenderConfig
from kgrec.errors import ModelError, TrainingError
from kgrec.extras import require
from kgrec.files import put_text
from kgrec.fitting.search_space import SPACE, Between, OneOf, Value, with_values

FORMAT = "kgrec-tuning"
VERSION = 1
FILE = "tries.json"
_RANDOM_TRIES = 5  # before the sampler has something to learn from
_STRIDE = 100_003  # seeds of one search are so far from the next one's


@dataclass(frozen=True)
class Try:
    """One fit: the settings that differ from the given ones ({}: none), and the metric on
    validation rows, None where the fit failed; ``error`` says why."""

    number: int
    values: dict[str, Value]
    metric: float | None
    seconds: float
    error: str = ""


@dataclass
class Tuning:
    """A search so far; ``fingerprint`` tells searches on other data or settings apart."""

    fingerprint: str
    seed: int
    tries: list[Try] = field(default_factory=list)

    def best(self) -> Try:
        """The try with the best metric, the earliest among equals. Raises TrainingError."""
        done = [one for one in self.tries if one.metric is not None]
        if not done:
            told = self.tries[0].error if self.tries else "there was no try"
            raise TrainingError(f"no try of the search succeeded: {told}")
        return max(done, key=lambda one: (one.metric, -one.number))

    def history(self) -> list[dict[str, object]]:
        """The tries as plain values, for JSON."""
        return [asdict(one) for one in self.tries]


Fit = Callable[[RecommenderConfig, int], tuple[float, float]]
OnTry = Callable[[Try], None]


def search(
    config: RecommenderConfig,
    fit: Fit,
    tries: int,
    *,
    seed: int,
    fingerprint: str,
    folder: Path | None = None,
    resume: bool = False,
    on_try: OnTry | None = None,
) -> Tuning:
    """``tries`` fits: ``config`` as it is first, then others from ``SPACE`` around what did well.

    ``fit`` takes settings and the try's number and returns (metric, seconds); its TrainingError
    makes a try without a metric. With ``folder`` the tries are kept there as JSON after each one,
    and ``resume`` goes on from them. Raises TrainingError for fewer than one try or where none
    succeeded, ModelError for a history that can't be read or is of other data or settings, and
    MissingExtraError without optuna.
    """
    require("optuna", extra="tuning")
    if isinstance(tries, bool) or not isinstance(tries, int) or tries < 1:
        raise TrainingError(f"tune is {tries!r}; give the number of tries, at least 1.")
    tuning = Tuning(fingerprint, seed)
    if folder is not None and resume:
        tuning = _read(folder, tuning)
    while len(tuning.tries) < tries:
        one = _try(config, fit, tuning)
        tuning.tries.append(one)
        if folder is not None:
            _write(folder, tuning)
        if on_try is not None:
            on_try(one)
    tuning.best()
    return tuning


def _try(config: RecommenderConfig, fit: Fit, tuning: Tuning) -> Try:
    number = len(tuning.tries)
    values = {} if number == 0 else suggested(tuning)
    try:
        metric, seconds = fit(with_values(config, values), number)
    except TrainingError as error:
        return Try(number, values, None, 0.0, str(error))
    return Try(number, values, metric, seconds)


def suggested(tuning: Tuning) -> dict[str, Value]:
    """The next try's settings."""
    optuna = require("optuna", extra="tuning")
    space = {setting.name: _distribution(optuna, setting.values) for setting in SPACE}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        sampler = optuna.samplers.TPESampler(
            seed=tuning.seed * _STRIDE + len(tuning.tries), n_startup_trials=_RANDOM_TRIES
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for one in tuning.tries:
            if one.values and one.metric is not None:
                study.add_trial(
                    optuna.trial.create_trial(
                        state=optuna.trial.TrialState.COMPLETE,
                        params=dict(one.values),
                        distributions=space,
                        value=one.metric,
                    )
                )
        return dict(study.ask(fixed_distributions=space).params)
    finally:
        optuna.logging.set_verbosity(level)


def _distribution(optuna: ModuleType, values: OneOf | Between) -> object:
    if isinstance(values, OneOf):
        return optuna.distributions.CategoricalDistribution(values.values)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)


def _read(folder: Path, fresh: Tuning) -> Tuning:
    path = folder / FILE
    if not path.exists():
        return fresh
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        tries = [Try(**one) for one in kept["tries"]]
        known = (kept["format"], kept["version"])
        same = (kept["fingerprint"], kept["seed"]) == (fresh.fingerprint, fresh.seed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a readable search ({error}); delete it.") from error
    if known != (FORMAT, VERSION):
        raise ModelError(f"{path}: a search of another version of kgrec; delete it.")
    if not same:
        raise ModelError(f"{path}: a search on other data, settings or seed; delete it.")
    return Tuning(fresh.fingerprint, fresh.seed, tries)


def _write(folder: Path, tuning: Tuning) -> None:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": tuning.fingerprint,
        "seed": tuning.seed,
        "tries": tuning.history(),
    }
    path = folder / FILE
    try:
        put_text(path, json.dumps(content, indent=1))
    except OSError as error:
        raise ModelError(f"{path}: can't keep the search ({error}); free some space.") from error
