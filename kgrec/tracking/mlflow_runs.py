"""A training as a run of MLflow, and models of its registry. Nothing is sent to MLflow's makers."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kgrec.errors import RequestError
from kgrec.extras import require
from kgrec.tracking.run import TrainingRun

EXPERIMENT: Final = "kgrec"
_STRANGE: Final = re.compile(r"[^\w\-. :]")  # signs that names can't have; "/" makes folders
_DEFAULT: Final = "MLFLOW_TRACKING_URI"
_LONGEST: Final = 6_000  # characters of a value
_AT_ONCE: Final = 100  # settings or metrics
_REFERENCE: Final = re.compile(r"models:/([^/@]+)(?:/(\d+)|@([^/@]+))")


def write_mlflow(run: TrainingRun, where: str) -> str:
    """Write a run to the experiment "kgrec" of a tracking server or folder.

    ``where``: the address of a server ("http…", "sqlite:…"), or a folder. Returns the run's id.
    Raises RequestError where it can't be written.
    """
    with _client(where) as client:
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
        made = client.create_run(experiment, run_name=run.name, tags=_tags(run)).info.run_id
        try:
            _log(client, made, run)
        except BaseException:
            client.set_terminated(made, "FAILED")
            raise
        client.set_terminated(made)
    return str(made)


def _log(client: Any, made: str, run: TrainingRun) -> None:
    """Write settings and metrics to a run."""
    mlflow: Any = require("mlflow.entities", extra="mlflow")
    at = int(1_000 * time.time())
    settings = [mlflow.Param(_name(key), value[:_LONGEST]) for key, value in _settings(run)]
    metrics = [mlflow.Metric(_name(name), value, at, epoch) for name, value, epoch in run.metrics()]
    metrics += [
        mlflow.Metric(_name(f"final/{name}"), value, at, 0) for name, value in run.figures.items()
    ]
    for start in range(0, len(settings), _AT_ONCE):
        client.log_batch(made, params=settings[start : start + _AT_ONCE])
    for start in range(0, len(metrics), _AT_ONCE):
        client.log_batch(made, metrics=metrics[start : start + _AT_ONCE])


def fetch_model(reference: str, where: str, folder: Path) -> None:
    """Copy a model of MLflow's registry to ``folder``.

    ``reference``: "models:/NAME/VERSION" or "models:/NAME@ALIAS"; ``where``: as in
    ``write_mlflow``. Raises RequestError for another reference, and where it can't be read.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise RequestError(
            f"{reference[:100]!r} names no model; write models:/NAME/VERSION or models:/NAME@ALIAS."
        )
    name, version, alias = match.groups()
    with _client(where) as client:
        if alias is not None:
            version = client.get_model_version_by_alias(name, alias).version
        source = client.get_model_version_download_uri(name, version)
        stores: Any = require("mlflow.store.artifact.artifact_repository_registry", extra="mlflow")
        folder.mkdir(parents=True)
        found = stores.get_artifact_repository(source, _address(where), _address(where))
        found.download_artifacts("", dst_path=str(folder))


@contextmanager
def _client(where: str) -> Iterator[Any]:
    """A client, whose errors have a cure."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    address = _address(where)
    if address.startswith("file:"):  # a folder is asked for
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow: Any = require("mlflow", extra="mlflow")
    before = os.environ.get(_DEFAULT)
    os.environ[_DEFAULT] = address  # a registry in a folder asks the default store, too
    try:
        yield mlflow.MlflowClient(tracking_uri=address, registry_uri=address)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        first = str(error).splitlines()[0][:300]
        raise RequestError(f"MLflow at {where} refuses ({first}); check its address.") from error
    finally:
        del os.environ[_DEFAULT]
        if before is not None:
            os.environ[_DEFAULT] = before


def _address(where: str) -> str:
    """The address as MLflow reads it: folders as file addresses."""
    if re.match(r"[a-z][a-z0-9+.-]+:", where):
        return where
    return Path(where).expanduser().absolute().as_uri()


def _settings(run: TrainingRun) -> Iterator[tuple[str, str]]:
    yield from run.settings.items()
    for name, value in run.data.to_dict().items():
        yield f"data.{name}", str(value)


def _tags(run: TrainingRun) -> dict[str, str]:
    from importlib.metadata import version

    notes = "\n".join(run.notes)[:_LONGEST]
    return {
        "mlflow.note.content": notes,
        "kgrec.data": run.data.digest,
        "kgrec.version": version("kgrec"),
    }


def _name(text: str) -> str:
    """A name as MLflow takes it."""
    return _STRANGE.sub("_", text.replace("@", " at ").replace("/", "."))[:250]
