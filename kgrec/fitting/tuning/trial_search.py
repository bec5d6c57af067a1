"""Search over settings by a seeded tree-structured Parzen estimator (TPE; Bergstra et al., 2011).

The settings of a trial depend on the seed, the trial's number and the trials before it alone, so a
search that was stopped continues from its saved trials to the same result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from graph_schema.disk.files import put_text, read_json
from kgrec.config import RecommenderConfig
from kgrec.errors import ModelError, TrainingError, reason
from kgrec.extras import require
from kgrec.fitting.tuning.search_space import SPACE, Between, OneOf, Value, with_values

FORMAT = "kgrec-tuning"
VERSION = 1
FILE = "tries.json"
_RANDOM_TRIALS = 5  # before the sampler has enough trials to learn from
_STRIDE = 100_003  # distance between the seeds of searches with consecutive seeds


@dataclass(frozen=True)
class Trial:
    """One fit of a search.

    Attributes
    ----------
    number : int
        From 0.
    values : dict
        The settings that differ from the given ones, by name; empty for the first trial.
    metric : float or None
        The metric on validation rows; None where the fit failed.
    seconds : float
        How long the fit took.
    error : str
        Why the fit failed.
    """

    number: int
    values: dict[str, Value]
    metric: float | None
    seconds: float
    error: str = ""


@dataclass
class TrialHistory:
    """The trials of a search so far; ``fingerprint`` identifies its data and settings."""

    fingerprint: str
    seed: int
    trials: list[Trial] = field(default_factory=list)

    def best(self) -> Trial:
        """The trial with the best metric, the earliest among equals. Raises TrainingError."""
        done = [trial for trial in self.trials if trial.metric is not None]
        if not done:
            reason = self.trials[0].error if self.trials else "there was no trial"
            raise TrainingError(f"no trial of the search succeeded: {reason}")
        return max(done, key=lambda trial: (trial.metric, -trial.number))

    def records(self) -> list[dict[str, Any]]:
        """The trials as plain values, for JSON."""
        return [asdict(trial) for trial in self.trials]


Fit: TypeAlias = Callable[[RecommenderConfig], tuple[float, float]]
OnTrial: TypeAlias = Callable[[Trial], None]


@dataclass(frozen=True)
class SearchOptions:
    """How a search is run and where it is kept.

    Attributes
    ----------
    seed : int
        Seed of the sampler.
    fingerprint : str
        Identifies the data and settings; trials of another fingerprint are not continued.
    folder : Path or None
        Where the trials are kept as JSON after each of them.
    resume : bool
        Continue from the trials in ``folder``.
    on_trial : callable or None
        Called after every trial.
    """

    seed: int
    fingerprint: str
    folder: Path | None = None
    resume: bool = False
    on_trial: OnTrial | None = None


def search(
    config: RecommenderConfig, fit: Fit, n_trials: int, options: SearchOptions
) -> TrialHistory:
    """Run ``n_trials`` fits: ``config`` as it is first, then settings of ``SPACE`` that the sampler
    draws near the best trials.

    ``fit`` takes settings and returns (metric, seconds); its TrainingError makes a trial without a
    metric.

    Raises
    ------
    TrainingError
        For fewer than one trial, or where no trial succeeded.
    ModelError
        For saved trials that can't be read, or are of other data, settings or seed.
    MissingExtraError
        Without optuna.
    """
    require("optuna", extra="tuning")
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 1:
        raise TrainingError(f"tune is {n_trials!r}; give the number of trials, at least 1.")
    history = TrialHistory(options.fingerprint, options.seed)
    if options.folder is not None and options.resume:
        history = _read(options.folder, history)
    while len(history.trials) < n_trials:
        trial = _run_trial(config, fit, history)
        history.trials.append(trial)
        if options.folder is not None:
            _write(options.folder, history)
        if options.on_trial is not None:
            options.on_trial(trial)
    history.best()
    return history


def _run_trial(config: RecommenderConfig, fit: Fit, history: TrialHistory) -> Trial:
    number = len(history.trials)
    values = {} if number == 0 else suggest_values(history)
    try:
        metric, seconds = fit(with_values(config, values))
    except TrainingError as error:
        return Trial(number, values, None, 0.0, str(error))
    return Trial(number, values, metric, seconds)


def suggest_values(history: TrialHistory) -> dict[str, Value]:
    """The settings of the next trial."""
    optuna = require("optuna", extra="tuning")
    space = {setting.name: _distribution(optuna, setting.values) for setting in SPACE}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        sampler = optuna.samplers.TPESampler(
            seed=(history.seed * _STRIDE + len(history.trials)) % 2**32,  # the most it takes
            n_startup_trials=_RANDOM_TRIALS,
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for trial in history.trials:
            if trial.values and trial.metric is not None:
                study.add_trial(
                    optuna.trial.create_trial(
                        state=optuna.trial.TrialState.COMPLETE,
                        params=dict(trial.values),
                        distributions=space,
                        value=trial.metric,
                    )
                )
        return dict(study.ask(fixed_distributions=space).params)
    finally:
        optuna.logging.set_verbosity(level)


def _distribution(optuna: ModuleType, values: OneOf | Between) -> object:
    if isinstance(values, OneOf):
        return optuna.distributions.CategoricalDistribution(values.values)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)


def check_kept(folder: Path) -> None:
    """Raise ModelError, before the first trial, where something else is in the place of the trials
    that a search keeps."""
    path = folder / FILE
    if folder.exists() and not folder.is_dir():
        raise ModelError(
            f"{folder} is a file, and the trials of the search are kept in a folder of this name; "
            "move it away, or name another checkpoint."
        )
    if not path.exists():
        return
    try:
        saved = read_json(path)
    except (OSError, ValueError):
        saved = None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise ModelError(
            f"{path} is no search of kgrec, which would replace it; move it away, or name another "
            "checkpoint."
        )


def _read(folder: Path, fresh: TrialHistory) -> TrialHistory:
    path = folder / FILE
    if not path.exists():
        return fresh
    try:
        saved = read_json(path)
        trials = [Trial(**record) for record in saved["tries"]]
        version = (saved["format"], saved["version"])
        same = (saved["fingerprint"], saved["seed"]) == (fresh.fingerprint, fresh.seed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a readable search ({error}); delete it.") from error
    if version != (FORMAT, VERSION):
        raise ModelError(f"{path}: a search of another version of kgrec; delete it.")
    if not same:
        raise ModelError(f"{path}: a search on other data, settings or seed; delete it.")
    return TrialHistory(fresh.fingerprint, fresh.seed, trials)


def _write(folder: Path, history: TrialHistory) -> None:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": history.fingerprint,
        "seed": history.seed,
        "tries": history.records(),  # the key of version 1
    }
    path = folder / FILE
    try:
        put_text(path, json.dumps(content, indent=1))
    except OSError as error:
        raise ModelError(
            f"{path}: can't keep the search ({reason(error)}); free some space or permit writing "
            "there."
        ) from error
