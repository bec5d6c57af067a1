"""RunningExperiments: the experiments of a service that runs, and the models beside the active one.

The file of experiments may be changed by another process; it is looked at every second.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic

from kgrec.errors import KgrecError
from kgrec.serving.event_log import Record, now
from kgrec.serving.experiments.arm_record import ArmRecord, tripped
from kgrec.serving.experiments.experiment import LETTERS, Experiment, Experiments, Mode
from kgrec.serving.experiments.host import Host, S
from kgrec.serving.experiments.rewards import EXPOSURE, exposure_of
from kgrec.serving.experiments.shadow import ShadowLike
from kgrec.serving.problems import Problem
from kgrec.serving.registry import ModelEntry, Registry

_LOOK: Final = 1.0  # seconds


@dataclass(frozen=True, eq=False)
class Chosen(Generic[S]):
    """The model that answers somebody; in an A/B experiment with its name and the arm, 0 or 1."""

    served: S
    experiment: Experiment | None = None
    arm: int | None = None

    @property
    def names(self) -> tuple[str | None, str | None]:
        """The names of the experiment and of the arm; None without."""
        if self.experiment is None or self.arm is None:
            return None, None
        return self.experiment.name, LETTERS[self.arm]


@dataclass(eq=False)
class _Comparing:
    """An A/B experiment that runs: what its arms did, and the users who had a list in it."""

    experiment: Experiment
    exposed: set[str]
    records: list[ArmRecord] = field(default_factory=lambda: [ArmRecord(), ArmRecord()])


class RunningExperiments(Generic[S]):
    """See the module; ``others`` are the models that are loaded beside the active one, by name."""

    def __init__(self, service: Host[S]) -> None:
        self.service, self.file = service, Experiments(service.root)
        self.others: dict[str, S] = {}
        self.shadow: ShadowLike | None = None
        self._comparing: _Comparing | None = None
        self._shadowing: tuple[Experiment, ModelEntry, int | None] | None = None
        self._exposures: deque[Record] = deque()
        self._seen: object = None
        self._following = asyncio.Lock()

    # What requests need.

    def chosen(self, who: str | None) -> Chosen[S]:
        """The model that answers somebody. Raises Problem before there is one."""
        comparing, active = self._comparing, self.service.served
        if comparing is None or who is None:
            return Chosen(active)
        arm = comparing.experiment.arm_of(who)
        served = self._served(comparing.experiment.arms[arm].model)
        return Chosen(served or active, comparing.experiment, arm if served else None)

    @contextmanager
    def watched(self, chosen: Chosen[S]) -> Iterator[None]:
        """Count an answer of an arm, and its time; a Problem is the caller's own fault."""
        if chosen.arm is None or self._comparing is None:
            yield
            return
        started, failed = time.perf_counter(), True
        try:
            yield
            failed = False
        except Problem:
            failed = False
            raise
        finally:
            self._count(chosen, failed, time.perf_counter() - started)

    def gave(self, chosen: Chosen[S], user: str | None) -> None:
        """Note that a user has a list of the A/B experiment; the log says so of the first."""
        comparing, arm = self._comparing, chosen.arm
        if comparing is None or user is None or arm is None or user in comparing.exposed:
            return
        comparing.exposed.add(user)
        record = exposure_of(comparing.experiment, arm, chosen.served.entry.name, user, now())
        self._exposures.append(record)

    # What the service does.

    @property
    def comparing(self) -> Experiment | None:
        """The A/B experiment that runs."""
        return None if self._comparing is None else self._comparing.experiment

    def records_of(self, name: str) -> list[ArmRecord] | None:
        """What the arms of a running A/B experiment did; None for another one."""
        comparing = self._comparing
        if comparing is None or comparing.experiment.name != name:
            return None
        return comparing.records

    def shadow_of(self, name: str) -> dict[str, Any] | None:
        """What a shadow that runs did; None for another one."""
        if self.shadow is None or self._shadowing is None or self._shadowing[0].name != name:
            return None
        return self.shadow.record.to_dict()

    def forget(self, users: set[str]) -> None:
        """Forget people who are erased."""
        if self._comparing is not None:
            self._comparing.exposed -= users
        kept = [record for record in self._exposures if record["user"] not in users]
        self._exposures = deque(kept)

    def load(self) -> None:
        """Load the models of experiments before the first request. A model that can't be loaded
        is named in the service's trouble, and the active one answers in its place."""
        try:
            for entry in self._wanted(self.service.root.read()):
                self.others[entry.name] = self.service.load_beside(entry)
            found = self.file.read()
            self._take(found, self._exposed(found), self.service.root.read())
        except KgrecError as error:
            self.service.trouble = f"an experiment could not be loaded: {error}"

    async def run(self) -> None:
        """Look every second at the file, the arms' faults, and what is to be logged."""
        await self.service.repeat(_LOOK, self._look, "an experiment has a fault")

    async def _look(self) -> None:
        await self.follow()
        await self.store_exposures()
        if self.service.is_first:
            await self._gather()
            self._guard()
        if self.shadow is not None and self.shadow.ended:
            self.service.trouble = f"the shadow has ended: {self.shadow.ended}"

    async def follow(self, *, anew: bool = False) -> None:
        """Do what the file and the registry say now; ``anew``: whether or not they have changed.
        Raises KgrecError."""
        async with self._following:
            if anew:
                self._seen = None
            await self._follow()

    async def _follow(self) -> None:
        root = self.service.root
        version = _changed(self.file.file), _changed(root.registry_file)
        if (version, self._erased()) == self._seen:
            return
        registry = root.read()
        self._end_without_live(registry)
        await self._load(registry)
        found = self.file.read()
        self._take(found, await asyncio.to_thread(self._exposed, found), registry)
        self._seen = (_changed(self.file.file), version[1]), self._erased()

    def _erased(self) -> list[int | None]:
        """When people were erased last from the folders of the models in use."""
        entries = [one.entry for one in self.others.values()]
        entries += [] if self._shadowing is None else [self._shadowing[1]]
        return [self.service.root.last_erasure(entry) for entry in entries]

    async def prepare(self, experiment: Experiment, registry: Registry) -> None:
        """Load the models of an experiment before it starts. Raises ModelError."""
        active = registry.origin(registry.active or "")
        for arm in experiment.arms if experiment.mode == "ab" else ():
            entry = registry.latest(arm.model)
            if entry.origin != active and entry.name not in self.others:
                self.others[entry.name] = await self.service.loaded_beside(entry)

    async def store_exposures(self) -> None:
        """Write to the log which users had their first list. Raises ServiceError."""
        waiting = [self._exposures.popleft() for _ in range(len(self._exposures))]
        try:
            await self.service.store(waiting)
        except KgrecError:
            self._exposures.extendleft(reversed(waiting))
            raise

    def stop(self) -> None:
        """End the thread of a shadow."""
        if self.shadow is not None:
            self.shadow.stop()
            self.shadow = None

    def _served(self, model: str) -> S | None:
        """The model of an arm with its latest graph: the active one, or one beside it."""
        loaded = [self.service.served, *self.others.values()]
        return next((one for one in loaded if one.entry.origin == model), None)

    def _wanted(self, registry: Registry) -> list[ModelEntry]:
        """The models to have in memory beside the active one. Raises ServiceError."""
        comparing = _running(self.file.read(), "ab")
        arms = () if comparing is None else comparing.arms
        names = [arm.model for arm in arms if arm.model in registry.models]
        entries = {entry.name: entry for entry in map(registry.latest, names)}
        active = None if registry.active is None else registry.origin(registry.active)
        return [entry for entry in entries.values() if entry.origin != active]

    async def _load(self, registry: Registry) -> None:
        """Load what is wanted, and what has changed; drop the rest."""
        wanted, gone = self._wanted(registry), []
        for entry in wanted:
            there = self.others.get(entry.name)
            if there is None or there.erasure != self.service.root.last_erasure(entry):
                self.others[entry.name] = await self.service.loaded_beside(entry)
                gone += [] if there is None else [there]
        for name in set(self.others) - {entry.name for entry in wanted}:
            gone.append(self.others.pop(name))
        if gone:
            self.service.release(gone)
        await self.service.grow()

    def _take(self, found: dict[str, Experiment], exposed: set[str], registry: Registry) -> None:
        """Run the experiments that are to run; ``exposed``: who had a list in one that begins."""
        comparing, shadow = _running(found, "ab"), _running(found, "shadow")
        if comparing != self.comparing:
            self._comparing = None if comparing is None else _Comparing(comparing, exposed)
        wanted = None
        if shadow is not None:
            entry = registry.latest(shadow.arms[0].model)
            wanted = shadow, entry, self.service.root.last_erasure(entry)
        if wanted == self._shadowing:
            return
        self.stop()
        self._shadowing = wanted
        if wanted is not None:
            self.shadow = self.service.new_shadow(wanted[0].arms[0].share, wanted[1].name)

    def _exposed(self, found: dict[str, Experiment]) -> set[str]:
        """The users who had a list in the A/B experiment that is about to run, by the log."""
        comparing = _running(found, "ab")
        if comparing is None or comparing == self.comparing:
            return set()
        return {
            record["user"]
            for record in self.service.log.read()
            if record["kind"] == EXPOSURE and record["experiment"] == comparing.name
        }

    def take_answers(self, name: str) -> list[list[Any]] | None:
        """What the arms of an A/B experiment did here since the last call."""
        records = self.records_of(name)
        return None if records is None else [record.take() for record in records]

    async def _gather(self) -> None:
        """Count what the arms did in other processes."""
        comparing = self._comparing
        if comparing is None:
            return
        for found in await self.service.tell("arms", experiment=comparing.experiment.name):
            for record, taken in zip(comparing.records, found, strict=True):
                record.extend(*taken)

    def _end_without_live(self, registry: Registry) -> None:
        """End experiments that began with another active model."""
        active = registry.active
        for one in self.file.read().values():
            gone = [arm.model for arm in one.arms if arm.model not in registry.models]
            if one.ended is None and gone:
                self.file.stop(one.name, f"model {gone[0]!r} is not registered any more.")
            elif one.ended is None and active and registry.origin(active) != one.live:
                self.file.stop(one.name, f"model {active!r} was activated.")

    def _guard(self) -> None:
        """End an experiment of which an arm fails. Raises ServiceError."""
        comparing = self._comparing
        why = "" if comparing is None else tripped(comparing.experiment.guard, comparing.records)
        if comparing is not None and why:
            self._comparing = None
            self.file.stop(comparing.experiment.name, why)
            self.service.trouble = f"experiment {comparing.experiment.name!r} was stopped: {why}"

    def _count(self, chosen: Chosen[S], failed: bool, seconds: float) -> None:
        comparing, (name, letter) = self._comparing, chosen.names
        if comparing is None or chosen.arm is None or comparing.experiment is not chosen.experiment:
            return
        comparing.records[chosen.arm].add(failed, seconds)
        model = chosen.served.entry.name
        result = "failed" if failed else "done"
        self.service.metrics.arms.labels(name, letter, model, result).inc()
        self.service.metrics.arm_seconds.labels(name, letter).observe(seconds)


def _running(found: dict[str, Experiment], mode: Mode) -> Experiment | None:
    return next((one for one in found.values() if one.mode == mode and one.ended is None), None)


def _changed(path: Any) -> int:
    """When a file was changed, in nanoseconds; 0 where there is none."""
    try:
        return int(path.stat().st_mtime_ns)
    except OSError:
        return 0
