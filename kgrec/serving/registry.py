"""Root: the folder of a service, and the registry of its models.

::

    service/
      registry.json   the models, which one answers, who changed that, when and why, and trainings
      events.log      what the service was sent since
      audit.log       who asked for what; older files are audit.log.1, …
      keys.json       hashes of the keys
      drift.json      the last alarms of drift, if there were any
      store.json      until which record the store has the log, and until when it was followed
      refused.jsonl   records that the store refused, if there are any
      erased.json     keyed hashes of the people who were erased, if any were
      models/         folders of models that the service made

The registry is replaced as a whole. The service looks at it every second, so that a model is
activated over HTTP or by ``kgrec models``, in this process or another.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.files import put_text, read_json
from graph_schema.disk.locks import held
from kgrec.errors import RequestError, ServiceError, reason

_VERSION: Final = 1
_TRAININGS: Final = 100  # that are kept
_REGISTRY, _LOG, _KEYS, _MODELS = "registry.json", "events.log", "keys.json", "models"
_DRIFT, _AUDIT = "drift.json", "audit.log"
_POSITIONS, _REFUSED = "store.json", "refused.jsonl"
_ERASED, _MANIFEST = "erased.json", "manifest.json"  # the latter of a model


@dataclass(frozen=True)
class ModelEntry:
    """A model of the registry.

    Attributes
    ----------
    name : str
    folder : str
        Where it lies; relative to the root for those that the service made.
    added : int
        Unix seconds.
    note : str
        What it is, for people.
    folded_until : int
        Number of the last record of the log that its graph has.
    made_from : str
        The model whose parameters it has with a later graph, for a fold; "" for its own.
    """

    name: str
    folder: str
    added: int
    note: str = ""
    folded_until: int = 0
    made_from: str = ""

    @property
    def origin(self) -> str:
        """Name of the model that its parameters were trained in: its own, or that of a fold."""
        return self.made_from or self.name


@dataclass(frozen=True)
class Activation:
    """One change of the model that answers; ``before`` is None for the first."""

    when: int
    who: str
    before: str | None
    name: str
    reason: str = ""


@dataclass(frozen=True)
class Training:
    """A training of the next model, and how it compared with the model that answered.

    Attributes
    ----------
    when : int
        Unix seconds.
    live : str
        The model that answered.
    name : str
        The new model; "" where it was not kept, as it lost or there was too little to compare.
    until : int
        Number of the last record of the log that it read.
    reason : str
        Why it was kept or not.
    figures : dict
        Rows, users, the metric of both with an interval, overall and by scenario.
    """

    when: int
    live: str
    name: str
    until: int
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """The models of a root, by name, the activations, and the latest trainings; oldest first."""

    models: dict[str, ModelEntry] = field(default_factory=dict)
    history: tuple[Activation, ...] = ()
    trainings: tuple[Training, ...] = ()

    @property
    def active(self) -> str | None:
        """Name of the model that answers; None before the first activation."""
        return self.history[-1].name if self.history else None

    @property
    def previous(self) -> str | None:
        """Name of the model that answered before, if it is still registered."""
        before = [one.before for one in self.history if one.name == self.active]
        return before[-1] if before and before[-1] in self.models else None

    def entry(self, name: str) -> ModelEntry:
        """A model. Raises RequestError for an unknown name."""
        found = self.models.get(name)
        if found is None:
            known = ", ".join(self.models) or "none"
            raise RequestError(f"no model is called {name!r}; there are: {known}.")
        return found

    def origin(self, name: str) -> str:
        """Name of the model that a model's parameters were trained in. Raises RequestError."""
        return self.entry(name).origin

    def latest(self, name: str) -> ModelEntry:
        """The model with the same parameters and the latest graph. Raises RequestError."""
        origin = self.origin(name)
        same = [entry for entry in self.models.values() if entry.origin == origin]
        return max(same, key=lambda entry: (entry.folded_until, entry.added))

    def with_model(self, entry: ModelEntry) -> Registry:
        """The registry with one more model. Raises RequestError for a name that is taken."""
        if entry.name in self.models:
            raise RequestError(f"another model is called {entry.name!r}; choose another name.")
        return replace(self, models={**self.models, entry.name: entry})

    def activated(self, name: str, who: str, reason: str, expected: str | None = None) -> Registry:
        """The registry with ``name`` as the model that answers.

        Raises RequestError for an unknown name, and where another model than ``expected`` answers.
        """
        self.entry(name)
        if expected is not None and expected != self.active:
            raise RequestError(
                f"the model that answers is {self.active!r}, not {expected!r}: somebody changed "
                "it; look at the history, then ask again."
            )
        change = Activation(int(time.time()), who, self.active, name, reason)
        return replace(self, history=(*self.history, change))


@dataclass(frozen=True)
class Root:
    """The folder of a service."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> Root:
        """The root at ``folder``, which is made where there is none. Raises ServiceError."""
        try:
            (folder / _MODELS).mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise ServiceError(
                f"{folder}: the service's folder can't be made ({reason(error)}); choose a place "
                "that permits writing."
            ) from error
        return Root(folder.resolve())

    @property
    def log(self) -> Path:
        """The file of events."""
        return self.folder / _LOG

    @property
    def audit(self) -> Path:
        """The file of who asked for what."""
        return self.folder / _AUDIT

    @property
    def keys(self) -> Path:
        """The file of keys."""
        return self.folder / _KEYS

    @property
    def tombstones(self) -> Path:
        """The file with the keyed hashes of the people who were erased."""
        return self.folder / _ERASED

    @property
    def drift(self) -> Path:
        """The file of the last alarms of drift."""
        return self.folder / _DRIFT

    @property
    def positions(self) -> Path:
        """The file that says how far stores have the log."""
        return self.folder / _POSITIONS

    @property
    def refused(self) -> Path:
        """The file of records that a store refused."""
        return self.folder / _REFUSED

    @property
    def registry_file(self) -> Path:
        """The file of the registry."""
        return self.folder / _REGISTRY

    def folder_of(self, entry: ModelEntry) -> Path:
        """Where a model lies. Raises ServiceError for a relative place out of the root."""
        place = self.folder / entry.folder
        if not Path(entry.folder).is_absolute() and not place.resolve().is_relative_to(self.folder):
            raise ServiceError(
                f"{self.registry_file}: the folder of model {entry.name!r} leads out of "
                f"{self.folder}; add the model again with kgrec models add."
            )
        return place

    def erased(self, entry: ModelEntry) -> int:
        """With how many people since erased a model was trained; 0 where its folder is missing."""
        try:
            manifest = json.loads((self.folder_of(entry) / _MANIFEST).read_text("utf-8"))
            return int(manifest["erased"]["people"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def last_erasure(self, entry: ModelEntry) -> int | None:
        """When people were erased from a model's folder last, in nanoseconds; None: never."""
        try:
            return (self.folder_of(entry) / _ERASED).stat().st_mtime_ns
        except OSError:
            return None

    def new_folder(self, name: str) -> Path:
        """Where a model that the service makes will lie."""
        return self.folder / _MODELS / name

    def read(self) -> Registry:
        """The registry; an empty one where there is none. Raises ServiceError."""
        try:
            content = read_json(self.registry_file)
            return _registry(content)
        except FileNotFoundError:
            return Registry()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ServiceError(
                f"{self.registry_file} can't be read ({reason(error)}); put back a copy, or delete "
                "it and add the models again with kgrec models add."
            ) from error

    @contextmanager
    def changing(self) -> Iterator[list[Registry]]:
        """A list with the registry; what the block puts in its place is written at the end.

        Other writers wait meanwhile. Raises ServiceError.
        """
        with held(self.folder / _MODELS, wait=True):
            registry = [self.read()]
            yield registry
            content = {
                "version": _VERSION,
                "models": [asdict(entry) for entry in registry[0].models.values()],
                "history": [asdict(change) for change in registry[0].history],
                "trainings": [asdict(one) for one in registry[0].trainings],
            }
            try:
                put_text(self.registry_file, json.dumps(content, indent=1), private=True)
            except OSError as error:
                raise ServiceError(
                    f"{self.registry_file} can't be written ({reason(error)}); free some space or "
                    "permit writing there."
                ) from error

    def add(
        self,
        name: str,
        folder: Path,
        note: str = "",
        folded_until: int = 0,
        made_from: str = "",
    ) -> ModelEntry:
        """Register the model at ``folder``. Raises RequestError, ServiceError."""
        check_name(name)
        place = folder.resolve()
        inside = place.is_relative_to(self.folder)
        shown = str(place.relative_to(self.folder)) if inside else str(place)
        entry = ModelEntry(name, shown, int(time.time()), note, folded_until, made_from)
        with self.changing() as registry:
            registry[0] = registry[0].with_model(entry)
        return entry

    def activate(
        self, name: str, who: str, reason: str = "", expected: str | None = None
    ) -> Activation:
        """Let a model answer. Raises RequestError, ServiceError."""
        with self.changing() as registry:
            registry[0] = registry[0].activated(name, who, reason, expected)
        return registry[0].history[-1]

    def drop_old_folds(self, kept: int) -> list[str]:
        """Remove the models that folds made, with their folders, but the latest ``kept``; the
        active one, the one before it and the latest of each training stay, too.

        Returns the names of those that left. Raises ServiceError.
        """
        with self.changing() as registry:
            found = registry[0]
            used = {found.active, found.previous, *(found.latest(one).name for one in found.models)}
            folds = [one for one in found.models.values() if one.made_from]
            gone = [one for one in folds[: max(len(folds) - kept, 0)] if one.name not in used]
            names = {one.name for one in gone}
            left = {name: one for name, one in found.models.items() if name not in names}
            registry[0] = replace(found, models=left)
        for one in gone:
            shutil.rmtree(self.folder_of(one), ignore_errors=True)
        return sorted(names)

    def note_training(self, training: Training) -> None:
        """Keep what a training found. Raises ServiceError."""
        with self.changing() as registry:
            kept = (*registry[0].trainings, training)[-_TRAININGS:]
            registry[0] = replace(registry[0], trainings=kept)


def check_name(name: str) -> str:
    """A model's name. Raises RequestError for one that can't be that of a folder."""
    if not name or not all(sign.isalnum() or sign in "-_." for sign in name) or name[0] == ".":
        raise RequestError(
            f"{name!r} is no name of a model; use letters, digits, '-', '_' and '.', the first not "
            "a '.'."
        )
    return name


def _registry(content: dict[str, Any]) -> Registry:
    if content["version"] != _VERSION:
        raise ValueError(f"version {content['version']} is not {_VERSION}: another kgrec wrote it")
    entries = [ModelEntry(**entry) for entry in content["models"]]
    history = tuple(Activation(**change) for change in content["history"])
    trainings = tuple(Training(**one) for one in content.get("trainings", ()))
    return Registry({entry.name: entry for entry in entries}, history, trainings)
