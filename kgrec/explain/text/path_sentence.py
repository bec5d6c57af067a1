"""A path between any two nodes in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.names import INTERACTED
from kgrec.explain.text.writer import Writer
from kgrec.paths.cypher import Step


def path_sentence(names: Sequence[str], steps: Sequence[Step], writer: Writer) -> str:
    """Write a sentence in which ``steps[i]`` connects ``names[i]`` and ``names[i + 1]``."""
    clauses: list[str] = []
    place = 0
    while place < len(steps):
        clause = _two_steps(names[place : place + 3], steps[place : place + 2], writer)
        place += 2 if clause else 1
        clauses.append(
            clause or _one_step(names[place - 1], names[place], steps[place - 1], writer)
        )
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def _two_steps(names: Sequence[str], steps: Sequence[Step], writer: Writer) -> str:
    """A clause about two steps of one relation that meet or part at the node between, else ""."""
    if len(steps) < 2:
        return ""
    near, far = steps
    if near.relation != far.relation or near.outgoing == far.outgoing:
        return ""
    a, between, b = names
    ends = {"a": a, "b": b, "between": between}
    if near.relation == INTERACTED:
        return writer.phrase("steps both chose" if near.outgoing else "steps chose both", **ends)
    if not writer.is_noun(near.relation):
        return ""
    name = "steps same role" if near.outgoing else "steps both role"
    return writer.phrase(name, **ends, role=writer.role(near.relation))


def _one_step(a: str, b: str, step: Step, writer: Writer) -> str:
    source, target = (a, b) if step.outgoing else (b, a)
    if step.relation == INTERACTED:
        return writer.phrase("step chose", a=source, b=target)
    name = "step role" if writer.is_noun(step.relation) else "step phrase"
    return writer.phrase(name, a=source, b=target, role=writer.role(step.relation))
