"""Lists that obey rules: boosts in the scores, hidden items left out, the others placed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch

from kgrec.arrays import Csr, row_numbers
from kgrec.graph.snapshot import Ints
from kgrec.ranking import top_k
from kgrec.ranking.topk import NONE
from kgrec.rules.batch_filling import fill_lists
from kgrec.rules.filling import Filling
from kgrec.rules.list_rules import ListRules, RequestRules
from kgrec.rules.placement import Placement

_FIRST: Final = 3  # items for each place of a list that are looked at in many lists at once
_SPARE: Final = 16  # and beside these
_DEEPER: Final = 8  # times as many where the best list is not proven to be the best
_NEXT: Final = 8  # and where these were too few, beside those still needed
_MANY: Final = 8  # lists; fewer are filled sooner one by one


def add_boosts(scores: np.ndarray, rules: ListRules) -> None:
    """Add the boosts to one user's scores float32 ``[n_items]``, in place."""
    if len(rules.boosted):
        scores[rules.boosted] += rules.amounts


def boosted(scores: torch.Tensor, rules: RequestRules) -> torch.Tensor:
    """float32 ``[B, n_items]``: the scores with the boosts of each row's rules, in place."""
    with torch.inference_mode():
        for rows, one in rules.parts():
            if len(one.boosted):
                at = torch.from_numpy(rows).to(scores.device)[:, None]
                items = torch.from_numpy(one.boosted).to(scores.device)
                scores[at, items] += torch.from_numpy(one.amounts).to(scores.device)
    return scores


def changed(scores: torch.Tensor, rules: RequestRules) -> None:
    """Add the boosts to scores float32 ``[B, n_items]`` and set those of hidden items to -inf, in
    place."""
    with torch.inference_mode():
        if scores.device.type == "cpu":
            rows = scores.numpy()
            for row, number in zip(rows, rules.place.tolist(), strict=True):
                rules.profiles[number].change(row)
            return
        for members, one in rules.parts():
            at = torch.from_numpy(members).to(scores.device)[:, None]
            items = torch.from_numpy(one.touched).to(scores.device)
            scores[at, items] += torch.from_numpy(one.changes).to(scores.device)


def one_ruled_list(
    scores: np.ndarray, rules: ListRules, *, k: int, seen: Csr | None, candidates: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """``top_k`` of a single row under rules, with few operations; ``scores`` float32 ``[1, n]``
    of the model are changed."""
    row = scores[0]
    rules.change(row)
    if rules.placement is None:
        return top_k(scores, k, seen=seen, candidates=candidates, overwrite=True)
    if seen is not None:
        row[seen[1]] = -np.inf
    if candidates is not None:
        row[~(candidates[0] if candidates.ndim == 2 else candidates)] = -np.inf
    rows = np.array(_placed(row, rules.placement, k), dtype=np.int64)
    if len(rows) == k:
        return rows[None], row[rows][None]
    return _padded([rows], k), np.append(row[rows], np.full(k - len(rows), -np.inf, np.float32))[
        None
    ]


def ruled_lists(
    scores: torch.Tensor,
    rules: RequestRules,
    *,
    k: int,
    seen: Csr | None,
    candidates: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """``top_k`` of every row under its rules; ``scores`` float32 ``[B, n]``, of the model, are
    changed."""
    changed(scores, rules)
    placements = [one.placement for one in rules.profiles]
    if not any(placements):
        found = top_k(scores, k, seen=seen, candidates=candidates, overwrite=True)
        return found[0].cpu().numpy(), found[1].cpu().numpy()
    _restrict(scores, seen, candidates)
    rows = np.full((len(scores), k), NONE, dtype=np.int64)
    own = scores.cpu().numpy()  # on the processor no copy
    best = own[:0]
    if len(rows) >= _MANY or None in placements:
        depth = min(_FIRST * k + _SPARE, scores.shape[1])
        best = top_k(scores, depth)[0].cpu().numpy()
    for members, placement in _by_placement(rules):
        if placement is None:
            rows[members] = best[members, :k]
            continue
        left = members
        if len(members) >= _MANY and not placement.exact:
            words = placement.words(own.shape[1])
            filled, done = fill_lists(own, members, best[members], placement, words, k)
            rows[members[done]], left = filled[done], members[~done]
        for row in left.tolist():
            found_row = _placed(own[row], placement, k)
            rows[row, : len(found_row)] = found_row
    at = torch.from_numpy(np.maximum(rows, 0)).to(scores.device)
    listed = scores.gather(1, at).cpu().numpy()
    listed[rows == NONE] = -np.inf
    return rows, listed


def _by_placement(rules: RequestRules) -> Iterator[tuple[Ints, Placement | None]]:
    """The rows of a request whose places the same pins, caps and floors set, int64, with these."""
    distinct = list(dict.fromkeys(one.placement for one in rules.profiles))
    number = {placement: n for n, placement in enumerate(distinct)}
    place = np.array([number[one.placement] for one in rules.profiles])[rules.place]
    for n, placement in enumerate(distinct):
        rows = np.flatnonzero(place == n)
        if len(rows):
            yield rows, placement


def _restrict(scores: torch.Tensor, seen: Csr | None, candidates: np.ndarray | None) -> None:
    """Set the scores of seen items, and of all but candidates, to -inf, in place."""
    with torch.inference_mode():
        if candidates is not None:
            mask = torch.from_numpy(np.ascontiguousarray(candidates)).to(scores.device)
            scores.masked_fill_(~mask, -torch.inf)
        if seen is not None and len(seen[1]):
            rows = torch.from_numpy(row_numbers(seen[0])).to(scores.device)
            items = torch.from_numpy(np.ascontiguousarray(seen[1])).to(scores.device)
            scores[rows, items] = -torch.inf


def _padded(lists: Sequence[Sequence[int] | Ints], k: int) -> Ints:
    """int64 ``[B, k]``: the lists, padded with NONE."""
    rows = np.full((len(lists), k), NONE, dtype=np.int64)
    for row, found in zip(rows, lists, strict=True):
        row[: len(found)] = found
    return rows


def _placed(scores: np.ndarray, placement: Placement, k: int) -> list[int]:
    """Item rows of the list of one row of scores float32 ``[n]``, where an item that may not be in
    it has -inf."""
    if not placement.exact:
        return _filled(scores, placement, k)
    size = placement.window(k)
    start = _filled(scores, placement, size)
    if len(start) < size:
        return start[:k]
    start = _improved(scores, placement, start)
    return start[:k] if k <= size else _filled(scores, placement, k, start)


def _improved(scores: np.ndarray, placement: Placement, filled: Sequence[int]) -> list[int]:
    """The best list in place of one that was filled place by place."""
    depth = placement.depth(len(filled), len(scores))
    floors = [np.where(floor.inside, scores, -np.inf) for floor in placement.floors]
    others = [row for one in floors for row in _first(one, min(len(filled), len(one)))[0]]
    while True:
        first, whole = _first(scores.copy(), depth)
        rows = np.array(list(dict.fromkeys([*first, *others, *filled])), dtype=np.int64)
        rows = np.append(rows[: len(first)], np.sort(rows[len(first) :]))
        order = np.argsort(-scores[rows[len(first) :]], kind="stable")
        rows[len(first) :] = rows[len(first) :][order]
        known = (rows.tolist(), scores[rows].tolist(), len(first))
        found, proven = placement.improved(filled, known, scores.__getitem__, whole=whole)
        if proven or whole:
            return found
        depth = min(_DEEPER * depth, len(scores))


def _filled(
    scores: np.ndarray, placement: Placement, k: int, start: Sequence[int] = ()
) -> list[int]:
    """``_placed`` place by place, after those of ``start``.

    Where the first items are too few, those that caps leave out for good are none of the next
    ones: rare kinds are found without a look at all that is better.
    """
    words = placement.words(len(scores))

    def beyond(floors: Sequence[int], place: int) -> int:
        inside = np.any([placement.floors[number].inside for number in floors], axis=0)
        inside &= ~words.blocked(filling.total, place)
        left = np.where(inside, scores, -np.inf)
        left[filling.best] = left[list(filling.taken)] = -np.inf
        best = int(left.argmax())
        return best if left[best] > -np.inf else -1

    known, whole = _first(scores, placement.depth(k, len(scores)))
    filling = Filling(placement, known, scores.__getitem__, beyond)
    filling.start_with(start)
    while True:
        found = filling.run(k, whole=whole)
        if len(found) == k:
            return found
        if whole:
            return filling.with_moved_pins(k)
        left = scores.copy()
        left[words.blocked(filling.total, k)] = -np.inf
        left[filling.best] = -np.inf
        more, whole = _first(left, min(_NEXT + k - len(found), len(scores)))
        filling.best += more


def _first(scores: np.ndarray, depth: int) -> tuple[list[int], bool]:
    """The first ``depth`` item rows, and whether these are all that may be in a list."""
    best = top_k(scores[None], depth, overwrite=True)[0][0]
    known = best.tolist() if best[-1] != NONE else best[best != NONE].tolist()
    return known, len(known) < depth or depth == len(scores)
