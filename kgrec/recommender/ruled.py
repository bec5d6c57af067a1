"""The scenario of a request that names none, where the settings have a rule that goes by users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kgrec.graph.features import Vocabulary
from kgrec.graph.snapshot import Ints, NodeTable
from kgrec.scenario_config import ScenarioRule
from kgrec.scenarios import scenario_of_request, user_scenarios

if TYPE_CHECKING:
    from kgrec.recommender.engine import Engine


def codes_of_users(
    rule: ScenarioRule | None, users: NodeTable, vocabulary: Vocabulary
) -> Ints | None:
    """int64 ``[m]``: the code of the rule's scenario of each stored user, -1 for none; None without
    a rule that goes by users. Raises RequestError where no user has the rule's attribute."""
    if rule is None or not rule.of_user:
        return None
    return _codes(user_scenarios(users, rule), vocabulary)


def scenarios_of(
    engine: Engine, users: Ints, context: Mapping[str, Any] | None = None
) -> Ints | None:
    """int64 ``[B]``: the rule's scenario of each of ``users`` (rows; -1: a stranger, of whom
    ``context`` tells), -1 for none; None where no rule can say."""
    stored = engine.user_scenarios
    if stored is None or engine.rule is None:
        return None
    codes = np.full(len(users), -1, dtype=np.int64)
    known = users >= 0
    codes[known] = stored[users[known]]
    if context and not known.all():
        name = scenario_of_request(engine.rule, attributes=context)
        codes[~known] = _codes(np.array([name or ""], dtype=object), engine.vocabulary)
    return codes


def _codes(names: np.ndarray, vocabulary: Vocabulary) -> Ints:
    known = pd.Index(vocabulary.scenarios, dtype=object)
    return np.asarray(known.get_indexer(pd.Index(names, dtype=object)), dtype=np.int64)
