"""Models, jobs, and the state of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgrec.client.asking import Id, id_list
from kgrec.client.errors import BusyError
from kgrec.client.exchange import Ask, Fields, Pause, Steps, fields_of
from kgrec.errors import ServiceError

_LOOK = 0.5  # seconds between two looks at a job


def all_models() -> Steps[Fields]:
    """``models``: all of the registry; ``active``: the one that answers."""
    return fields_of((yield Ask("GET", "/v1/models")))


def one_model(name: str) -> Steps[Fields]:
    """A model; of the one that answers also its settings."""
    return fields_of((yield Ask("GET", "/v1/models/{name}", parts={"name": name})))


def changes(limit: int = 100) -> Steps[list[Fields]]:
    """Who changed the model that answers, when and why, the latest first."""
    answer = yield Ask("GET", "/v1/models/history", params={"limit": limit})
    return list(Fields.of(answer["history"]))


def activate(name: str, *, if_current: str | None = None, reason: str = "") -> Steps[Fields]:
    """Let a model answer; with ``if_current`` only in place of that one."""
    body = {"if_current": if_current, "reason": reason}
    path = "/v1/models/{name}/activate"
    ask = Ask("POST", path, body, parts={"name": name}, repeatable=if_current is None)
    return fields_of((yield ask))


def rollback(reason: str = "") -> Steps[Fields]:
    """Let the model answer that did so before."""
    return fields_of(
        (yield Ask("POST", "/v1/models/rollback", {"reason": reason}, repeatable=False))
    )


def all_jobs() -> Steps[list[Fields]]:
    """All jobs since the start of the service, the latest first."""
    return list(Fields.of((yield Ask("GET", "/v1/jobs"))["jobs"]))


def one_job(job_id: str) -> Steps[Fields]:
    """One job: id, kind, state, started, ended, model, detail."""
    return fields_of((yield Ask("GET", "/v1/jobs/{id}", parts={"id": job_id})))


def start_job(kind: str = "fold") -> Steps[Fields]:
    """Start work in another process."""
    return fields_of((yield Ask("POST", "/v1/jobs", {"kind": kind}, repeatable=False)))


def stop_job(job_id: str) -> Steps[Fields]:
    """Stop a job that runs; one that erases people must end by itself."""
    return fields_of((yield Ask("DELETE", "/v1/jobs/{id}", parts={"id": job_id}, repeatable=False)))


def erase(users: Id | Sequence[Id]) -> Steps[Fields]:
    """Erase people from the log and from all models: the job that does so."""
    return fields_of((yield Ask("POST", "/v1/erase", {"users": id_list(users, "users")})))


def wait(job_id: str, seconds: float = 600.0) -> Steps[Fields]:
    """A job when it is done. Raises ServiceError where it failed, was stopped, or is not done
    in time."""
    for _ in range(max(round(seconds / _LOOK), 1)):
        job = yield from one_job(job_id)
        if job.state == "done":
            return job
        if job.state != "running":
            raise ServiceError(f"job {job_id} {job.state}: {job.get('detail', '')}")
        yield Pause(_LOOK)
    raise ServiceError(f"job {job_id} is not done after {seconds:g} s; wait for longer.")


def status() -> Steps[Fields]:
    """The state of the service."""
    return fields_of((yield Ask("GET", "/v1/status")))


def metrics() -> Steps[str]:
    """All metrics in the text format of Prometheus."""
    return str((yield Ask("GET", "/metrics", plain=True)))


def ready() -> Steps[bool]:
    """Whether a model answers."""
    try:
        yield Ask("GET", "/health/ready")
    except BusyError:
        return False
    return True


def call(
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    repeatable: bool = False,
) -> Steps[Any]:
    """The JSON of any route's answer, such as of one that has no method here."""
    return (
        yield Ask(
            method, path.replace("{", "{{").replace("}", "}}"), body, {}, params or {}, repeatable
        )
    )
