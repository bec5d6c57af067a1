"""The scenario of a request that names none, where a rule or the user's own events can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kgrec.arrays import row_numbers
from kgrec.config.scenarios import ScenarioRule
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import Ints, NodeTable
from kgrec.scenarios import scenario_of_request, user_scenarios
from kgrec.training.data.examples import Sequences

if TYPE_CHECKING:
    from kgrec.scoring.engine import Engine


def codes_of_users(
    rule: ScenarioRule | None, users: NodeTable, vocabulary: Vocabulary
) -> Ints | None:
    """int64 ``[m]``: the code of the rule's scenario of each stored user, -1 for none; None without
    a rule that goes by users. Raises RequestError where no user has the rule's attribute."""
    if rule is None or not rule.of_user:
        return None
    return _codes(user_scenarios(users, rule), vocabulary)


def only_scenarios(seen: Sequences) -> Ints:
    """int64 ``[m]``: the scenario that all events of a user are in, as a customer's are in one
    market; -1 for a user without events or with several."""
    users, n_users = row_numbers(seen.indptr), len(seen.indptr) - 1
    found = np.full(n_users, -1, dtype=np.int64)
    found[users] = seen.scenario
    several = users[seen.scenario != found[users]]
    found[several] = -1
    return found


def scenarios_of(
    engine: Engine, users: Ints, context: Mapping[str, Any] | None = None
) -> Ints | None:
    """int64 ``[B]``: the scenario of each of ``users`` (rows; -1: a stranger, of whom ``context``
    tells where there is a rule), -1 for none; None where nothing can say."""
    stored = engine.user_scenarios
    if stored is None:
        return None
    codes = np.full(len(users), -1, dtype=np.int64)
    known = users >= 0
    codes[known] = stored[users[known]]
    if engine.rule is not None and context and not known.all():
        name = scenario_of_request(engine.rule, attributes=context)
        codes[~known] = _codes(np.array([name or ""], dtype=object), engine.vocabulary)
    return codes


def _codes(names: np.ndarray, vocabulary: Vocabulary) -> Ints:
    known = pd.Index(vocabulary.scenarios, dtype=object)
    return np.asarray(known.get_indexer(pd.Index(names, dtype=object)), dtype=np.int64)
