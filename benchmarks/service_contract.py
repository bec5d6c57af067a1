"""Whether a service keeps what its OpenAPI says, by schemathesis.

``python -m benchmarks.service_contract`` sends each route requests that its schema allows, and
others that it forbids; a part of the allowed ones name users, items and nodes that there are. Every
answer must be one that the description has, and none a fault of the service (5xx, but for 503 and
504, by which it refuses work).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from benchmarks.harness.report import finish, run
from kgrec import Recommender
from tests.recommender import catalogs
from tests.serving.running import new_root, running_here

CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
_ALLOWED: Final = (503, 504)
_MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_NAMED: Final = 300  # characters of what is wrong
# Known values by the names of fields and parameters.
_KNOWN: Final[dict[str, Any]] = {
    "user": "u1",
    "users": ["u1", "u2"],
    "item": "i1",
    "items": ["i1", "i2"],
    "other": "i2",
    "history": ["i1", "i4"],
    "source": "Item:i1",
    "target": "Item:i2",
    "nodes": ["Item:i1"],
    "where": None,
    "candidates": None,
    "exclude": None,
    "targets": None,
    "context": None,
    "scenario": None,
    "answers": None,
    "relations": None,
    "fields": [],
    "via": [],
    "avoid": [],
    "model": None,
    "id": "i1",
    "name": "a",
    "label": "Item",
    "q": "a",
}


@dataclass
class Outcome:
    """Requests by status, and what was wrong, by route and fault, with one request of each."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)


def campaign(
    address: str, examples: int, start: int = 0, only: Sequence[str] | None = None
) -> Outcome:
    """Send every route so many requests of each kind.

    Parameters
    ----------
    address : str
        Of the service.
    examples : int
        Requests that a route is sent of those it allows, and of those it forbids.
    start : int
        Seed.
    only : sequence of str, optional
        The routes that are sent requests, such as "GET /health/live"; by default all.
    """
    found = Outcome()
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if only is not None and operation.label not in only:
            continue
        for mode in _MODES:
            cases = operation.as_strategy(generation_mode=mode)
            _sent(operation.label, cases, found, examples, start)
    return found


def _sent(label: str, cases: Any, found: Outcome, examples: int, start: int) -> None:
    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:
            _fill(case)
        answer = case.call(timeout=60)
        found.statuses[answer.status_code] += 1
        wrong = _wrong(case, answer)
        if wrong:
            found.faults.setdefault((label, wrong[:_NAMED]), case.as_curl_command())

    with suppress(Unsatisfiable):  # a route that forbids nothing
        send()


def _fill(case: Any) -> None:
    """Put known values in the place of made-up ones."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in _KNOWN.items() if name in part})


def _wrong(case: Any, answer: Any) -> str:
    """What is wrong with an answer; "" if nothing is."""
    if answer.status_code >= 500 and answer.status_code not in _ALLOWED:
        return f"status {answer.status_code}: {answer.content[:_NAMED]!r}"
    try:
        case.validate_response(answer, checks=CHECKS)
    except BaseExceptionGroup as group:
        return "; ".join(str(one) for one in group.exceptions)
    except AssertionError as error:
        return str(error)
    return ""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kgrec-contract-") as scratch:
        saved = Path(scratch) / "model"
        model = Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")
        model.save(saved)
        with running_here(new_root(Path(scratch) / "service", saved)) as service:
            found = campaign(f"http://127.0.0.1:{service.port}", options.examples, options.seed)
    faults = [
        {"route": route, "fault": fault, "request": request}
        for (route, fault), request in found.faults.items()
    ]
    statuses = {str(status): count for status, count in sorted(found.statuses.items())}
    result = {"examples": options.examples, "statuses": statuses, "faults": faults}
    rows = [{"status": status, "answers": count} for status, count in statuses.items()]
    finish("service-contract", result, rows, options.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.service_contract", description=__doc__)
    parser.add_argument("--examples", type=int, default=40, help="of each kind, for each route")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


if __name__ == "__main__":
    run(main)
