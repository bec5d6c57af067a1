"""Cypher that reads the store of the graph, and the audit log."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

import msgspec

from kgrec.serving.audit import entries_of
from kgrec.serving.problems import Problem
from kgrec.serving.service import Service
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.operator.answers import AuditAnswer, AuditEntry, CypherAnswer
from kgrec.serving.verbs.operator.bodies import CypherBody

_PAGE, _MOST = 100, 1_000


def cypher(service: Service, body: CypherBody, call: Call) -> CypherAnswer:
    """Rows of a query that only reads the store of the graph; it ends after ``slow_seconds``."""
    if service.graph_store is None:
        raise Problem(
            409, "no_store", "this service has no store; start it with --store, as kgrec load has."
        )
    seconds = service.config.slow_seconds
    rows = service.graph_store.get().query(
        body.cypher, body.parameters, rows=body.rows + 1, seconds=seconds
    )
    plain = msgspec.to_builtins(rows[: body.rows], enc_hook=str, str_keys=True)
    return CypherAnswer(rows=plain, more=len(rows) > body.rows)


def audit(service: Service, body: None, call: Call) -> AuditAnswer:
    """Who asked for what and when, the latest first: changes of the graph, models, rules and jobs,
    what was refused for want of a key or scope, and requests that show people."""
    limit, before = call.count("limit", _PAGE, _MOST), call.cursor()
    found = entries_of(service.root.audit)
    wanted = (one for one in found if not before or one.number < before)
    entries = [AuditEntry(**asdict(one), hash=one.hash) for one in islice(wanted, limit)]
    more = bool(entries) and entries[-1].number > 1 and next(wanted, None) is not None
    return AuditAnswer(entries=entries, next=str(entries[-1].number) if more else None)
