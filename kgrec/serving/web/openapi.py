"""The description of the service in OpenAPI 3.1, made of its operations and types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from kgrec.serving.web.body import JSON, LINES
from kgrec.serving.web.operations import Operation

_PART = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457), with its cure.",
    "required": ["type", "title", "status", "code", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The id of the request."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "index": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_ENUMS = {"kind": ["items", "users", "entities"], "label": ["Item", "Entity", "User"]}


def description(operations: Sequence[Operation]) -> dict[str, Any]:
    """The description of these operations, as JSON values."""
    bodies = [one.body for one in operations if one.body is not None]
    types = list(dict.fromkeys([*bodies, *(one.answer for one in operations)]))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kgrec",
            "version": version("kgrec"),
            "description": "Recommendations with their reasons in a knowledge graph.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, schemas: dict[type, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{one.name}_{one.method.lower()}_{_slug(one.path)}",
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": {
            str(one.status): {
                "description": "The answer.",
                "content": {one.media: {"schema": schemas[one.answer]}},
            },
            "default": {
                "description": "An error, and its cure.",
                "content": {
                    "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}
                },
            },
        },
    }
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": _content(one, schemas[one.body])}
    if one.scope is not None:
        found["security"] = [{"key": []}]
        found["description"] = f"Needs the scope {one.scope}, where there are keys."
    return found


def _content(one: Operation, schema: Any) -> dict[str, Any]:
    """The media types of a body."""
    if not one.lines:
        return {JSON: {"schema": schema}}
    lines = {"type": "string", "description": "A JSON value a line, as of the list."}
    return {JSON: {"schema": {"type": "array", "items": schema}}, LINES: {"schema": lines}}


def _parameters(one: Operation) -> list[dict[str, Any]]:
    parts = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1}
            | ({"enum": _ENUMS[name]} if name in _ENUMS else {}),
        }
        for name in _PART.findall(one.path)
    ]
    number = {"type": "integer", "minimum": 1}
    return parts + [
        {
            "name": name,
            "in": "query",
            "required": name == "q",
            "description": text,
            "schema": number if name == "limit" else {"type": "string"},
        }
        for name, text in (one.params or {}).items()
    ]


def _slug(path: str) -> str:
    return "_".join(part.strip("{}") for part in path.split("/") if part).replace("-", "_")
