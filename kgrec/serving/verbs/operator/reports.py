"""Reports as jobs, saved pages, lists with a share of exposure, and the facts of the graph."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.tables import Facts
from kgrec.paths.index import Constraints
from kgrec.query import Query
from kgrec.serving.jobs import Jobs
from kgrec.serving.problems import Problem
from kgrec.serving.reporting.reports import Report
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import JobAnswer
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import ids_of, limits_of, query_of, where_of
from kgrec.serving.verbs.operator.answers import FactAnswer, FactsAnswer, RerankedAnswer
from kgrec.serving.verbs.operator.bodies import PageBody, RerankBody
from kgrec.serving.verbs.tables import plain_rows

_PAGE, _MOST = 100, 1_000
_PEOPLE = ("User", "user")


class ReportVerbs:
    """The verbs that need the jobs of the service."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def report(self, service: Service, body: Report, call: Call) -> JobAnswer:
        """Report about a model, in another process: quality, fairness, model card, suspicious
        items, or the reward by explored lists; the job has the ``result`` when it is done."""
        name = service.served.entry.name if body.model is None else body.model
        if name not in service.registry.models:
            raise Problem(404, "unknown_model", f"no model is called {name!r}.")
        return self._jobs.report(name, body)

    async def stop(self, service: Service, body: None, call: Call) -> JobAnswer:
        """Stop a job that runs; what it made is removed or was never there."""
        return await self._jobs.stop_one(call.path["id"], call.who)


def page(service: Service, body: PageBody, call: Call) -> bytes:
    """One HTML page about a user: the list, the reasons, and the graph to click through."""
    served = service.served
    query, _ = query_of(served, body)
    if limits_of(served, body) is not None and (body.candidates or body.where or body.exclude):
        raise Problem(422, "invalid_request", "a page has no conditions; leave them out.")
    with tempfile.TemporaryDirectory(prefix="kgrec-") as folder:
        place = Path(folder) / "page.html"
        served.model.page(
            query, place, k=body.k, paths=body.paths, title=body.title, foot=body.foot
        )
        return place.read_bytes()


def rerank(service: Service, body: RerankBody, call: Call) -> RerankedAnswer:
    """The best lists in which a group of items has a share of the exposure."""
    served = service.served
    found = served.model.rerank(
        Query(users=ids_of(body.users), scenario=body.scenario, horizon=body.horizon),
        group=body.group if isinstance(body.group, str) else where_of(body.group),
        share=body.share,
        boost=body.boost,
        k=body.k,
        exclude_seen=body.exclude_seen,
        constraints=limits_of(served, body) or Constraints(),
    )
    return RerankedAnswer(
        model=served.entry.name,
        rows=plain_rows(found.frame),
        boost=float(found.boost),
        share=float(found.share),
        share_before=float(found.share_before),
        score_loss=float(found.score_loss),
    )


def facts(service: Service, body: None, call: Call) -> FactsAnswer:
    """Facts of the graph that answers, page by page; those of people only with ``people=true``."""
    limit, start = call.count("limit", _PAGE, _MOST), call.cursor()
    snapshot, total = service.served.model.snapshot, 0
    found: list[FactAnswer] = []
    for block in snapshot.facts:
        if not _is_asked_for(block, call):
            continue
        rows = _rows(snapshot, block, call)
        first = max(start - total, 0)
        left = limit - len(found)
        found += [_fact(snapshot, block, row) for row in rows[first : first + left].tolist()]
        total += len(rows)
    after = start + len(found)
    return FactsAnswer(facts=found, total=total, next=str(after) if after < total else None)


def _is_asked_for(block: Facts, call: Call) -> bool:
    asked = call.params
    ends = (block.head_label, block.tail_label)
    return (
        asked.get("relation", block.relation) == block.relation
        and asked.get("head_type", ends[0].lower()) == ends[0].lower()
        and asked.get("tail_type", ends[1].lower()) == ends[1].lower()
        and (call.people or not set(ends) & set(_PEOPLE))
    )


def _rows(snapshot: GraphSnapshot, block: Facts, call: Call) -> np.ndarray:
    """The facts of a block that were asked for."""
    kept = np.ones(len(block), dtype=bool)
    for name, label, rows in (
        ("head", block.head_label, block.head),
        ("tail", block.tail_label, block.tail),
    ):
        if name in call.params:
            wanted = int(snapshot.table(label).rows([call.params[name]])[0])
            kept &= (np.asarray(rows) == wanted) & (wanted >= 0)
    return np.flatnonzero(kept)


def _fact(snapshot: GraphSnapshot, block: Facts, row: int) -> FactAnswer:
    return FactAnswer(
        head=str(snapshot.table(block.head_label).ids[block.head[row]]),
        head_type=block.head_label.lower(),
        relation=block.relation,
        tail=str(snapshot.table(block.tail_label).ids[block.tail[row]]),
        tail_type=block.tail_label.lower(),
    )
