"""Answers of the service, as msgspec writes and OpenAPI describes them."""

from __future__ import annotations

from typing import Any

import msgspec

Id = str | int


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A JSON object; fields with default values are left out."""


class ListedItem(Answer, kw_only=True):
    """An item of a list: ``rank`` from 1; ``why``: the strongest reasons in words;
    ``probability``: of this item at this place, in lists that explore."""

    id: Id
    score: float
    rank: int
    title: str | None = None
    fields: dict[str, Any] | None = None
    why: list[str] | None = None
    probability: float | None = None


class ListAnswer(Answer, kw_only=True):
    """A list. ``cold``: nothing is known of the user; ``list_id``: for further pages, and for
    events and impressions that come of the list; ``experiment``, ``arm``: that of an A/B
    experiment, whose ``model`` answered."""

    list_id: str
    model: str
    items: list[ListedItem]
    scenario: str | None = None
    cold: bool = False
    experiment: str | None = None
    arm: str | None = None


class UserList(Answer, kw_only=True):
    """The list of one user of a batch, and the model that made it."""

    user: Id
    items: list[ListedItem]
    model: str


class Refused(Answer, kw_only=True):
    """One part of a request that was refused: its place, from 0, and why."""

    index: int
    code: str
    detail: str


class BatchAnswer(Answer, kw_only=True):
    """Lists of users, in their order, and the users who are unknown."""

    model: str
    results: list[UserList]
    errors: list[Refused] = []


class SimilarItems(Answer, kw_only=True):
    """The items most similar to one."""

    item: Id
    items: list[ListedItem]


class SimilarAnswer(Answer, kw_only=True):
    """Similar items of each item that was asked about."""

    model: str
    results: list[SimilarItems]


class FoundItem(Answer, kw_only=True):
    """An item that was found; ``found_by``: what matched."""

    id: Id
    score: float
    rank: int
    title: str | None = None
    found_by: str | None = None


class SearchAnswer(Answer, kw_only=True):
    """The items found, best first."""

    model: str
    items: list[FoundItem]


class ScoresAnswer(Answer, kw_only=True):
    """The scores of pairs, in their order: ``score`` orders a user's items; of the rating model
    ``like`` (0 to 1) and ``rating``."""

    model: str
    scores: list[dict[str, Any]]


class WhyAnswer(Answer, kw_only=True):
    """An explanation, a counterfactual, or a comparison, with the fields of its ``to_dict``; people
    other than the one who asks are numbers."""

    model: str
    answer: dict[str, Any]


class RowsAnswer(Answer, kw_only=True):
    """A table, row by row, with the columns that the method of Python returns; ``next``: cursor of
    the next page, where it comes in pages."""

    model: str
    rows: list[dict[str, Any]]
    next: str | None = None


class VectorsAnswer(Answer, kw_only=True):
    """Vectors in the order of ``ids``."""

    model: str
    ids: list[Id]
    vectors: list[list[float]]


class RulesAnswer(Answer, kw_only=True):
    """The rules of the model that answers; ``hash``: of the last entry of their log."""

    model: str
    toml: str
    hash: str


class StoredAnswer(Answer, kw_only=True):
    """What was stored: ``sequence``, the number of the last record; ``effective``: "now", or
    "never" for what does not fit the graph."""

    accepted: int
    sequence: int
    effective: str
    duplicate: int = 0
    rejected: list[Refused] = []


class PastEvent(Answer, kw_only=True):
    """One event of a user; ``number``: its record in the log, for those that came over HTTP."""

    item: Id
    timestamp: int | None = None
    event: str | None = None
    rating: float | None = None
    title: str | None = None
    number: int | None = None


class HistoryAnswer(Answer, kw_only=True):
    """Events of a user, the latest first; ``next``: cursor of the next page."""

    user: Id
    events: list[PastEvent]
    total: int
    next: str | None = None


class NodeAnswer(Answer, kw_only=True):
    """A node of the graph with its attributes; ``counts``: its edges by relation."""

    label: str
    id: Id
    name: str
    attributes: dict[str, Any]
    counts: dict[str, int]


class NodesAnswer(Answer, kw_only=True):
    """Nodes with a name like the one asked for."""

    nodes: list[dict[str, Any]]


class NeighboursAnswer(Answer, kw_only=True):
    """Edges of a node; ``total``: how many there are; ``next``: cursor of the next page."""

    edges: list[dict[str, Any]]
    total: int
    next: str | None = None


class PathsAnswer(Answer, kw_only=True):
    """Paths between two nodes, shortest first."""

    paths: list[dict[str, Any]]


class SubgraphAnswer(Answer, kw_only=True):
    """A part of the graph; ``left_out``: nodes that were reached but not kept."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    left_out: int


class ModelAnswer(Answer, kw_only=True):
    """A model of the registry; ``erased``: with how many people since erased it was trained; of the
    one that answers also its settings, the epochs of its training, and the trials of its tuning.
    ``choices``: of one model, what its fit chose and why (`kgrec why-model`); absent where that was
    not kept."""

    name: str
    added: int
    active: bool
    note: str = ""
    folded_until: int = 0
    erased: int = 0
    settings: dict[str, Any] | None = None
    history: list[dict[str, Any]] | None = None
    tuning: list[dict[str, Any]] | None = None
    choices: list[dict[str, Any]] | None = None


class ModelsAnswer(Answer, kw_only=True):
    """The models of the registry, the oldest first; ``next``: cursor of the next page;
    ``trainings``: the latest ones of a next model, with what the comparison found, the latest
    first."""

    models: list[ModelAnswer]
    active: str | None = None
    next: str | None = None
    trainings: list[dict[str, Any]] = []


class ActivationAnswer(Answer, kw_only=True):
    """A change of the model that answers."""

    when: int
    who: str
    name: str
    before: str | None = None
    reason: str = ""


class ActivationsAnswer(Answer, kw_only=True):
    """Changes of the model that answers, the latest first; ``next``: cursor of the next page."""

    history: list[ActivationAnswer]
    next: str | None = None


class JobAnswer(Answer, kw_only=True):
    """Work in another process: ``state`` is "running", "done", "failed" or "stopped"; ``receipt``:
    what an erasure removed where; ``result``: a report."""

    id: str
    kind: str
    state: str
    started: int
    ended: int | None = None
    model: str | None = None
    detail: str = ""
    receipt: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


class JobsAnswer(Answer, kw_only=True):
    """The last jobs since the start of the service, the latest first, without their results;
    ``next``: cursor of the next page."""

    jobs: list[JobAnswer]
    next: str | None = None


class StoreAnswer(Answer, kw_only=True):
    """The store of the graph: its address; ``lacks``: records of the log that it does not have
    yet, ``written_until``: the last that it has; ``trouble``: why it can't be used, since the unix
    seconds ``since``; ``refused``: how many records it refused, and the numbers of the last of
    them; ``followed``: rows of others that came from it since the start, ``passed_over``: those
    that could not."""

    address: str
    lacks: int
    written_until: int
    refused: int = 0
    last_refused: list[int] = []
    trouble: str = ""
    since: int | None = None
    followed: int = 0
    passed_over: int = 0


class StatusAnswer(Answer, kw_only=True):
    """The state of the service. ``trouble``: what went wrong last without anybody who asked;
    ``store``: how far the store of the graph is behind the log, where there is one;
    ``drift``: why a new fit is needed, and the latest alarms since the start;
    ``scenarios``: those that the model knows; ``may``: the scopes of who asks; ``examples``: some
    users, for whoever asks without keys on the machine itself; ``experiment``: the A/B experiment
    that runs; ``shadow``: what a shadow did."""

    version: str
    model: str
    model_since: int
    users: int
    items: int
    entities: int
    interactions: int
    log_records: int
    folded_until: int
    live_events: int
    processes: int
    in_flight: int
    slow: int
    trouble: str = ""
    store: StoreAnswer | None = None
    drift: list[str] = []
    scenarios: list[str] = []
    may: list[str] = []
    examples: list[Id] = []
    experiment: str | None = None
    shadow: dict[str, Any] | None = None


class DriftStream(Answer, kw_only=True):
    """A stream of events: all, of new users, or of a scenario; how many came since its mean gain
    changed, and this gain, 0 to 1."""

    name: str
    window: int
    gain: float | None = None


class DriftAnswer(Answer, kw_only=True):
    """How well lists find arriving events: ``evaluated`` since the start, ``skipped`` without it;
    ``alarms``: the last hundred, the latest first, also of earlier runs."""

    evaluated: int
    skipped: int
    streams: list[DriftStream]
    alarms: list[dict[str, Any]]


class HealthAnswer(Answer, kw_only=True):
    """Whether the service lives, or answers."""

    status: str
