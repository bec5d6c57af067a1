"""Questions: questions, lists and reasons from a graph alone, with or without a fitted model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.names import ITEM
from kgrec.arguments import check_choice, check_flag, check_k
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.paths.index import Constraints
from kgrec.questions.answers import Answers, GivenAnswers
from kgrec.questions.labels import UNSURE, Unsure, most_unsure
from kgrec.questions.lists import best_for_answers
from kgrec.questions.prior import Prior
from kgrec.questions.reasons import explain_answers
from kgrec.questions.selection import (
    ABOUT,
    About,
    QuestionRequest,
    choose_questions,
    question_frame,
)
from kgrec.ranking import Where
from kgrec.rules.list_rules import ListRules
from kgrec.scoring.lookup import candidate_mask, item_rows
from kgrec.scoring.ranked_lists import Ranked, ranked_frame
from kgrec.session import with_plain_sessions
from kgrec.stores.base import GraphStore


@with_plain_sessions
@dataclass(frozen=True, eq=False)
class Questions:
    """Questions to new users, and lists from their answers, in closed form.

    No training is needed, so a shop without any interaction has questions too, by its facts and the
    attributes of its items. ``Recommender.ask`` and ``recommend(answers=...)`` are these methods
    over the graph of a fitted model.

    Attributes
    ----------
    snapshot : GraphSnapshot
        The graph.
    explainer : Explainer
        The index of the graph's paths.
    rules : ListRules or None
        The rules that lists obey, and items that they keep out of lists are not asked about; boosts
        are in the units of a model's scores and change nothing. None without rules.
    """

    snapshot: GraphSnapshot
    explainer: Explainer
    rules: ListRules | None = None

    @staticmethod
    def of(source: GraphStore | Catalog | GraphSnapshot | str | Path) -> Questions:
        """Those of a graph; interactions whose split is "test" are left out.

        Raises
        ------
        RequestError
            For what is no graph.
        StoreError, CatalogError, SourceError
            Where the graph can't be read.
        """
        snapshot = read_source(source).without_splits(("test",))
        mapping = getattr(source, "mapping", None)
        return Questions(snapshot, Explainer(snapshot, mapping=mapping))

    @cached_property
    def prior(self) -> Prior:
        """What is expected of a new user before any answer; computed when first asked for."""
        return Prior.of(self.snapshot)

    def ask(
        self,
        k: int = 1,
        answers: GivenAnswers | None = None,
        *,
        about: About = "items",
        targets: Where | None = None,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """The questions whose answers are expected to improve the list most, best first.

        Parameters
        ----------
        k : int
            Number of questions. Ask one at a time where you can: the next then reads the answer.
        answers : mapping or sequence of pairs, optional
            What was said so far, by id of an item or entity ("Item:588" or "Entity:e1" where both
            have it): "yes" or True, "no" or False, "unknown" or None. Who does not know
            something has not said no: "unknown" changes no score, and is not asked again.
        about : {"items", "entities", "both"}
            What questions are about.
        targets : mapping or callable, optional
            Conditions on the attributes of the items that the list will be made of, as ``where`` of
            ``Recommender.recommend``.
        constraints : Constraints, optional
            ``candidates``, ``where`` and ``exclude``: the items that may be asked about.

        Returns
        -------
        pandas.DataFrame
            Columns label ("Item" or "Entity"), id, name (str), gain (float64: by how much the
            answer is expected to raise the sum of the scores of the ten best items), yes (float64:
            probability of a yes) and rank (int64). Fewer than ``k`` where no more is left.

        Raises
        ------
        RequestError
            For unknown ids, answers that contradict each other, ``k`` below 1, and where nothing
            is left to ask about.
        """
        request = QuestionRequest(
            check_k(k),
            check_choice(about, "about", ABOUT),
            self._allowed(candidate_mask(self.snapshot, constraints or Constraints())),
            self._allowed(candidate_mask(self.snapshot, Constraints(where=targets))),
        )
        said = Answers.read(answers, self.snapshot)
        return question_frame(self.snapshot, choose_questions(self.prior, said, request))

    def recommend(
        self,
        answers: GivenAnswers,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """The ``k`` best items after ``answers``, as ``Recommender.recommend`` returns them.

        Parameters
        ----------
        answers
            As in ``ask``; none gives the items that are chosen most.
        exclude_seen : bool
            Leave out the items that were answered yes or no.
        constraints : Constraints, optional
            ``candidates``, ``where`` and ``exclude`` of the list.

        Returns
        -------
        pandas.DataFrame
            Columns user_id ("0"), item_id, score (float32: the probability of a yes by a linear
            model, which may be below 0 or above 1) and rank (int64).

        Raises
        ------
        RequestError
            For unknown ids and answers that contradict each other.
        """
        ranked = self.rank(answers, k, exclude_seen=exclude_seen, constraints=constraints)
        return ranked_frame(("user_id", "item_id"), ["0"], ranked)

    def rank(
        self,
        answers: GivenAnswers,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        constraints: Constraints | None = None,
    ) -> Ranked:
        """``recommend`` as arrays: ``ids`` object and ``scores`` float32, both ``[1, k]``."""
        mask = candidate_mask(self.snapshot, constraints or Constraints())
        said = Answers.read(answers, self.snapshot)
        seen = check_flag(exclude_seen, "exclude_seen")
        found = best_for_answers(
            self.prior, said, check_k(k), mask, exclude_seen=seen, rules=self.rules
        )
        integers = self.snapshot.answers_integers(ITEM, None)
        ids = self.snapshot.items.ids
        names = np.array([*(map(int, ids) if integers else ids), None], dtype=object)
        return Ranked(names[found.rows], found.scores)

    def _allowed(self, mask: np.ndarray | None) -> np.ndarray | None:
        """bool ``[n_items]``: those of ``mask`` that rules don't keep out of lists; None: all."""
        if self.rules is None:
            return mask
        return self.rules.allowed if mask is None else mask & self.rules.allowed

    def explain(
        self, answers: GivenAnswers, item: str, *, k: int = 5, writer: Writer | str = "en"
    ) -> Explanation:
        """Why ``item`` has its score after ``answers``: what each answer adds.

        Parameters
        ----------
        answers
            As in ``ask``.
        item : str
            The item's id.
        k : int
            Number of answers shown, at most: those that move the score most.
        writer : Writer or str
            Words of the sentences: a language ("en", "de") or a Writer.

        Returns
        -------
        Explanation
            A path for each answer; contributions add up to score − baseline, and the baseline is
            the score before any answer.

        Raises
        ------
        RequestError
            For unknown ids, and answers that contradict each other.
        """
        row = int(item_rows(self.snapshot.items, [item])[0])
        said, words = Answers.read(answers, self.snapshot), Writer.of(writer)
        return explain_answers(self.explainer, self.prior, said, row, check_k(k), words)

    def unsure(self, of: Unsure = "users", k: int = 10) -> pd.DataFrame:
        """The users, items or scenarios of which more interactions would tell most.

        Parameters
        ----------
        of : {"users", "items", "scenarios"}
            Users whose next answers would tell most; items that few users have chosen and that much
            depends on; scenarios that lack examples (``kgrec.questions.labels``).
        k : int
            Length of the list.

        Returns
        -------
        pandas.DataFrame
            Columns label, id (str), uncertainty (float64, comparable within a list), interactions
            (int64: of the user; users of the item or scenario) and rank (int64).

        Raises
        ------
        RequestError
            For an unknown kind, ``k`` below 1, and scenarios of a graph without any.
        """
        kind = check_choice(of, "of", UNSURE)
        return most_unsure(self.snapshot, self.prior, kind, check_k(k))
