"""Answers to the operator of a service."""

from __future__ import annotations

from typing import Any

from kgrec.serving.verbs.answers import Answer, Id


class RefusedLine(Answer, kw_only=True):
    """A line that was refused: its number, from 1, and why."""

    line: int
    code: str
    detail: str


class BulkAnswer(Answer, kw_only=True):
    """What became of the lines: how many were accepted, were known already (``duplicate``), and
    were refused; ``errors``: the first thousand of these; ``sequence``, ``effective``: as of other
    writes."""

    lines: int
    accepted: int
    sequence: int
    effective: str
    duplicate: int = 0
    refused: int = 0
    errors: list[RefusedLine]


class FactAnswer(Answer, kw_only=True):
    """An edge of the graph between items, entities and users."""

    head: Id
    head_type: str
    relation: str
    tail: Id
    tail_type: str


class FactsAnswer(Answer, kw_only=True):
    """Facts of the graph that answers; ``next``: cursor of the next page."""

    facts: list[FactAnswer]
    total: int
    next: str | None = None


class RerankedAnswer(Answer, kw_only=True):
    """Lists in which a group of items has ``share`` of the exposure; ``boost``: for one more user;
    ``score_loss``: what it cost."""

    model: str
    rows: list[dict[str, Any]]
    boost: float
    share: float
    share_before: float
    score_loss: float


class CypherAnswer(Answer, kw_only=True):
    """Rows of a query; ``more``: there are others, which were left out."""

    rows: list[dict[str, Any]]
    more: bool = False


class AuditEntry(Answer, kw_only=True):
    """A request: ``number`` from 1, unix seconds, name of the key, method, route, status; ``of``:
    the model that the address names; ``left_out``: refused requests before it that have no entry;
    ``before``, ``hash``: of the entry before and of this one."""

    number: int
    time: int
    who: str
    method: str
    route: str
    status: int
    request: str
    before: str
    hash: str
    of: str = ""
    people: bool = False
    left_out: int = 0


class AuditAnswer(Answer, kw_only=True):
    """Entries of the audit log, the latest first; ``next``: cursor of the next page."""

    entries: list[AuditEntry]
    next: str | None = None
