"""Reasons: what each answer adds to the score of an item, as an Explanation."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from graph_schema.names import ENTITY, ITEM
from kgrec.explain.attribution.pieces import COLLABORATIVE, DIRECT, KIND_NAMES, SHARED
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import INFLUENCES, Explanation
from kgrec.explain.influence import Influence
from kgrec.explain.text.path_builder import AGAINST, NO_EDGE, ConcretePath
from kgrec.explain.text.path_description import PathDescriber
from kgrec.explain.text.writer import Writer
from kgrec.paths.index import PathIndex
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import Prior

YES: Final = "answer yes"
NO: Final = "answer no"
_NOTHING: Final = ("There is no answer of yes or no, so the score is the same for every new user.",)


def explain_answers(
    explainer: Explainer, prior: Prior, answers: Answers, item: int, k: int, writer: Writer
) -> Explanation:
    """Why an item row has its score after ``answers``: at most ``k`` answers, by contribution.

    A path leads from an answered node to the item by a fact or by an entity that both have, where
    there is one; else it says that the choices of others join them.
    """
    belief = Belief.of(prior, answers)
    score, baseline = float(belief.scores[item]), float(np.float32(prior.items.mean[item]))
    added = belief.contributions(item)
    space = explainer.index.space
    nodes = [
        space.node(label, row)
        for label, rows in ((ITEM, answers.items), (ENTITY, answers.entities))
        for row in rows.tolist()
    ]
    candidate = space.node(ITEM, item)
    describer = PathDescriber(explainer.index, writer, None, explainer.graph_names)
    order = np.argsort(-np.abs(added), kind="stable").tolist()
    paths = []
    for place in order[:k]:
        amount = float(added[place])
        said = bool(belief.answers[place])
        path = _path(explainer.index, nodes[place], candidate, said, amount)
        paths.append(describer.describe(path, candidate, amount, score - baseline))
    total, shown = math.fsum(added), math.fsum(path.contribution for path in paths)
    return Explanation(
        user_id=None,
        item_id=space.id(candidate),
        item_name=space.display_name(candidate),
        score=score,
        baseline=baseline,
        paths=_sorted(paths),
        rest=score - baseline - total,
        not_shown=total - shown if len(order) > len(paths) else 0.0,
        hidden=len(order) - len(paths),
        parts={"answers": total},
        reasons=() if paths else _NOTHING,
        history=tuple(
            _influence(explainer.index, nodes[place], float(added[place]), score - baseline)
            for place in order[:INFLUENCES]
        ),
    )


def _sorted(paths: list[ExplainedPath]) -> list[ExplainedPath]:
    return sorted(paths, key=lambda path: -path.contribution)


def _path(index: PathIndex, node: int, candidate: int, said: bool, amount: float) -> ConcretePath:
    """The path from an answered node to the candidate."""
    start, first = (-1, node), 2 * index.interacted
    answer = YES if said else NO
    if said != (amount > 0):
        return ConcretePath(
            KIND_NAMES[COLLABORATIVE], (*start, candidate), (first, NO_EDGE),
            part=AGAINST, answer=answer,
        )  # fmt: skip
    facts = index.facts.edges_between(node, candidate).tolist()
    if facts:
        name = index.relation(facts[0])
        return ConcretePath(
            KIND_NAMES[DIRECT], (*start, candidate), (first, facts[0]),
            ((name, name),), answer=answer,
        )  # fmt: skip
    link = _shared(index, node, candidate)
    if link is None:
        return ConcretePath(
            KIND_NAMES[COLLABORATIVE], (*start, candidate), (first, NO_EDGE), answer=answer
        )
    near = int(index.facts.edges_between(node, link)[0])
    far = int(index.facts.edges_between(link, candidate)[0])
    roles = ((index.relation(near), index.relation(far)),)
    return ConcretePath(
        KIND_NAMES[SHARED], (*start, link, candidate), (first, near, far), roles, answer=answer
    )


def _shared(index: PathIndex, node: int, candidate: int) -> int | None:
    """The entity with the fewest facts that an item and the candidate are both joined to."""
    if index.space.label_row(node)[0] != ITEM:
        return None
    both = np.intersect1d(index.facts.of(node)[0], index.facts.of(candidate)[0])
    both = both[both >= index.space.offsets[ENTITY]]
    if not len(both):
        return None
    return int(both[int(np.argmin(index.facts.degree(both)))])


def _influence(index: PathIndex, node: int, amount: float, gain: float) -> Influence:
    label, _ = index.space.label_row(node)
    share = amount / abs(gain) if gain else 0.0
    name = index.space.name(node)
    return Influence(label, index.space.id(node), name, "", 1, amount, share)
