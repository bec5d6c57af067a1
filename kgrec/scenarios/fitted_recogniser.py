"""FittedRecogniser: what a snapshot says about scenarios, by history, user, hour and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.arrays import offsets
from kgrec.errors import RequestError
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Ints
from kgrec.scenarios.recogniser import Recogniser
from kgrec.scenarios.recogniser_training import fit_recogniser
from kgrec.scenarios.text_prototypes import fit_text_scales
from kgrec.scoring.engine import Engine

HOUR = "hour"
_VALID_SHARE = 0.2  # of users, held out for calibration
_MIN_EXAMPLES, _MAX_EXAMPLES = 10, 50_000
_LATEST = 8  # examples of a user of several scenarios


@dataclass(frozen=True, eq=False)
class FittedRecogniser:
    """A recogniser of the scenarios ``names`` object ``[K]``, fitted on one snapshot.

    ``model`` reads histories. ``attributes`` float64 ``[tokens, K]`` and ``hours`` ``[24, K]``: log
    p(scenario | value) / p(scenario) of user attribute tokens and hours (UTC). ``text_scales``
    float64 ``[2]``: softmax scales of the cosines between a scenario's text and the texts of a
    history and of a query.
    """

    names: np.ndarray
    model: Recogniser
    attributes: np.ndarray
    hours: np.ndarray
    text_scales: np.ndarray

    def context_evidence(self, context: Mapping[str, Any], vocabulary: Vocabulary) -> np.ndarray:
        """Log evidence of user attributes and ``hour`` (0 to 23), float64 ``[K]``.

        It is added to the log probability of each scenario. Raises RequestError for a value that
        can't be read.
        """
        evidence = np.zeros(len(self.names))
        if HOUR in context:
            evidence += self.hours[_hour(context[HOUR])]
        rest = {name: value for name, value in context.items() if name != HOUR}
        if not rest:
            return evidence
        try:
            tokens = vocabulary.user_tokens.matrix(pd.DataFrame([rest]))
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"context {rest} doesn't fit the user attributes: {error}"
            ) from error
        return np.asarray(evidence + self.attributes[tokens.indices].sum(axis=0))


def fit_scenario_recogniser(engine: Engine, seed: int) -> FittedRecogniser | None:
    """Learn to recognise the scenarios of the engine's snapshot.

    The examples are each user's latest event, with the events before it as history; for a user of
    several scenarios the latest _LATEST events, since the next scenario differs from event to
    event. A fifth of the users is held out for calibration. None where fewer than two scenarios
    have histories, or users are too few.
    """
    names = engine.vocabulary.scenarios
    user, label, bags = _examples(engine, seed)
    present, code = np.unique(label, return_inverse=True)
    held = np.isin(user, _held_users(user, seed))
    if len(label) < _MIN_EXAMPLES or not held.any() or len(np.unique(code[~held])) < 2:
        return None
    found = fit_recogniser(
        bags[~held], code[~held], bags[held], code[held], len(present), seed=seed
    )
    known = names[present]
    return FittedRecogniser(
        names=known,
        model=found,
        attributes=_attribute_odds(engine, user, code, found.prior),
        hours=_hour_odds(engine.snapshot, known, found.prior),
        text_scales=fit_text_scales(engine, known, bags, code),
    )


def history_bags(engine: Engine, indptr: Ints, items: Ints) -> sp.csr_matrix:
    """Histories as bags over the vocabulary's n items, CSR float32 ``[B, n]``.

    ``indptr`` int64 ``[B + 1]`` and ``items`` (item rows) are the histories; cold items are left
    out.
    """
    row = engine.inputs.items.item_row.cpu().numpy()[items]
    known = row >= 0
    kept = offsets(known)[indptr]
    n = len(engine.vocabulary.items)
    ones = np.ones(int(kept[-1]), dtype=np.float32)
    bags = sp.csr_matrix((ones, row[known], kept), shape=(len(indptr) - 1, n))
    bags.sum_duplicates()
    return bags


def _examples(engine: Engine, seed: int) -> tuple[Ints, Ints, sp.csr_matrix]:
    """User row, scenario code and bag of each example."""
    data = engine.sequences
    user = np.repeat(np.arange(len(data.indptr) - 1), np.diff(data.indptr))
    labelled = np.flatnonzero(data.scenario >= 0)
    scenarios = pd.DataFrame({"user": user[labelled], "scenario": data.scenario[labelled]})
    of_user = scenarios.groupby("user")
    several = (of_user["scenario"].transform("nunique") > 1).to_numpy()
    since = of_user.cumcount(ascending=False).to_numpy()
    last = labelled[since < np.where(several, _LATEST, 1)]
    last = last[last > data.indptr[user[last]]]  # with a history
    if len(last) > _MAX_EXAMPLES:
        last = np.sort(np.random.default_rng(seed).choice(last, _MAX_EXAMPLES, replace=False))
    start = data.indptr[user[last]]
    lengths = last - start
    indptr = offsets(lengths)
    events = np.repeat(start - indptr[:-1], lengths) + np.arange(indptr[-1])
    return user[last], data.scenario[last], history_bags(engine, indptr, data.item[events])


def _held_users(user: Ints, seed: int) -> Ints:
    users = np.unique(user)
    return np.random.default_rng(seed).permutation(users)[: int(np.ceil(_VALID_SHARE * len(users)))]


def _odds(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """log p(k | row) / p(k) from counts ``[rows, K]``; one pseudo-count, shared by the prior."""
    share = (counts + prior) / (counts.sum(axis=1, keepdims=True) + 1)
    return np.asarray(np.log(share / prior), dtype=np.float64)


def _attribute_odds(engine: Engine, user: Ints, code: Ints, prior: np.ndarray) -> np.ndarray:
    tokens = engine.vocabulary.user_tokens.matrix(engine.snapshot.users.attributes)[user] > 0
    return _odds(np.asarray(tokens.T.astype(np.float64) @ np.eye(len(prior))[code]), prior)


def _hour_odds(snapshot: GraphSnapshot, names: np.ndarray, prior: np.ndarray) -> np.ndarray:
    events = snapshot.interactions
    code = pd.Index(names, dtype=object).get_indexer(pd.Index(events.scenario, dtype=object))
    timed = (code >= 0) & (events.timestamp != NO_TIME)
    counts = np.zeros((24, len(prior)))
    np.add.at(counts, (events.timestamp[timed] // 3600 % 24, code[timed]), 1.0)
    share = counts.sum(axis=0) / max(counts.sum(), 1.0)
    # Relative to the scenarios' shares of events, so that busy ones are not likely at every hour.
    return _odds(counts, np.where(share > 0, share, prior)) if counts.any() else counts


def _hour(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value <= 23:
        raise RequestError(f"context hour is {value!r}; give a whole number from 0 to 23 (UTC).")
    return int(value)
