"""Operations: every route of the service, with what it needs and does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kgrec.serving.access import Cost, Scope
from kgrec.serving.experiments import verbs as trials
from kgrec.serving.jobs import Jobs
from kgrec.serving.metrics import MEDIA_TYPE as METRICS
from kgrec.serving.reporting.reports import Report
from kgrec.serving.verbs import (
    administration,
    explanations,
    graph,
    lists,
    measures,
    people,
    questions,
    rules,
    writes,
)
from kgrec.serving.verbs import answers as a
from kgrec.serving.verbs import bodies as b
from kgrec.serving.verbs.operator import answers as oa
from kgrec.serving.verbs.operator import bodies as ob
from kgrec.serving.verbs.operator import bulk, inquiry, reports
from kgrec.serving.web.body import JSON


@dataclass(frozen=True, eq=False)
class Operation:
    """One route.

    Attributes
    ----------
    method, path : str
        With the names of parts of the path in braces.
    run : callable
        ``run(service, body, call)``: the answer, or an awaitable of it.
    body : type, union of types, or None
        What the JSON of the body is read into.
    answer : type
        What it answers.
    scope : Scope or None
        What the key must allow; None: anybody.
    cost : Cost
        The limit that counts it.
    params : dict of str to str
        Parameters of the query string, with their meaning.
    status : int
        Of the answer.
    media : str
        The media type of the answer, which ``run`` returns as bytes where it is no JSON.
    lines : bool
        Whether the body is an async iterator of JSON texts, one for each line, read as they come;
        ``body`` is the type of each.
    headers : dict of str to str, optional
        Further headers of the answer.
    """

    method: str
    path: str
    run: Callable[..., Any]
    body: Any
    answer: Any
    scope: Scope | None = "read"
    cost: Cost = "fast"
    params: dict[str, str] | None = None
    status: int = 200
    media: str = JSON
    lines: bool = False
    headers: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """Name of the operation, as clients call it."""
        return str(self.run.__name__)

    @property
    def is_for_any_process(self) -> bool:
        """Whether each process of a service answers it; the rest is for the first, which alone
        writes and runs jobs."""
        return self.scope in (None, "read", "explore") and self.name not in OF_FIRST

    @property
    def summary(self) -> str:
        """What it does, in one line or more."""
        return " ".join((self.run.__doc__ or "").split())

    def is_slow(self, body: Any) -> bool:
        """Whether it is answered beside the others, by another thread."""
        return self.cost == "slow" or getattr(body, "explain", 0) > 0


OF_FIRST = frozenset(
    {
        "activations",
        "drift",
        "experiment",
        "experiments",
        "held",
        "metrics",
        "model",
        "models",
        "next_page",
        "rules",
        "status",
    }
)
_PAGED = {"limit": "how many", "cursor": "next of the page before"}
_DOWNLOAD = {  # a page with scripts, which must not act as one of the service's own
    "Content-Disposition": 'attachment; filename="page.html"',
    "Content-Security-Policy": "sandbox",
}


def operations(jobs: Jobs) -> list[Operation]:
    """All routes."""
    return [
        Operation("POST", "/v1/recommend", lists.recommend, b.RecommendBody, a.ListAnswer),
        Operation("POST", "/v1/recommend/next", lists.next_page, b.NextBody, a.ListAnswer),
        Operation(
            "POST",
            "/v1/recommend/batch",
            lists.recommend_batch,
            b.BatchBody,
            a.BatchAnswer,
            cost="slow",
        ),
        Operation("POST", "/v1/similar", lists.similar, b.SimilarBody, a.SimilarAnswer),
        Operation("POST", "/v1/search", lists.search, b.SearchBody, a.SearchAnswer, cost="slow"),
        Operation("POST", "/v1/score", lists.score, b.PairsBody, a.ScoresAnswer, cost="slow"),
        Operation("POST", "/v1/predict", lists.predict, b.PairsBody, a.ScoresAnswer, cost="slow"),
        Operation(
            "POST", "/v1/explain", explanations.explain, b.ExplainBody, a.WhyAnswer, cost="slow"
        ),
        Operation(
            "POST",
            "/v1/counterfactual",
            explanations.counterfactual,
            b.CounterfactualBody,
            a.WhyAnswer,
            cost="slow",
        ),
        Operation(
            "POST", "/v1/why-not", explanations.why_not, b.PlaceBody, a.WhyAnswer, cost="slow"
        ),
        Operation(
            "POST", "/v1/compare", explanations.compare, b.CompareBody, a.WhyAnswer, cost="slow"
        ),
        *_lists_for_operators(),
        *_questions(),
        *_people(),
        *_measures(),
        *_rules(),
        *_writes(),
        *_graph(),
        *_administration(jobs),
        *_experiments(),
    ]


def _lists_for_operators() -> list[Operation]:
    return [
        Operation(
            "POST", "/v1/rerank", reports.rerank, ob.RerankBody, oa.RerankedAnswer, cost="slow"
        ),
        Operation(
            "POST",
            "/v1/page",
            reports.page,
            ob.PageBody,
            str,
            cost="slow",
            media="text/html; charset=utf-8",
            headers=_DOWNLOAD,
        ),
    ]


def _experiments() -> list[Operation]:
    one = "/v1/experiments/{name}"
    found = trials.ExperimentAnswer
    return [
        Operation(
            "GET",
            "/v1/experiments",
            trials.experiments,
            None,
            trials.ExperimentsAnswer,
            cost="slow",
        ),
        Operation("GET", one, trials.experiment, None, found, cost="slow"),
        Operation("PUT", one, trials.start_experiment, trials.ExperimentBody, found, "admin"),
        Operation("DELETE", one, trials.stop_experiment, None, found, "admin"),
    ]


def _questions() -> list[Operation]:
    return [
        Operation("POST", "/v1/ask", questions.ask, b.AskBody, a.RowsAnswer, cost="slow"),
        Operation(
            "POST", "/v1/unsure", questions.unsure, b.UnsureBody, a.RowsAnswer, "explore", "slow"
        ),
    ]


def _people() -> list[Operation]:
    return [
        Operation("POST", "/v1/follow", people.follow, b.FollowBody, a.RowsAnswer, cost="slow"),
        Operation(
            "POST",
            "/v1/follow/explain",
            people.explain_user,
            b.ExplainUserBody,
            a.WhyAnswer,
            cost="slow",
        ),
        Operation(
            "POST",
            "/v1/recommend/users",
            people.recommend_users,
            b.ItemUsersBody,
            a.RowsAnswer,
            "admin",
            "slow",
        ),
        Operation(
            "POST",
            "/v1/similar/users",
            people.similar_users,
            b.SimilarUsersBody,
            a.RowsAnswer,
            "admin",
            "slow",
        ),
    ]


def _measures() -> list[Operation]:
    return [
        Operation(
            "POST", "/v1/recognise", measures.recognise, b.RecogniseBody, a.RowsAnswer, cost="slow"
        ),
        Operation("POST", "/v1/words", measures.words, b.WordsBody, a.WhyAnswer, cost="slow"),
        Operation(
            "POST",
            "/v1/importance",
            measures.importance,
            b.ImportanceBody,
            a.RowsAnswer,
            "explore",
            "slow",
        ),
        Operation(
            "POST",
            "/v1/vectors",
            measures.vectors,
            b.VectorsBody,
            a.VectorsAnswer,
            "explore",
            "slow",
        ),
    ]


def _rules() -> list[Operation]:
    return [
        Operation("GET", "/v1/rules", rules.rules, None, a.RulesAnswer, "explore"),
        Operation("PUT", "/v1/rules", rules.set_rules, b.RulesBody, a.RulesAnswer, "admin"),
        Operation(
            "POST",
            "/v1/rules/effects",
            rules.rule_effects,
            b.EffectsBody,
            a.RowsAnswer,
            "explore",
            "slow",
        ),
        Operation(
            "GET", "/v1/rules/held", rules.held, None, a.RowsAnswer, "explore", params=_PAGED
        ),
        Operation(
            "POST", "/v1/rules/held", rules.hold, b.EffectsBody, a.RowsAnswer, "admin", "slow"
        ),
        Operation("POST", "/v1/rules/decide", rules.decide, b.DecisionBody, a.RulesAnswer, "admin"),
    ]


def _writes() -> list[Operation]:
    return [
        Operation(
            "POST",
            "/v1/events",
            writes.add_events,
            b.EventsBody,
            a.StoredAnswer,
            "write",
            "write",
            status=202,
        ),
        Operation(
            "POST",
            "/v1/bulk",
            bulk.bulk,
            bulk.Line,
            oa.BulkAnswer,
            "write",
            "write",
            bulk.PARAMS,
            status=202,
            lines=True,
        ),
        Operation(
            "DELETE", "/v1/events/{id}", writes.take_back, None, a.StoredAnswer, "write", "write"
        ),
        Operation(
            "POST",
            "/v1/impressions",
            writes.add_impressions,
            b.ImpressionsBody,
            a.StoredAnswer,
            "write",
            "write",
            status=202,
        ),
        Operation(
            "GET",
            "/v1/users/{id}/events",
            writes.user_events,
            None,
            a.HistoryAnswer,
            params=_PAGED,
        ),
        Operation(
            "PUT", "/v1/{kind}/{id}", writes.put_node, b.NodeBody, a.StoredAnswer, "write", "write"
        ),
        Operation(
            "DELETE", "/v1/{kind}/{id}", writes.delete_node, None, a.StoredAnswer, "write", "write"
        ),
        Operation("GET", "/v1/{kind}/{id}", graph.get_node, None, a.NodeAnswer),
        Operation(
            "PUT", "/v1/facts", writes.put_facts, b.FactsBody, a.StoredAnswer, "write", "write"
        ),
        Operation(
            "GET",
            "/v1/facts",
            reports.facts,
            None,
            oa.FactsAnswer,
            "explore",
            "slow",
            {
                "head": "id of the head",
                "head_type": "item, entity or user",
                "relation": "a relationship type",
                "tail": "id of the tail",
                "tail_type": "item, entity or user",
                **_PAGED,
            },
        ),
        Operation(
            "DELETE",
            "/v1/facts",
            writes.delete_facts,
            b.FactsBody,
            a.StoredAnswer,
            "write",
            "write",
        ),
    ]


def _graph() -> list[Operation]:
    node = "/v1/graph/nodes/{label}/{id}"
    return [
        Operation(
            "GET",
            "/v1/graph/nodes",
            graph.find_nodes,
            None,
            a.NodesAnswer,
            "explore",
            "slow",
            {
                "q": "a part of the name",
                "label": "Item or Entity; by default both",
                "limit": "how many",
            },
        ),
        Operation("GET", node, graph.node, None, a.NodeAnswer, "explore"),
        Operation(
            "GET",
            f"{node}/neighbours",
            graph.neighbours,
            None,
            a.NeighboursAnswer,
            "explore",
            params={
                "relation": "a relationship type; by default all",
                "direction": "out, in or both",
                **_PAGED,
            },
        ),
        Operation(
            "POST", "/v1/graph/paths", graph.paths, b.PathsBody, a.PathsAnswer, "explore", "slow"
        ),
        Operation(
            "POST",
            "/v1/graph/subgraph",
            graph.subgraph,
            b.SubgraphBody,
            a.SubgraphAnswer,
            "explore",
            "slow",
        ),
    ]


def _administration(jobs: Jobs) -> list[Operation]:
    admin = administration
    reporting = reports.ReportVerbs(jobs)
    verbs = admin.JobVerbs(jobs)
    return [
        Operation("GET", "/v1/models", admin.models, None, a.ModelsAnswer, params=_PAGED),
        Operation(
            "GET",
            "/v1/models/history",
            admin.activations,
            None,
            a.ActivationsAnswer,
            params=_PAGED,
        ),
        Operation(
            "POST", "/v1/models/rollback", admin.rollback, b.ReasonBody, a.ActivationAnswer, "admin"
        ),
        Operation("GET", "/v1/models/{name}", admin.model, None, a.ModelAnswer),
        Operation(
            "POST",
            "/v1/models/{name}/activate",
            admin.activate,
            b.ActivateBody,
            a.ActivationAnswer,
            "admin",
        ),
        Operation("POST", "/v1/erase", verbs.erase, b.EraseBody, a.JobAnswer, "admin", status=202),
        Operation("POST", "/v1/jobs", verbs.start, b.JobBody, a.JobAnswer, "admin", status=202),
        Operation(
            "POST",
            "/v1/reports",
            reporting.report,
            Report,
            a.JobAnswer,
            "admin",
            status=202,
        ),
        Operation("GET", "/v1/jobs", verbs.all, None, a.JobsAnswer, "admin", params=_PAGED),
        Operation("DELETE", "/v1/jobs/{id}", reporting.stop, None, a.JobAnswer, "admin"),
        Operation(
            "POST", "/v1/cypher", inquiry.cypher, ob.CypherBody, oa.CypherAnswer, "admin", "slow"
        ),
        Operation(
            "GET",
            "/v1/audit",
            inquiry.audit,
            None,
            oa.AuditAnswer,
            "admin",
            "slow",
            _PAGED,
        ),
        Operation("GET", "/v1/jobs/{id}", verbs.one, None, a.JobAnswer, "admin"),
        Operation("GET", "/v1/status", admin.status, None, a.StatusAnswer),
        Operation("GET", "/v1/drift", admin.drift, None, a.DriftAnswer),
        Operation("GET", "/metrics", admin.metrics, None, bytes, media=METRICS),
        Operation("GET", "/health/live", admin.live, None, a.HealthAnswer, None),
        Operation("GET", "/health/ready", admin.ready, None, a.HealthAnswer, None),
    ]
