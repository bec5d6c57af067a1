"""A way between two nodes in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.names import INTERACTED
from kgrec.explain.text.sentences import Writer
from kgrec.paths.cypher import Step


def tell(names: Sequence[str], steps: Sequence[Step], writer: Writer) -> str:
    """One sentence: ``names[i]`` and ``names[i + 1]`` are joined by ``steps[i]``."""
    clauses: list[str] = []
    place = 0
    while place < len(steps):
        if place + 1 < len(steps) and (
            both := _both(names[place : place + 3], steps[place], steps[place + 1], writer)
        ):
            clauses.append(both)
            place += 2
            continue
        clauses.append(_one(names[place], names[place + 1], steps[place], writer))
        place += 1
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def _both(names: Sequence[str], near: Step, far: Step, writer: Writer) -> str:
    """Two steps of one relation that meet at, or part from, the node between; "" for others."""
    a, between, b = names
    if near.relation != far.relation or near.outgoing == far.outgoing:
        return ""
    if near.relation == INTERACTED:
        return f"{a} and {b} both chose {between}" if near.outgoing else _chose(between, a, b)
    role = writer.role(near.relation)
    if not writer.is_noun(near.relation):
        return ""
    if near.outgoing:
        return f"{a} and {b} have the same {role}: {between}"
    return f"{between} has both {a} and {b} as {role}"


def _chose(who: str, a: str, b: str) -> str:
    return f"{who} chose both {a} and {b}"


def _one(a: str, b: str, step: Step, writer: Writer) -> str:
    source, target = (a, b) if step.outgoing else (b, a)
    if step.relation == INTERACTED:
        return f"{source} chose {target}"
    role = writer.role(step.relation)
    if writer.is_noun(step.relation):
        return f"the {role} of {source} is {target}"
    return f"{source} – {role} – {target}"
