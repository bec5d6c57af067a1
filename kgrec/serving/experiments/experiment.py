"""Experiment: which models are compared, on which users, and when that ends; and their file."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from graph_schema.disk.files import put_text
from graph_schema.disk.locks import held
from kgrec.errors import RequestError, ServiceError, reason
from kgrec.metrics.sequential import StopRule
from kgrec.serving.registry import Registry, Root, check_name

Mode = Literal["ab", "shadow"]
LETTERS: Final = ("a", "b")
_FILE, _LOCK = "experiments.json", "models"
_VERSION: Final = 1
_HASHED: Final = 2.0**64


@dataclass(frozen=True)
class Arm:
    """A model, with whatever graph its folds have, and the share of the users that it answers; of
    a shadow, the share of requests."""

    model: str
    share: float


@dataclass(frozen=True)
class Reward:
    """What counts as a user's reward.

    Attributes
    ----------
    event : str or None
        The kind of event, such as "buy"; None: every kind.
    rated : float or None
        The rating from which an event counts; None: whatever its rating.
    hours : float
        Events count that come within so many hours of the user's first list in the experiment.
    most : int
        So many events count at most.
    linked : bool
        Whether only events with a ``list_id`` count.
    """

    event: str | None = None
    rated: float | None = None
    hours: float = 24.0
    most: int = 10
    linked: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.hours <= 24 * 366:
            raise RequestError(f"hours is {self.hours}; give a time above 0 and below a year.")
        if not 1 <= self.most <= 1_000:
            raise RequestError(f"most is {self.most}; give 1 to 1,000 events.")


@dataclass(frozen=True)
class Guard:
    """What ends an A/B experiment at once, of the last answers of an arm.

    Attributes
    ----------
    errors : float
        The share of answers that fail, where the other arm fails less often.
    seconds : float
        The time within which 95 % of the answers are to come.
    """

    errors: float = 0.02
    seconds: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.errors <= 1.0 or not 0.0 < self.seconds < 3_600:
            raise RequestError("of a guard, errors is a share and seconds a time, both above 0.")


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes
    ----------
    name : str
    mode : {"ab", "shadow"}
    arms : tuple of Arm
        Two models, "a" and "b", of which one is the model that answers; of a shadow the one model
        that answers beside it.
    live : str
        The model that answered at the start; when another one does, the experiment ends.
    salt : str
        Joined to the users' ids before they are hashed, so that each experiment deals anew.
    started, ended : int
        Unix seconds; ``ended`` is None while it runs.
    who, why : str
        Who started it, and why it ended.
    reward, stop, guard : Reward, StopRule, Guard
    """

    name: str
    mode: Mode
    arms: tuple[Arm, ...]
    live: str
    salt: str
    started: int
    who: str
    reward: Reward = field(default_factory=Reward)
    stop: StopRule = field(default_factory=StopRule)
    guard: Guard = field(default_factory=Guard)
    ended: int | None = None
    why: str = ""

    def arm_of(self, who: str) -> int:
        """The place of the arm of a user, or of a history's first item: equal for equal ids."""
        digest = hashlib.sha256(f"{self.salt}\0{who}".encode("utf-8", "surrogatepass")).digest()
        place = int.from_bytes(digest[:8], "big") / _HASHED
        return 0 if place < self.arms[0].share else 1

    def stopped(self, why: str) -> Experiment:
        """The same experiment, ended now."""
        return replace(self, ended=int(time.time()), why=why)


def check_arms(mode: Mode, arms: tuple[Arm, ...], registry: Registry) -> None:
    """Raise RequestError for arms that are no experiment."""
    wanted = 2 if mode == "ab" else 1
    if len(arms) != wanted:
        raise RequestError(
            f"{len(arms)} arms are given; an experiment of the mode {mode!r} has {wanted}."
        )
    if any(not 0.0 < arm.share <= 1.0 for arm in arms):
        raise RequestError("the share of an arm lies above 0 and is at most 1.")
    if mode == "ab" and abs(sum(arm.share for arm in arms) - 1.0) > 1e-9:
        raise RequestError(f"the shares sum to {sum(arm.share for arm in arms):g}; they must be 1.")
    origins = [registry.origin(arm.model) for arm in arms]
    if registry.active is None:
        raise RequestError("no model answers yet; activate one, then compare another with it.")
    live = registry.origin(registry.active)
    if len(set(origins)) < wanted:
        raise RequestError("both arms have the same model; compare two.")
    if mode == "ab" and live not in origins:
        raise RequestError(f"no arm is the model that answers, {registry.active!r}; let one be.")
    if mode == "shadow" and live in origins:
        raise RequestError(f"{registry.active!r} answers already; give another model as shadow.")


@dataclass(frozen=True)
class Experiments:
    """The file of a root's experiments; one of each mode runs at a time."""

    root: Root

    @property
    def file(self) -> Path:
        """Where they are kept."""
        return self.root.folder / _FILE

    def read(self) -> dict[str, Experiment]:
        """All experiments by name, those that ended too. Raises ServiceError."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._damaged(reason(error)) from error
        try:
            found = msgspec.json.decode(content, type=_Content)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        if found.version != _VERSION:
            raise self._damaged(f"version {found.version} is not {_VERSION}")
        return {one.name: one for one in found.experiments}

    def running(self, mode: Mode) -> Experiment | None:
        """The experiment of a mode that runs. Raises ServiceError."""
        found = [one for one in self.read().values() if one.mode == mode and one.ended is None]
        return found[0] if found else None

    def start(
        self, name: str, mode: Mode, arms: tuple[Arm, ...], who: str, **settings: Any
    ) -> Experiment:
        """Start an experiment; ``settings``: ``salt``, ``reward``, ``stop``, ``guard``.

        Raises RequestError for arms that are no experiment, a name that is taken, and where another
        one of this mode runs; ServiceError.
        """
        registry = self.root.read()
        fresh = self.planned(name, mode, arms, who, registry, **settings)
        with self._changing() as found:
            if name in found:
                raise RequestError(f"another experiment is called {name!r}; choose another name.")
            runs = [one for one in found.values() if one.mode == mode and one.ended is None]
            if runs:
                raise RequestError(f"experiment {runs[0].name!r} runs; stop it first.")
            found[name] = fresh
        return fresh

    @staticmethod
    def planned(
        name: str,
        mode: Mode,
        arms: tuple[Arm, ...],
        who: str,
        registry: Registry,
        **settings: Any,
    ) -> Experiment:
        """The experiment that ``start`` would start. Raises RequestError."""
        check_name(name)
        check_arms(mode, arms, registry)
        given = {name: value for name, value in settings.items() if value is not None}
        given.setdefault("salt", secrets.token_hex(8))
        live = registry.origin(registry.active or "")
        arms = tuple(replace(arm, model=registry.origin(arm.model)) for arm in arms)
        return Experiment(name, mode, arms, live, started=int(time.time()), who=who, **given)

    def stop(self, name: str, why: str) -> Experiment:
        """End an experiment; one that has ended stays as it is. Raises RequestError,
        ServiceError."""
        with self._changing() as found:
            if name not in found:
                raise unknown(name, found)
            if found[name].ended is None:
                found[name] = found[name].stopped(why)
        return found[name]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Experiment]]:
        """The experiments, which are written at the end; other writers wait meanwhile."""
        with held(self.root.folder / _LOCK, wait=True):
            found = self.read()
            yield found
            content = msgspec.json.encode(_Content(_VERSION, tuple(found.values())))
            text = msgspec.json.format(content, indent=1).decode()
            try:
                put_text(self.file, text, private=True)
            except OSError as error:
                raise ServiceError(
                    f"{self.file} can't be written ({reason(error)}); free some space or permit "
                    "writing there."
                ) from error

    def _damaged(self, why: str) -> ServiceError:
        return ServiceError(
            f"{self.file} can't be read ({why}); put back a copy, or delete it: experiments end "
            "then, and the model that is active answers everybody."
        )


def unknown(name: str, found: Mapping[str, Experiment]) -> RequestError:
    """The error for a name that no experiment has."""
    return RequestError(
        f"no experiment is called {name!r}; there are: {', '.join(found) or 'none'}."
    )


@dataclass(frozen=True)
class _Content:
    version: int
    experiments: tuple[Experiment, ...]
