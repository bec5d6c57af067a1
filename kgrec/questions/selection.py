"""Questions: the items and entities whose answers are expected to improve the list most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.paths.adjacency import NodeSpace
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import Loadings, Prior

About: TypeAlias = Literal["items", "entities", "both"]
ABOUT: Final = ("items", "entities", "both")
COLUMNS: Final = ("label", "id", "name", "gain", "yes", "rank")
_MOST: Final = 3_000  # nodes of a label that are compared: those that most users will know
_FEWEST: Final = 3  # items of an entity that is asked about


class Question(NamedTuple):
    """A question: whether the new user likes the node in ``row`` of the table of ``label``.

    ``gain``: what the answer is expected to add to the sum of the scores of the list; ``yes``: how
    likely a yes is.
    """

    label: str
    row: int
    gain: float
    yes: float


@dataclass(frozen=True, eq=False)
class QuestionRequest:
    """What is to be asked.

    Attributes
    ----------
    k : int
        Number of questions.
    about : str
        One of ABOUT: what questions may be about.
    asked : bool ``[n_items]`` or None
        The items that questions may be about; None: all.
    targets : bool ``[n_items]`` or None
        The items that the list is made of; None: all.
    """

    k: int
    about: str = "items"
    asked: np.ndarray | None = None
    targets: np.ndarray | None = None


def choose_questions(prior: Prior, answers: Answers, request: QuestionRequest) -> list[Question]:
    """The best questions after ``answers``, best first.

    The first has the largest expected gain. Each further one is chosen as if the questions before
    it had been answered as expected: such answers move no score, but what they tell is known.
    Raises RequestError where nothing is left to ask about.
    """
    belief = Belief.of(prior, answers)
    targets = _targets(prior, answers, request.targets)
    pools = _pools(prior, answers, request)
    if not _left(pools):
        raise RequestError(
            "no question is left: all items and entities that may be asked about have an answer, "
            "or nothing is known of them. Cure: loosen the conditions, or ask with about='both'."
        )
    found: list[Question] = []
    while len(found) < request.k and _left(pools):
        best = max(
            (_best(belief, _table(prior, label), label, rows, targets)
             for label, rows in pools.items() if len(rows)),
            key=lambda question: question.gain,
        )  # fmt: skip
        found.append(best)
        pools[best.label] = pools[best.label][pools[best.label] != best.row]
        if len(found) < request.k:
            belief = belief.expecting(_table(prior, best.label), best.row)
    return found


def question_frame(snapshot: GraphSnapshot, questions: list[Question]) -> pd.DataFrame:
    """The questions as a table with COLUMNS."""
    space = NodeSpace(snapshot)
    rows = [
        (
            one.label,
            str(snapshot.table(one.label).ids[one.row]),
            space.display_name(space.node(one.label, one.row)),
            one.gain,
            one.yes,
            rank,
        )
        for rank, one in enumerate(questions, start=1)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    kinds = {"gain": np.float64, "yes": np.float64, "rank": np.int64}
    return frame.astype(kinds)


def _left(pools: dict[str, Ints]) -> int:
    return sum(len(rows) for rows in pools.values())


def _best(
    belief: Belief, table: Loadings, label: str, rows: Ints, targets: np.ndarray | None
) -> Question:
    about = table.of(rows)
    gains = belief.gains(about, targets)
    place = int(gains.argmax())  # the first of equals
    yes = float(belief.probabilities(about)[place])
    return Question(label, int(rows[place]), float(gains[place]), yes)


def _table(prior: Prior, label: str) -> Loadings:
    return prior.items if label == ITEM else prior.entities


def _targets(prior: Prior, answers: Answers, wanted: np.ndarray | None) -> np.ndarray:
    """bool ``[n_items]``: what the list may hold: not what was answered yes or no."""
    allowed = np.ones(len(prior.counts), dtype=bool) if wanted is None else wanted.copy()
    allowed[answers.items] = False
    return allowed


def _pools(prior: Prior, answers: Answers, request: QuestionRequest) -> dict[str, Ints]:
    """The rows of each label that may be asked about, in ascending order."""
    pools: dict[str, Ints] = {}
    if request.about != "entities":
        informed = (prior.items.factors**2).sum(axis=1) > 0
        if request.asked is not None:
            informed &= request.asked
        informed[answers.answered_items] = False
        pools[ITEM] = _best_known(informed, prior.counts)
    if request.about != "items":
        informed = (prior.known >= _FEWEST) & ((prior.entities.factors**2).sum(axis=1) > 0)
        informed[answers.answered_entities] = False
        pools[ENTITY] = _best_known(informed, prior.known)
    return pools


def _best_known(allowed: np.ndarray, counts: Floats | Ints) -> Ints:
    """The rows allowed, at most _MOST: those with the highest counts."""
    rows = np.flatnonzero(allowed)
    if len(rows) > _MOST:
        rows = np.sort(rows[np.argsort(-counts[rows], kind="stable")[:_MOST]])
    return rows
