"""What the operator does over HTTP: reports, pages, Cypher, the audit log, lists in pages."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgrec import Recommender, connect
from kgrec.errors import ServiceError
from kgrec.serving.access import Keys
from kgrec.serving.audit import AuditLog, entries_of
from kgrec.serving.jobs import Jobs
from kgrec.serving.registry import Root
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.web.operations import operations
from tests.recommender import catalogs
from tests.serving.running import Running, new_root, running_here

# Every public verb of Recommender has a route, or a reason why not.
ROUTES = {
    "adapt": "changes what was learned: kgrec adapt on a model's folder, then /v1/models",
    "ask": "/v1/ask",
    "compare": "/v1/compare",
    "counterfactual": "/v1/counterfactual",
    "evaluate": "/v1/reports",
    "explain": "/v1/explain",
    "explain_all": "/v1/recommend",
    "explain_answers": "/v1/explain",
    "explain_user": "/v1/follow/explain",
    "fairness": "/v1/reports",
    "fit": "reads a store, which a key must not choose: kgrec train, then /v1/models",
    "fit_ratings": "changes what was learned: kgrec train with ratings, then /v1/models",
    "graph": "/v1/graph/nodes",
    "held": "/v1/rules/held",
    "history": "/v1/models/{name}",
    "importance": "/v1/importance",
    "judge": "/v1/reports",
    "load": "/v1/models/{name}/activate",
    "log_query": "is training data of texts: kgrec load, before the next training",
    "of": "makes a Recommender of a state, which only Python has",
    "page": "/v1/page",
    "predict": "/v1/predict",
    "rank": "/v1/recommend",
    "rating_history": "is in the model's folder, for whoever trains it",
    "recognise": "/v1/recognise",
    "recommend": "/v1/recommend",
    "recommend_users": "/v1/recommend/users",
    "remove": "/v1/{kind}/{id}",
    "rerank": "/v1/rerank",
    "rule_effects": "/v1/rules/effects",
    "rules": "/v1/rules",
    "save": "/v1/jobs",
    "score": "/v1/score",
    "search": "/v1/search",
    "similar": "/v1/similar",
    "similar_users": "/v1/similar/users",
    "snapshot": "/v1/facts",
    "state": "is the model in memory; /v1/status says what it has",
    "tuning": "/v1/models/{name}",
    "unsure": "/v1/unsure",
    "update": "/v1/bulk",
    "vectors": "/v1/vectors",
    "why_not": "/v1/why-not",
    "words": "/v1/words",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Root:
    return new_root(tmp_path_factory.mktemp("operator") / "service", saved)


@pytest.fixture(scope="module")
def operated(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with a store."""
    with connect(tmp_path_factory.mktemp("store") / "catalog.kgl") as store:
        store.write(catalogs.catalog())
        with running_here(root, store=OpenedStore.of(store)) as service:
            yield service


@pytest.fixture(scope="module")
def model(saved: Path) -> Recommender:
    return Recommender.load(saved)


def test_every_verb_of_python_has_a_route() -> None:
    verbs = [name for name, _ in inspect.getmembers(Recommender) if not name.startswith("_")]
    assert sorted(ROUTES) == sorted(verbs)
    routes = {one.path for one in operations(Jobs.__new__(Jobs))}
    assert {said for said in ROUTES.values() if said.startswith("/")} <= routes
    assert all(" " in said for said in ROUTES.values() if not said.startswith("/"))


def _report(service: Running, **asked: Any) -> dict[str, Any]:
    return service.ended(service.post("/v1/reports", asked).json)


def test_quality_is_reported_as_python_does(operated: Running, model: Recommender) -> None:
    job = _report(operated, kind="evaluate", ks=[5])
    assert job["state"] == "done", job
    assert job["result"]["metrics"] == pytest.approx(model.evaluate(ks=[5]).metrics)
    assert "result" not in operated.get("/v1/jobs?limit=1").json["jobs"][0]
    wrong = _report(operated, kind="evaluate", by="nothing")
    assert (wrong["state"], "nothing" in wrong["detail"]) == ("failed", True)


def test_reports_are_described_and_checked(operated: Running) -> None:
    for asked, status in (
        ({"kind": "nothing"}, 422),
        ({"kind": "fairness", "shares": [2.0]}, 422),
        ({"kind": "card", "model": "nothing"}, 404),
        ({"kind": "suspicious", "path": "/etc/passwd"}, 422),
    ):
        assert operated.post("/v1/reports", asked).status == status


def test_a_job_is_stopped(operated: Running) -> None:
    job = operated.post("/v1/reports", {"kind": "card", "metrics": False}).json
    other = operated.post("/v1/reports", {"kind": "suspicious"})
    assert (other.status, other.json["code"]) == (409, "job_runs")
    stopped = operated.ask("DELETE", f"/v1/jobs/{job['id']}").json
    assert stopped["state"] == "stopped"
    assert operated.ask("DELETE", f"/v1/jobs/{job['id']}").status == 409
    assert operated.ask("DELETE", "/v1/jobs/none").status == 404


def test_a_page_is_saved(operated: Running) -> None:
    reply = operated.post("/v1/page", {"user": "u1", "k": 3, "title": "For <you>"})
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert reply.headers["content-disposition"].startswith("attachment")
    text = reply.content.decode()
    assert "For &lt;you&gt;" in text
    assert not any(f'"u{number}"' in text for number in range(2, 30))


def test_a_group_gets_its_share_of_exposure(operated: Running, model: Recommender) -> None:
    asked: dict[str, Any] = {"users": ["u1", "u2", "u3"], "group": "tail", "k": 5}
    expected = model.rerank(["u1", "u2", "u3"], group="tail", boost=0.5, k=5)
    found = operated.post("/v1/rerank", {**asked, "boost": 0.5}).json
    assert [row["item_id"] for row in found["rows"]] == expected.frame["item_id"].tolist()
    assert found["share"] == pytest.approx(expected.share)
    assert operated.post("/v1/rerank", asked).status == 422


def test_facts_come_page_by_page(operated: Running, model: Recommender) -> None:
    seen, cursor = [], ""
    while True:
        page = operated.get(f"/v1/facts?limit=9&people=true{cursor}").json
        seen += [(one["head"], one["relation"], one["tail"]) for one in page["facts"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == page["total"] == sum(map(len, model.snapshot.facts))
    assert len(set(seen)) == len(seen)
    head, relation, _ = seen[0]
    part = operated.get(f"/v1/facts?head={head}&relation={relation}&people=true").json
    assert {(one["head"], one["relation"]) for one in part["facts"]} == {(head, relation)}
    hidden = operated.get("/v1/facts?limit=1000").json
    assert "user" not in json.dumps(hidden)
    assert 0 < hidden["total"] < len(seen)
    assert operated.get("/v1/facts?head=nothing").json["total"] == 0
    assert operated.get("/v1/facts?heads=x").status == 422


def test_models_changes_and_jobs_come_in_pages(operated: Running, root: Root) -> None:
    for number in range(3):
        root.add(f"m{number}", root.new_folder("a"))
        root.activate("a", f"w{number}")
    first = operated.get("/v1/models?limit=3").json
    rest = operated.get(f"/v1/models?limit=3&cursor={first['next']}").json
    names = [one["name"] for one in first["models"] + rest["models"]]
    assert (names, "next" in rest) == (["a", "m0", "m1", "m2"], False)
    who, cursor = [], ""
    while True:
        page = operated.get(f"/v1/models/history?limit=2{cursor}").json
        who += [one["who"] for one in page["history"]]
        root.activate("a", "later")  # what comes later moves no page
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert who == ["w2", "w1", "w0", "test"]
    jobs = operated.get("/v1/jobs?limit=1").json
    assert len(jobs["jobs"]) == 1
    assert "next" in jobs


def test_cypher_reads_the_store(operated: Running) -> None:
    def ask(cypher: str, **more: Any) -> Any:
        return operated.post("/v1/cypher", {"cypher": cypher, **more})

    found = ask("MATCH (i:Item) RETURN i.id AS id ORDER BY id", rows=3).json
    assert (len(found["rows"]), found["more"]) == (3, True)
    one = ask("MATCH (i:Item {id: $id}) RETURN i.id AS id", parameters={"id": "i1"}).json
    assert one == {"rows": [{"id": "i1"}]}
    for wrong in (
        "MATCH (n) DETACH DELETE n",
        "CREATE (:Item {id: 'x'})",
        "LOAD CSV FROM '/etc/passwd' AS row RETURN row",
        "nonsense",
    ):
        reply = ask(wrong)
        assert (reply.status, reply.json["code"]) == (422, "invalid_query"), wrong
    assert ask("MATCH (i:Item) RETURN count(i) AS n").json["rows"][0]["n"] > 3


def test_the_audit_log_says_who_did_what(saved: Path, tmp_path: Path) -> None:
    root = new_root(tmp_path / "service", saved)
    keys = Keys(root.keys)
    admin, reader = keys.add("ada", ["admin"]), keys.add("shop", ["read"])
    with running_here(root) as service:
        service.post("/v1/recommend", {"user": "secret-user"}, reader)
        service.ask("PUT", "/v1/users/secret-user", {"attributes": {}}, admin, x_request_id="r1")
        service.post("/v1/models/a/activate", {"if_current": "x"}, admin)
        service.post("/v1/jobs", {"kind": "fold"}, reader)
        for _ in range(3):
            service.get("/v1/status", "kgrec_wrong")
        service.get("/v1/graph/nodes/User/u1?people=true", admin)
        service.get("/health/live")
        page = service.get("/v1/audit?limit=2", admin).json
        rest = service.get(f"/v1/audit?cursor={page['next']}", admin).json
        assert service.get("/v1/audit", reader).status == 403
    entries = (page["entries"] + rest["entries"])[::-1]
    assert [(one["who"], one["method"], one["route"], one["status"]) for one in entries[:5]] == [
        ("ada", "PUT", "/v1/{kind}/{id}", 200),
        ("ada", "POST", "/v1/models/{name}/activate", 409),
        ("shop", "POST", "/v1/jobs", 403),
        ("", "GET", "/v1/status", 401),
        ("ada", "GET", "/v1/graph/nodes/{label}/{id}", 200),
    ]
    assert entries[0]["request"] == "r1"
    assert (entries[1]["of"], entries[4]["people"], entries[4]["left_out"]) == ("a", True, 2)
    text = root.audit.read_text()
    assert not [word for word in ("secret-user", admin, reader, "kgrec_wrong") if word in text]
    assert root.audit.stat().st_mode & 0o777 == 0o600


def _filled(path: Path, count: int, most: int = 10_000, files: int = 3) -> AuditLog:
    log = AuditLog(path, most, files)
    for number in range(count):
        log.add("ada", "PUT", "/v1/facts", 200, f"r{number}")
    return log


def test_the_audit_log_is_bounded_and_goes_on(tmp_path: Path) -> None:
    """Full files move up, the oldest leaves, and the chain goes on over files and restarts."""
    path = tmp_path / "audit.log"
    _filled(path, 200).close()
    with path.open("ab") as stream:
        stream.write(b'{"number": 2')  # a process that was killed
    log = _filled(path, 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "audit.log",
        "audit.log.1",
        "audit.log.2",
    ]
    assert all(file.stat().st_size <= 10_000 for file in tmp_path.iterdir())
    numbers = [entry.number for entry in entries_of(path)]
    assert numbers == list(range(201, 201 - len(numbers), -1))
    assert 60 < len(numbers) < 200
    log.close()


@pytest.mark.parametrize("change", ["edit", "remove", "swap"])
def test_a_changed_audit_log_is_found(tmp_path: Path, change: str) -> None:
    path = tmp_path / "audit.log"
    _filled(path, 5).close()
    lines = path.read_bytes().splitlines(keepends=True)
    if change == "edit":
        lines[2] = lines[2].replace(b"ada", b"eve")
    elif change == "remove":
        del lines[2]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(ServiceError, match=r"line [23]"):
        list(entries_of(path))


def test_a_full_disk_loses_an_entry_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.log"
    log = _filled(path, 2)
    with monkeypatch.context() as patched:
        patched.setattr("kgrec.serving.audit.audit_log.os.write", lambda *_: 3)
        log.add("ada", "PUT", "/v1/facts", 200, "lost")
    log.add("ada", "PUT", "/v1/facts", 200, "kept")
    assert log.lost == 1
    assert [entry.request for entry in entries_of(path)] == ["kept", "r1", "r0"]
    log.close()


def test_the_operator_s_answers_are_json(operated: Running) -> None:
    """Values that JSON has no form for are null or text, and no answer fails."""
    reply = operated.post(
        "/v1/cypher", {"cypher": "RETURN 1.0 / 0.0 AS a, date('2026-01-02') AS d"}
    )
    assert reply.status in (200, 422)
    json.loads(reply.content)
