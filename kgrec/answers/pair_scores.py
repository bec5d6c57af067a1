"""Scores of user–item pairs, the same as in the lists of ``recommend``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from kgrec.arguments import all_integers, id_list, named, pair_list
from kgrec.arrays import offsets
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Floats, Ints, Strings
from kgrec.query import Query, Resolver
from kgrec.scoring.given_histories import histories_of_frame
from kgrec.scoring.ranked_lists import score_blocks
from kgrec.scoring.request import Request

GivenPairs: TypeAlias = pd.DataFrame | Sequence[tuple[str, str]]

USER, ITEM, SCENARIO, SCORE = "user_id", "item_id", "scenario", "score"


def score_pairs(resolver: Resolver, pairs: GivenPairs, query: Query) -> pd.DataFrame:
    """``pairs`` with a column score (float32), in the circumstances of ``query``, whose histories
    are by user id. See ``Recommender.score``. Raises RequestError."""
    frame = _read(pairs)
    users = np.array(id_list(frame[USER].tolist(), USER), dtype=object)
    items = np.array(id_list(frame[ITEM].tolist(), ITEM), dtype=object)
    given = _histories(query)
    rows = _item_rows(resolver, users, items, given)
    scores = np.empty(len(frame), dtype=np.float32)
    for part, chosen in _parts(frame, users, query, given):
        scores[chosen] = _score(resolver, part, users[chosen], rows[chosen])
    return frame.assign(**{SCORE: scores})


def _read(pairs: GivenPairs) -> pd.DataFrame:
    """Raises RequestError for pairs of another form, missing ids, and a column score."""
    if not isinstance(pairs, pd.DataFrame):
        return _of_sequence(pairs)
    if not pairs.columns.is_unique:
        twice = pairs.columns[pairs.columns.duplicated()][0]
        raise RequestError(f"pairs have the column {twice!r} more than once; rename one.")
    absent = [name for name in (USER, ITEM) if name not in pairs.columns]
    if absent:
        raise RequestError(f"pairs have no column {absent[0]!r}; give user_id and item_id.")
    if SCORE in pairs.columns:
        raise RequestError(
            "pairs have a column 'score' already, which the answer would overwrite; rename it, or "
            "pass pairs[['user_id', 'item_id']]."
        )
    for name in (USER, ITEM):
        missing = pairs[name].isna().to_numpy()
        if missing.any():
            raise RequestError(
                f"{missing.sum():,} of {len(pairs):,} pairs have no {name}, the first in row "
                f"{int(np.argmax(missing))}; fill it in, or leave these rows out."
            )
    return pairs


def _of_sequence(pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    rows = pair_list(pairs, "pair")
    users, items = [user for user, _ in rows], [item for _, item in rows]
    return pd.DataFrame({USER: _column(users), ITEM: _column(items)})


def _column(ids: list[Any]) -> pd.Series[Any]:
    """Ids as they are, int64 where all are integers."""
    return pd.Series(ids, dtype="int64" if all_integers(ids) else "object")


def _histories(query: Query) -> dict[str, Any]:
    """The histories of the query by user id. Raises RequestError for those without ids."""
    found = query.histories
    if found is None:
        return {}
    if isinstance(found, pd.DataFrame):
        found = histories_of_frame(found)
    if not isinstance(found, Mapping):
        raise RequestError(
            "histories of pairs belong to users; pass a mapping, {user id: [item ids]}, or a frame."
        )
    return dict(zip(id_list(list(found), "histories"), found.values(), strict=True))


def _item_rows(
    resolver: Resolver, users: Strings, items: Strings, given: Mapping[str, Any]
) -> Ints:
    """int64: the items' rows. Raises one RequestError that names all unknown items and users."""
    snapshot = resolver.engine.snapshot
    rows = snapshot.items.rows(items)
    absent = snapshot.users.rows(users) < 0
    strangers = [user for user in pd.unique(users[absent]) if user not in given]
    unknown = pd.unique(items[rows < 0]).tolist()
    complaints = [f"users {named(strangers)}"] if strangers else []
    complaints += [f"items {named(unknown)}"] if unknown else []
    if complaints:
        cure = "add them with update(), or leave their pairs out"
        cure += "; users also with histories={user: [item ids]}." if strangers else "."
        raise RequestError(f"not in the graph: {'; '.join(complaints)}: {cure}")
    return rows


def _parts(
    frame: pd.DataFrame, users: Strings, query: Query, given: Mapping[str, Any]
) -> Iterator[tuple[Query, Ints]]:
    """Queries that answer for some of the rows each: those of one scenario, with stored histories
    or with given ones."""
    typed = np.array([user in given for user in users], dtype=bool)
    for scenario, inside in _by_scenario(frame, query):
        for chosen in (inside & ~typed, inside & typed):
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            names = pd.unique(users[rows]).tolist()
            part = replace(query, users=names, histories=None, scenario=scenario)
            if typed[rows[0]]:
                part = replace(part, users=None, histories={name: given[name] for name in names})
            yield part, rows


def _by_scenario(frame: pd.DataFrame, query: Query) -> list[tuple[str | None, np.ndarray]]:
    """Each scenario with bool ``[n]``: its rows, by the column scenario where there is one. Raises
    RequestError for a scenario in both places."""
    if SCENARIO not in frame.columns:
        return [(query.scenario, np.ones(len(frame), dtype=bool))]
    if query.scenario is not None:
        raise RequestError("scenario is given beside a column 'scenario' of the pairs; use one.")
    missing = frame[SCENARIO].isna().to_numpy(dtype=bool)
    texts = ["" if gap else str(name) for gap, name in zip(missing, frame[SCENARIO], strict=True)]
    wanted = [name if name.strip() else None for name in texts]
    return [
        (scenario, np.array([name == scenario for name in wanted], dtype=bool))
        for scenario in dict.fromkeys(wanted)
    ]


def _score(resolver: Resolver, query: Query, users: Strings, items: Ints) -> Floats:
    """float32: the scores of pairs, whose users are all those of the query in this order."""
    request = resolver.resolve(query)
    order, cuts = _by_user(request, users)
    scores = np.empty(len(users), dtype=np.float32)
    for start, block in score_blocks(resolver.engine, request):
        end = start + len(block)
        inside = order[cuts[start] : cuts[end]]
        row = np.repeat(np.arange(len(block)), np.diff(cuts[start : end + 1]))
        scores[inside] = block[row, items[inside]].cpu().numpy()
    return scores


def _by_user(request: Request, users: Strings) -> tuple[Ints, Ints]:
    """The order int64 ``[n]`` that sorts pairs by the request's users, and int64 ``[B + 1]``: where
    the pairs of each begin in it."""
    row = pd.Index(request.ids, dtype=object).get_indexer(pd.Index(users, dtype=object))
    return np.argsort(row, kind="stable"), offsets(np.bincount(row, minlength=len(request)))
