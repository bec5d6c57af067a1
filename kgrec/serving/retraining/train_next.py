"""The next model of a service: trained on what came, and kept only where it does not lose."""

from __future__ import annotations

import time

from kgrec.errors import RequestError, TrainingError
from kgrec.recommender import Recommender
from kgrec.rules import RuleFolder
from kgrec.serving.event_log import Record, records_of
from kgrec.serving.fold import add_records, learned
from kgrec.serving.live_graph import allowed, without_erased
from kgrec.serving.registry import ModelEntry, Registry, Root, Training
from kgrec.serving.retraining.gate import GateVerdict, judge
from kgrec.serving.retraining.newest import NewestRows, split_newest
from kgrec.serving.retraining.settings import TrainSettings, trained_name
from kgrec.stores.people.erased_people import Tombstones


def train_next(root: Root, live: str, new: str, until: int, settings: TrainSettings) -> Training:
    """Train the model ``new`` on the graph of ``live`` and the records until number ``until``.

    The newest events are held out of two models: the one that answers, as it was trained, with the
    records before them folded in; and the new one, trained on just that graph. Where the new one
    does not lose, it gets the newest events folded in, and is saved and registered.

    Returns
    -------
    Training
        What was found; the registry keeps it.

    Raises
    ------
    KgrecError
        Where a model can't be read, trained or written; then nothing has changed.
    """
    registry = root.read()
    entry, origin = registry.entry(live), _origin(registry, live)
    if new in registry.models:
        raise RequestError(f"model {new!r} was trained on these events already; wait for others.")
    records = list(_since(root, origin, until))
    parts = split_newest(records, settings.share)
    before = Recommender.load(root.folder_of(origin))
    without_erased(before, Tombstones.read(root.tombstones))
    add_records(before, parts.before)
    rows = NewestRows.of(before, parts.newest)
    try:
        rows.check(settings.rule.users)
        candidate = _trained(before, settings)
        verdict = judge(before, candidate, rows, settings.rule)
    except (RequestError, TrainingError) as error:
        verdict = GateVerdict(False, str(error), {"rows": rows.rows, "left_out": rows.left_out})
    if verdict.passed:
        add_records(candidate, parts.newest)
        folder = root.new_folder(new)
        learned(candidate).save(folder)
        root.add(new, folder, f"trained after {entry.name}, on the records until {until}", until)
    kept = new if verdict.passed else ""
    done = Training(int(time.time()), live, kept, until, verdict.reason, verdict.figures)
    root.note_training(done)
    return done


def train_and_activate(root: Root, settings: TrainSettings, who: str | None) -> Training:
    """``train_next`` for all records so far; where the new model does not lose, it gets the rules
    of the one before, and answers. ``who``: activates it; None: nobody does.

    Raises RequestError where no model answers, or another one does at the end; KgrecError.
    """
    registry = root.read()
    if registry.active is None:
        raise RequestError("no model answers yet; activate one, then train the next.")
    live = registry.entry(registry.active)
    records = records_of(root.log) if root.log.exists() else iter(())
    until = max((record["number"] for record in records), default=0)
    done = train_next(root, live.name, trained_name(live, until), until, settings)
    if done.name and who is not None:
        folder = root.folder_of(root.read().entry(done.name))
        RuleFolder(root.folder_of(live)).copy_to(folder)
        root.activate(done.name, who, done.reason, live.name)
    return done


def _origin(registry: Registry, live: str) -> ModelEntry:
    """The model as it was trained: its folds have seen events that are held out here."""
    return registry.models.get(registry.origin(live), registry.entry(live))


def _since(root: Root, origin: ModelEntry, until: int) -> list[Record]:
    tombstones = Tombstones.read(root.tombstones)
    records = records_of(root.log) if root.log.exists() else iter(())
    return [
        record
        for record in allowed(records, tombstones)
        if origin.folded_until < record["number"] <= until
    ]


def _trained(before: Recommender, settings: TrainSettings) -> Recommender:
    """A model of the same settings and graph, with a rating model where the other has one."""
    state = before.state
    candidate = Recommender(state.config).fit(
        state.full_snapshot, seed=settings.seed, effort=settings.effort
    )
    if state.rating_model is not None:
        candidate.fit_ratings(state.config.ratings.like, seed=settings.seed)
    return candidate
