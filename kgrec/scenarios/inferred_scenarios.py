"""UserScenarios: the scenario of requests that do not give one, where it can be inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kgrec.arrays import row_numbers
from kgrec.config.scenarios import ScenarioRule
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import Ints, NodeTable
from kgrec.scenarios.matching import scenario_of_request, user_scenarios
from kgrec.scoring.engine import Engine
from kgrec.training.data.examples import Sequences


@dataclass(frozen=True, eq=False)
class UserScenarios:
    """Scenarios inferred from a rule, or from users' own events.

    ``stored`` int64 ``[m]``: the scenario code of every stored user, -1 for none; None where
    nothing can be inferred from users.
    """

    stored: Ints | None
    rule: ScenarioRule | None
    vocabulary: Vocabulary

    @staticmethod
    def infer(engine: Engine, rule: ScenarioRule | None) -> UserScenarios:
        """Infer by ``rule`` if it uses user attributes.

        Without a rule, by the events of each user, where scenarios have their own items. Raises
        RequestError where no user has the rule's attribute.
        """
        if rule is None and engine.model.shape.own_items:
            return UserScenarios(single_scenarios(engine.sequences), None, engine.vocabulary)
        stored = codes_of_users(rule, engine.snapshot.users, engine.vocabulary)
        return UserScenarios(stored, rule, engine.vocabulary)

    def of(self, users: Ints, context: Mapping[str, Any] | None = None) -> Ints | None:
        """Scenario codes of ``users``, int64 ``[B]``, -1 for none; None where nothing can be
        inferred.

        ``users`` int64 ``[B]`` rows; for -1, a user that is not stored, the rule reads ``context``.
        """
        if self.stored is None:
            return None
        codes = np.full(len(users), -1, dtype=np.int64)
        known = users >= 0
        codes[known] = self.stored[users[known]]
        if self.rule is not None and context and not known.all():
            name = scenario_of_request(self.rule, attributes=context)
            codes[~known] = _codes(np.array([name or ""], dtype=object), self.vocabulary)
        return codes


def codes_of_users(
    rule: ScenarioRule | None, users: NodeTable, vocabulary: Vocabulary
) -> Ints | None:
    """Codes of the rule's scenario of each stored user, int64 ``[m]``, -1 for none.

    None without a rule that uses user attributes. Raises RequestError where no user has the rule's
    attribute.
    """
    if rule is None or not rule.of_user:
        return None
    return _codes(user_scenarios(users, rule), vocabulary)


def single_scenarios(events: Sequences) -> Ints:
    """The scenario of all events of each user, int64 ``[m]``.

    -1 for a user without events, or with events in several scenarios.
    """
    users, n_users = row_numbers(events.indptr), len(events.indptr) - 1
    found = np.full(n_users, -1, dtype=np.int64)
    found[users] = events.scenario
    several = users[events.scenario != found[users]]
    found[several] = -1
    return found


def _codes(names: np.ndarray, vocabulary: Vocabulary) -> Ints:
    known = pd.Index(vocabulary.scenarios, dtype=object)
    return np.asarray(known.get_indexer(pd.Index(names, dtype=object)), dtype=np.int64)
