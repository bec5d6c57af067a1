"""Routes of experiments: started, looked at, stopped."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from kgrec.metrics.sequential import StopRule
from kgrec.serving.experiments.experiment import Arm, Experiment, Guard, Reward
from kgrec.serving.experiments.report import report_of
from kgrec.serving.problems import Problem
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import Answer
from kgrec.serving.verbs.bodies import Body, Name
from kgrec.serving.verbs.call import Call

_Share = Annotated[float, Meta(gt=0, le=1)]


class ArmBody(Body, kw_only=True):
    """A model, and the share of the users that it answers; of a shadow, of the requests."""

    model: Name
    share: _Share


class RewardBody(Body, kw_only=True):
    """What counts as a user's reward: events of this kind and from this rating on, within so many
    hours of the first list in the experiment, at most so many; ``linked``: only events with a
    ``list_id``."""

    event: Name | None = None
    rated: float | None = None
    hours: Annotated[float, Meta(gt=0, le=8_784)] = 24.0
    most: Annotated[int, Meta(ge=1, le=1_000)] = 10
    linked: bool = False


class StopBody(Body, kw_only=True):
    """``error``: how often the interval may be wrong over all looks; ``delta``: a difference of
    rewards per user that does not matter; ``planned``: users at which the interval is narrowest."""

    error: Annotated[float, Meta(gt=0, lt=0.5)] = 0.05
    delta: Annotated[float, Meta(gt=0)] | None = None
    planned: Annotated[int, Meta(ge=100, le=2**40)] = 10_000


class GuardBody(Body, kw_only=True):
    """What ends the experiment at once: a share of failing answers that is also above the other
    arm's, or 95 % of the answers taking longer."""

    errors: Annotated[float, Meta(gt=0, le=1)] = 0.02
    seconds: Annotated[float, Meta(gt=0, lt=3_600)] = 0.5


class ExperimentBody(Body, kw_only=True):
    """``arms``: two for an A/B experiment, of which one is the model that answers; one for a
    shadow. ``salt``: joined to users' ids before they are dealt; by default drawn."""

    arms: Annotated[list[ArmBody], Meta(min_length=1, max_length=2)]
    mode: Literal["ab", "shadow"] = "ab"
    salt: Annotated[str, Meta(max_length=100)] | None = None
    reward: RewardBody | None = None
    stop: StopBody | None = None
    guard: GuardBody | None = None


class ExperimentAnswer(Answer, kw_only=True):
    """An experiment. ``arms``: of each the model, its share, answers, users and their mean reward;
    ``comparison``: the difference b − a of rewards per user with an interval that holds at all
    looks, and whether to go on; ``shadow``: how like the sent lists its own are, and times."""

    name: str
    mode: str
    state: str
    started: int
    who: str
    arms: list[dict[str, Any]]
    ended: int | None = None
    why: str = ""
    comparison: dict[str, Any] | None = None
    shadow: dict[str, Any] | None = None


class ExperimentsAnswer(Answer, kw_only=True):
    """All experiments, those that ended too."""

    experiments: list[ExperimentAnswer]


def experiments(service: Service, body: None, call: Call) -> ExperimentsAnswer:
    """All experiments."""
    found = service.experiments.file.read().values()
    return ExperimentsAnswer(experiments=[_answer(service, one) for one in found])


def experiment(service: Service, body: None, call: Call) -> ExperimentAnswer:
    """One experiment, compared by the log of events up to now."""
    return _answer(service, _known(service, call.path["name"]))


async def start_experiment(service: Service, body: ExperimentBody, call: Call) -> ExperimentAnswer:
    """Start an experiment: its models are loaded first, and no request waits for that."""
    name = call.path["name"]
    file = service.experiments.file
    arms = tuple(Arm(arm.model, arm.share) for arm in body.arms)
    settings: dict[str, Any] = {
        "salt": body.salt,
        "reward": None if body.reward is None else Reward(**_fields(body.reward)),
        "stop": None if body.stop is None else StopRule(**_fields(body.stop)),
        "guard": None if body.guard is None else Guard(**_fields(body.guard)),
    }
    registry = service.registry
    planned = file.planned(name, body.mode, arms, call.who, registry, **settings)
    await service.experiments.prepare(planned, registry)
    try:
        started = file.start(name, body.mode, arms, call.who, **settings)
    finally:
        await service.experiments.follow(anew=True)
        await service.tell("follow")
    return await service.in_pool(lambda: _answer(service, started))


async def stop_experiment(service: Service, body: None, call: Call) -> ExperimentAnswer:
    """End an experiment: the model that is active answers everybody again."""
    name = call.path["name"]
    _known(service, name)
    ended = service.experiments.file.stop(name, f"{call.who} stopped it.")
    await service.experiments.follow()
    await service.tell("follow")
    return await service.in_pool(lambda: _answer(service, ended))


def _known(service: Service, name: str) -> Experiment:
    found = service.experiments.file.read()
    if name not in found:
        raise Problem(404, "unknown_experiment", f"no experiment is called {name!r}.")
    return found[name]


def _answer(service: Service, found: Experiment) -> ExperimentAnswer:
    running = service.experiments
    report = report_of(found, service.log.read, running.records_of(found.name))
    return ExperimentAnswer(**report, shadow=running.shadow_of(found.name))


def _fields(body: Body) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.__struct_fields__}
