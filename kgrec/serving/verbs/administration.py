"""Models, jobs, and the state of the service."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import msgspec

from kgrec.drift import outgrown
from kgrec.drift.watch import kept
from kgrec.errors import ModelError
from kgrec.model_card.why_model import why_model
from kgrec.serving.access import SCOPES
from kgrec.serving.jobs import Jobs
from kgrec.serving.problems import Problem
from kgrec.serving.registry import Activation, ModelEntry, Registry
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import (
    ActivationAnswer,
    ActivationsAnswer,
    DriftAnswer,
    DriftStream,
    HealthAnswer,
    JobAnswer,
    JobsAnswer,
    ModelAnswer,
    ModelsAnswer,
    StatusAnswer,
    StoreAnswer,
)
from kgrec.serving.verbs.bodies import ActivateBody, EraseBody, JobBody, ReasonBody
from kgrec.serving.verbs.call import Call

_PAGE, _MOST = 100, 1_000
_EXAMPLES = 5  # users


def models(service: Service, body: None, call: Call) -> ModelsAnswer:
    """The models, and the name of the one that answers."""
    registry = service.registry
    limit, start = call.count("limit", _MOST, _MOST), call.cursor()
    entries = list(registry.models.values())
    after = start + limit
    return ModelsAnswer(
        models=[_model(service, registry, entry) for entry in entries[start:after]],
        active=registry.active,
        next=str(after) if after < len(entries) else None,
        trainings=[asdict(one) for one in registry.trainings[::-1]],
    )


def model(service: Service, body: None, call: Call) -> ModelAnswer:
    """A model, and what its fit chose and why; of the one that answers also its settings."""
    registry, name = service.registry, call.path["name"]
    if name not in registry.models:
        raise Problem(404, "unknown_model", f"no model is called {name!r}.")
    answer = _model(service, registry, registry.entry(name))
    with suppress(ModelError):  # activating says what is wrong with a folder
        found = why_model(service.root.folder_of(registry.entry(name)))
        answer.choices = [asdict(one) for one in found.choices] if found.kept else None
    if name == service.served.entry.name:
        served = service.served.model
        answer.settings = served.state.config.model_dump(mode="json")
        answer.history, answer.tuning = _plain(served.history), _plain(served.tuning)
    return answer


async def activate(service: Service, body: ActivateBody, call: Call) -> ActivationAnswer:
    """Let a model answer: it is loaded and tried first, and no request waits for it."""
    name = call.path["name"]
    registry = service.registry
    if name not in registry.models:
        raise Problem(404, "unknown_model", f"no model is called {name!r}.")
    if body.if_current is not None and body.if_current != registry.active:
        raise Problem(
            409,
            "changed",
            f"the model that answers is {registry.active!r}, not {body.if_current!r}.",
        )
    return _activation(await service.activate(name, call.who, body.reason, body.if_current))


async def rollback(service: Service, body: ReasonBody, call: Call) -> ActivationAnswer:
    """Let the model answer that did so before."""
    return _activation(await service.rolled_back(call.who, body.reason))


def activations(service: Service, body: None, call: Call) -> ActivationsAnswer:
    """Who changed the model that answers, when and why."""
    limit = call.count("limit", _PAGE, _MOST)
    changes = service.registry.history
    end = min(call.cursor() or len(changes), len(changes))  # the place of those before
    start = max(end - limit, 0)
    return ActivationsAnswer(
        history=[_activation(change) for change in changes[start:end][::-1]],
        next=str(start) if start else None,
    )


def status(service: Service, body: None, call: Call) -> StatusAnswer:
    """What answers, how large it is, and how far the graph is behind the log."""
    served, experiments = service.served, service.experiments
    store = service.store_sync
    snapshot, needs = served.model.snapshot, outgrown(served.model.state)
    return StatusAnswer(
        version=version("kgrec"),
        model=served.entry.name,
        model_since=served.since,
        users=len(snapshot.users),
        items=len(snapshot.items),
        entities=len(snapshot.entities),
        interactions=len(snapshot.interactions),
        log_records=service.log.last,
        folded_until=served.entry.folded_until,
        live_events=len(served.live.events),
        processes=1 if service.workers is None else 1 + service.workers.answering,
        in_flight=service.in_flight,
        slow=service.slow,
        trouble=service.trouble or ("" if service.workers is None else service.workers.trouble),
        store=None if store is None else StoreAnswer(**store.status()),
        drift=[*filter(None, [needs]), *map(str, service.drift.monitor.alarms[::-1])],
        scenarios=served.model.state.engine.vocabulary.scenarios.tolist(),
        may=_scopes(service, call.who),
        examples=snapshot.users.ids[:_EXAMPLES].tolist() if service.keys.open else [],
        experiment=None if experiments.comparing is None else experiments.comparing.name,
        shadow=None if experiments.shadow is None else experiments.shadow.record.to_dict(),
    )


def drift(service: Service, body: None, call: Call) -> DriftAnswer:
    """Whether arriving events are found by lists as well as before, and what moved."""
    watch = service.drift
    return DriftAnswer(
        evaluated=watch.evaluated,
        skipped=watch.skipped,
        streams=[DriftStream(**one) for one in watch.monitor.state()["streams"]],
        alarms=kept(service.root.drift)[::-1],
    )


async def metrics(service: Service, body: None, call: Call) -> bytes:
    """All metrics, in the text format of Prometheus; those of all processes together."""
    for stream, gain in service.drift.monitor.gains().items():
        service.metrics.drift_gain.labels(stream).set(gain)
    service.metrics.drift_events.labels("evaluated").set(service.drift.evaluated)
    service.metrics.drift_events.labels("skipped").set(service.drift.skipped)
    if service.store_sync is not None:
        service.store_sync.measure()
    return service.metrics.text(await service.tell("metrics"))


def live(service: Service, body: None, call: Call) -> HealthAnswer:
    """Whether the process answers at all."""
    return HealthAnswer(status="live")


def ready(service: Service, body: None, call: Call) -> HealthAnswer:
    """Whether a model answers."""
    if not service.ready:
        said = "the service stops." if service.stopping else "no model is loaded yet."
        raise Problem(503, "not_ready", said, headers={"Retry-After": "1"})
    return HealthAnswer(status="ready")


class JobVerbs:
    """The verbs that need the jobs of the service."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def start(self, service: Service, body: JobBody, call: Call) -> JobAnswer:
        """Start a job in another process."""
        return self._jobs.start(body.kind, call.who)

    async def erase(self, service: Service, body: EraseBody, call: Call) -> JobAnswer:
        """Erase people from the log and from every model, and keep them out. From the answer on
        they are unknown; the job says when the files have nothing of them."""
        return await self._jobs.erase([str(user) for user in body.users], call.who)

    async def all(self, service: Service, body: None, call: Call) -> JobsAnswer:
        """The last jobs since the start of the service, the latest first, without results."""
        latest = list(self._jobs.jobs.values())[::-1]
        limit, start = call.count("limit", _PAGE, _MOST), call.cursor()
        after = start + limit
        page = [msgspec.structs.replace(job, result=None) for job in latest[start:after]]
        return JobsAnswer(jobs=page, next=str(after) if after < len(latest) else None)

    async def one(self, service: Service, body: None, call: Call) -> JobAnswer:
        """One job."""
        job = self._jobs.jobs.get(call.path["id"])
        if job is None:
            raise Problem(404, "unknown_job", f"no job has the id {call.path['id']!r}.")
        return job


def _model(service: Service, registry: Registry, entry: ModelEntry) -> ModelAnswer:
    return ModelAnswer(
        name=entry.name,
        added=entry.added,
        active=entry.name == registry.active,
        note=entry.note,
        folded_until=entry.folded_until,
        erased=service.root.erased(entry),
    )


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with values of JSON."""
    found: list[dict[str, Any]] = msgspec.to_builtins(rows, enc_hook=float, str_keys=True)
    return found


def _activation(change: Activation) -> ActivationAnswer:
    return ActivationAnswer(**asdict(change))


def _scopes(service: Service, who: str) -> list[str]:
    """What somebody may do."""
    keys = [key for key in service.keys if key.name == who]
    allowed = service.keys.open or any(key.allows("admin") for key in keys)
    return [scope for scope in SCOPES if allowed or any(key.allows(scope) for key in keys)]
