"""Models, jobs, and the state of the service."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from kgrec.serving.access import SCOPES
from kgrec.serving.jobs import Jobs
from kgrec.serving.problems import Problem
from kgrec.serving.registry import Activation, ModelEntry, Registry
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import (
    ActivationAnswer,
    ActivationsAnswer,
    HealthAnswer,
    JobAnswer,
    JobsAnswer,
    ModelAnswer,
    ModelsAnswer,
    StatusAnswer,
)
from kgrec.serving.verbs.bodies import ActivateBody, EraseBody, JobBody, ReasonBody
from kgrec.serving.verbs.call import Call

_PAGE, _MOST = 100, 1_000
_EXAMPLES = 5  # users


def models(service: Service, body: None, call: Call) -> ModelsAnswer:
    """All models, and the one that answers."""
    registry = service.registry
    return ModelsAnswer(
        models=[_model(service, registry, entry) for entry in registry.models.values()],
        active=registry.active,
        trainings=[asdict(one) for one in registry.trainings[::-1]],
    )


def model(service: Service, body: None, call: Call) -> ModelAnswer:
    """A model; of the one that answers also the settings that it was trained with."""
    registry, name = service.registry, call.path["name"]
    if name not in registry.models:
        raise Problem(404, "unknown_model", f"no model is called {name!r}.")
    answer = _model(service, registry, registry.entry(name))
    if name == service.served.entry.name:
        answer.settings = service.served.model.state.config.model_dump(mode="json")
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
    call.check("limit")
    latest = service.registry.history[::-1][: call.count("limit", _PAGE, _MOST)]
    return ActivationsAnswer(history=[_activation(change) for change in latest])


def status(service: Service, body: None, call: Call) -> StatusAnswer:
    """What answers, how large it is, and how far the graph is behind the log."""
    served, experiments = service.served, service.experiments
    snapshot = served.model.snapshot
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
        in_flight=service.in_flight,
        slow=service.slow,
        trouble=service.trouble,
        scenarios=served.model.state.engine.vocabulary.scenarios.tolist(),
        may=_scopes(service, call.who),
        examples=snapshot.users.ids[:_EXAMPLES].tolist() if service.keys.open else [],
        experiment=None if experiments.comparing is None else experiments.comparing.name,
        shadow=None if experiments.shadow is None else experiments.shadow.record.to_dict(),
    )


def metrics(service: Service, body: None, call: Call) -> bytes:
    """All metrics, in the text format of Prometheus."""
    return service.metrics.text()


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
        return self._jobs.erase([str(user) for user in body.users], call.who)

    async def all(self, service: Service, body: None, call: Call) -> JobsAnswer:
        """All jobs since the start of the service, the latest first."""
        return JobsAnswer(jobs=list(self._jobs.jobs.values())[::-1])

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


def _activation(change: Activation) -> ActivationAnswer:
    return ActivationAnswer(**asdict(change))


def _scopes(service: Service, who: str) -> list[str]:
    """What somebody may do."""
    keys = [key for key in service.keys if key.name == who]
    allowed = service.keys.open or any(key.allows("admin") for key in keys)
    return [scope for scope in SCOPES if allowed or any(key.allows(scope) for key in keys)]
