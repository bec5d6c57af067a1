"""Where trainings are tracked: "tensorboard:FOLDER", "mlflow:FOLDER" or "mlflow:ADDRESS"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kgrec.errors import RequestError
from kgrec.extras import require
from kgrec.recommender import Recommender
from kgrec.tracking.mlflow_runs import write_mlflow
from kgrec.tracking.run import TrainingRun
from kgrec.tracking.tensorboard_events import write_events

Write = Callable[[TrainingRun, str], str]
_KINDS: Final[dict[str, Write]] = {"tensorboard": write_events, "mlflow": write_mlflow}


def check_place(place: str) -> tuple[str, str]:
    """The kind of a place and where it is; checked before hours of work.

    Parameters
    ----------
    place : str
        "tensorboard:FOLDER", "mlflow:FOLDER", or "mlflow:" and the address of a tracking server.

    Raises
    ------
    RequestError
        For another place.
    MissingExtraError
        Where the extra ``tensorboard`` or ``mlflow`` is not installed.
    """
    kind, _, where = place.partition(":")
    if kind not in _KINDS or not where or "\0" in where:
        raise RequestError(
            f"{place[:100]!r} is no place for a training; give tensorboard:FOLDER, mlflow:FOLDER, "
            "or mlflow: and the address of a server."
        )
    require("tensorboard", extra="tensorboard") if kind == "tensorboard" else require(
        "mlflow", extra="mlflow"
    )
    return kind, where


def track(model: Recommender, place: str, name: str = "model") -> str:
    """Write a training to TensorBoard or MLflow: settings, metrics of each epoch, notes, what data
    it learned from, and the final validation figures; nothing of any person.

    Parameters
    ----------
    model : Recommender
        Fitted or loaded.
    place : str
        See ``check_place``.
    name : str
        Of the run.

    Returns
    -------
    str
        Where the run is: the folder of its events, or its id.

    Raises
    ------
    RequestError
        For another place, a run that is there already, and where it can't be written.
    MissingExtraError
        Where the extra is not installed.
    NotFittedError
        Where the model is not fitted.
    """
    kind, where = check_place(place)
    return _KINDS[kind](TrainingRun.of(model, name), where)
