"""A fitted state without people: their rows leave, and what is in closed form is fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kgrec.features.attribute_tokens import without_unused
from kgrec.features.tables import KeptRows
from kgrec.recommender import Recommender
from kgrec.scenarios.fitted_recogniser import fit_scenario_recogniser
from kgrec.scoring.item_clusters.build import clusters_for
from kgrec.state import COUNTED_BY_EXPOSURE, FittedState
from kgrec.stores.people.erased_people import (
    ITEM_WEIGHTS,
    PARAMETERS,
    RATINGS,
    RECOGNISER,
    ErasedPeople,
    Tombstones,
)


def erased_state(
    state: FittedState, users: Sequence[str], tombstones: Tombstones | None = None
) -> tuple[FittedState, dict[str, int]]:
    """The state without these people.

    Their rows and texts leave as by ``Recommender.remove``. Item–item weights, and with effort
    "quick" vectors and biases, are fitted again to what remains, with the settings that the fit had
    chosen; so is the recogniser. Other learned parts stay, and are marked. Logs of training and of
    a search over settings, which were measured with them, are dropped.

    Parameters
    ----------
    state : FittedState
    users : sequence of str
        Their ids; those that are not there are passed over.
    tombstones : Tombstones, optional
        Whose key to use, where the state has no tombstones yet; by default one with a new key.

    Returns
    -------
    tuple of FittedState and dict
        The state, and how many rows of each frame left.

    Raises
    ------
    RequestError
        Where the model could not answer afterwards, as without any item.
    """
    before = state.erased or ErasedPeople(replace(tombstones or Tombstones(), hashes=frozenset()))
    model = Recommender.of(state)
    rows = dict(model.remove(users=users, missing="ignore").rows)
    marked = replace(before, tombstones=before.tombstones.with_users(users))
    if not rows["users"]:
        return replace(state, erased=marked), rows
    left = _without_own(model.state)
    left, fitted = _refitted(left)
    parts = tuple(part for part in _parts(left) if part not in fitted)
    if parts:
        parts = tuple(dict.fromkeys((*before.parts, *parts)))
        marked = replace(marked, people=before.people + rows["users"], parts=parts)
    counted = [one for one in left.training_log if COUNTED_BY_EXPOSURE in one]
    kept = [] if PARAMETERS in fitted else counted
    return replace(left, erased=marked, training_log=kept, rating_log=[], trials=[]), rows


def _parts(state: FittedState) -> list[str]:
    """What a state has learned."""
    there = {
        PARAMETERS: True,
        ITEM_WEIGHTS: state.engine.weights is not None,
        RATINGS: state.rating_model is not None,
        RECOGNISER: state.recogniser is not None,
    }
    return [name for name, has in there.items() if has]


def _refitted(state: FittedState) -> tuple[FittedState, set[str]]:
    """The state with its closed-form parts fitted again, and which parts these are.

    Those of a private fit stay: they hide everybody, and fitting them anew would spend its epsilon
    once more.
    """
    origin = state.origin
    if origin is None or state.engine.private or not len(state.snapshot.interactions):
        return state, set()
    engine = origin.refitted(state.engine, state.config)
    clusters = clusters_for(engine, state.config.ranking, state.item_clusters)
    fitted = {ITEM_WEIGHTS}
    if origin.vectors is not None and not engine.model.shape.late_scenarios:
        fitted.add(PARAMETERS)
    state = replace(state, engine=engine, item_clusters=clusters)
    recogniser, before = fit_scenario_recogniser(engine, origin.seed), state.recogniser
    if before is None or recogniser is None or not np.array_equal(recogniser.names, before.names):
        return state, fitted
    return replace(state, recogniser=recogniser), fitted | {RECOGNISER}


def _without_own(state: FittedState) -> FittedState:
    """The state without what only people who left had: values of attributes that no user has any
    more, and what was learned of items of which no event is left. These are new items now."""
    vocabulary, events = state.engine.vocabulary, state.snapshot.interactions
    tokens = without_unused(vocabulary.user_tokens, state.full_snapshot.users.attributes)
    seen = np.zeros(len(state.snapshot.items) + 1, dtype=bool)
    seen[np.asarray(events.item)] = True
    seen |= state.engine.private  # there what is known of items hides everybody
    items = np.flatnonzero(seen[state.snapshot.items.rows(vocabulary.items)])
    rows = KeptRows(items, np.arange(len(vocabulary.entities)))
    if not len(items) or (tokens is vocabulary.user_tokens and vocabulary.is_whole(rows)):
        return state
    kept = state.keeping(rows)
    named = replace(kept.engine, vocabulary=replace(kept.engine.vocabulary, user_tokens=tokens))
    engine = named.over(state.snapshot, state.engine.texts)
    clusters = clusters_for(engine, state.config.ranking, state.item_clusters)
    return replace(kept, engine=engine, item_clusters=clusters)
