"""Confidence of pairs: the probability that two names of one form are names of the same thing.

No labels are needed. Two counts of the data say how often a name deceives:

1. How many things of the dump share a name, in each form of a name: as often will a node that the
   dump lacks find the name of something else.
2. Among pairs of one form, how often years agree. Right pairs nearly always do; wrong ones as often
   as years drawn from both sides do. What share of the pairs is right follows from both (a mixture
   of two distributions, as in Fellegi and Sunter's record linkage, fitted by expectation
   maximisation).

The years, and likewise the kinds, of a pair then raise or lower its own probability, and the other
things that a node may be, and the other nodes that a thing may be, compete with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from kgrec.entity_linking.nodes.candidates import Pairs, Readings
from kgrec.entity_linking.nodes.names import Grade

FAR: Final = 0.01  # share of right pairs whose years differ by more than one
_NEAR: Final = 0.1  # share of right pairs whose years differ by one, before any is seen
_SAME_YEAR, _NEXT_YEAR, _OTHER_YEAR, _NO_YEAR = range(4)
_ROUNDS: Final = 30
_PRIOR: Final = 5.0  # nodes by which a share of right pairs is shrunk to what shared names say
_KIND_PRIOR: Final = 10.0  # pairs by which the kinds of right pairs are shrunk to those of the dump
_LEAST, _MOST = 0.001, 0.99  # of a share: no name alone is certain
_WORDS: Final = 3  # names of so many words or more are alike
_UNKNOWN: Final = 0.5  # share of right pairs of a form about which nothing is known


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the confidence of pairs is computed from; arrays ``[p]`` but for the last two.

    ``cell`` int64: pairs whose names say equally much (grade, words, one or several things).
    ``gap`` int64: the same year, the next one, another one, none known. ``rivals`` float64: things
    that share the name with the node in the same form. ``start`` float64 ``[cells]``: the share of
    nodes whose pairs hold a right one, from shared names alone. ``chance`` float64 ``[3]``: the
    shares of gaps among pairs drawn at random.
    """

    pairs: Pairs
    cell: np.ndarray
    gap: np.ndarray
    rivals: np.ndarray
    start: np.ndarray
    chance: np.ndarray

    @classmethod
    def of(cls, pairs: Pairs, shared: Pairs, nodes: Readings, things: Readings) -> Evidence:
        """``shared``: the pairs of things of the dump that share a name, each way round."""
        cell, rivals = _cells(pairs, nodes.words)
        found, _ = _cells(shared, things.words)
        start = _shares(cell, pairs.node, nodes.words, found, shared.node, things.words)
        gap = _gaps(nodes.years[pairs.node], things.years[pairs.thing])
        return cls(pairs, cell, gap, rivals, start, _chance(nodes.years, things.years))


def confidences(evidence: Evidence, node_kinds: np.ndarray, thing_kinds: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: the probability that each pair is right.

    ``node_kinds`` and ``thing_kinds``: object ``[nodes]`` and ``[things]``, kinds as ``a|b``.
    """
    kinds = _Kinds.of(evidence.pairs, node_kinds, thing_kinds)
    share, near = evidence.start, _NEAR
    by_kind = np.ones(len(evidence.pairs))
    answer = np.zeros(len(evidence.pairs))
    for _ in range(_ROUNDS):
        ratio = _year_ratios(evidence, near) * by_kind
        answer = _probabilities(evidence, share, ratio)
        share, near = _shares_again(evidence, answer), _near_again(evidence, answer)
        by_kind = kinds.ratios(answer)
    needs_year = (evidence.pairs.grade >= Grade.SHORT) & (evidence.gap != _SAME_YEAR)
    return np.where(needs_year, 0.0, answer)


def years_agree(gap: np.ndarray) -> np.ndarray:
    """bool ``[p]``: whether both years are known and differ by one at most."""
    return np.asarray(gap <= _NEXT_YEAR)


def same_years(gap: np.ndarray) -> np.ndarray:
    """bool ``[p]``: whether both years are known and equal."""
    return np.asarray(gap == _SAME_YEAR)


def years_known(gap: np.ndarray) -> np.ndarray:
    """bool ``[p]``: whether both years are known."""
    return np.asarray(gap != _NO_YEAR)


def _cells(pairs: Pairs, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each pair, and how many things share the name with its node in the same form."""
    key = pairs.node * len(Grade) + pairs.grade
    _, at, counts = np.unique(key, return_inverse=True, return_counts=True)
    rivals = counts[at].astype(np.float64)
    size = _bucket(words)[pairs.node]
    return (pairs.grade * _WORDS + size) * 2 + (rivals > 1), rivals


def _bucket(words: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(words, 1, _WORDS) - 1)


def _shares(
    cell: np.ndarray,
    node: np.ndarray,
    node_words: np.ndarray,
    shared_cell: np.ndarray,
    thing: np.ndarray,
    thing_words: np.ndarray,
) -> np.ndarray:
    """float64 ``[cells]``: the share of nodes with a right pair among those with pairs of a cell.

    Of the nodes of a name's length, a share q is in the dump under its name. The others find a name
    as often as a thing of the dump finds that of another thing.
    """
    cells = len(Grade) * _WORDS * 2
    size = np.arange(cells) // 2 % _WORDS
    nodes, things = _of_size(node_words), _of_size(thing_words)
    met = _distinct(cell, node, cells) / np.maximum(nodes[size], 1.0)
    chance = (_distinct(shared_cell, thing, cells) + 0.5) / (things[size] + 1.0)
    any_met = _distinct(_bucket(node_words)[node], node, _WORDS) / np.maximum(nodes, 1.0)
    any_chance = _distinct(_bucket(thing_words)[thing], thing, _WORDS) / (things + 1.0)
    inside = np.clip((any_met - any_chance) / (1.0 - any_chance), 0.0, 1.0)[size]
    share = 1.0 - (1.0 - inside) * chance / np.maximum(met, 1e-9)
    share[Grade.TYPO * _WORDS * 2 :] = _UNKNOWN  # no such pairs of things are counted
    return np.asarray(np.clip(share, _LEAST, _MOST))


def _of_size(words: np.ndarray) -> np.ndarray:
    return np.bincount(_bucket(words[words > 0]), minlength=_WORDS).astype(np.float64)


def _distinct(groups: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """float64 ``[size]``: how many distinct rows each group has."""
    both = np.unique(np.column_stack([groups, rows]), axis=0)
    return np.bincount(both[:, 0], minlength=size).astype(np.float64)


def _gaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    apart = np.abs(one - other)
    gap = np.select([apart == 0, apart <= 1, apart > 1], [_SAME_YEAR, _NEXT_YEAR, _OTHER_YEAR], 3)
    return gap.astype(np.int64)


def _chance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 ``[3]``: the shares of gaps among all pairs of known years."""
    here, there = (years[~np.isnan(years)].astype(np.int64) for years in (one, other))
    if not len(here) or not len(there):
        return np.array([0.0, 0.0, 1.0])
    low = int(min(here.min(), there.min())) - 1
    size = int(max(here.max(), there.max())) - low + 2
    first = np.bincount(here - low, minlength=size) / len(here)
    second = np.bincount(there - low, minlength=size) / len(there)
    same = float(first @ second)
    near = float(first[1:] @ second[:-1] + first[:-1] @ second[1:])
    return np.array([same, near, max(1.0 - same - near, 0.0)])


def _year_ratios(evidence: Evidence, near: float) -> np.ndarray:
    """float64 ``[p]``: how many times as likely the years are for a right pair as by chance."""
    right = np.array([(1.0 - FAR) * (1.0 - near), (1.0 - FAR) * near, FAR])
    ratio = right / np.maximum(evidence.chance, 1e-4)
    ratio[[_SAME_YEAR, _NEXT_YEAR]] = np.maximum(ratio[[_SAME_YEAR, _NEXT_YEAR]], 1.0)
    ratio[_OTHER_YEAR] = min(ratio[_OTHER_YEAR], 1.0)
    return np.asarray(np.append(ratio, 1.0)[evidence.gap])


def _probabilities(evidence: Evidence, share: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: each pair against its node's other things and its thing's other nodes."""
    pairs, own = evidence.pairs, share[evidence.cell]
    odds = own / (1.0 - own) / evidence.rivals * ratio
    rows = np.bincount(pairs.node, weights=odds)[pairs.node]
    columns = np.bincount(pairs.thing, weights=odds)[pairs.thing]
    return np.asarray(odds / (1.0 + rows + columns - odds))


def _shares_again(evidence: Evidence, answer: np.ndarray) -> np.ndarray:
    """float64 ``[cells]``: the shares that the years of the pairs agree with."""
    known = years_known(evidence.gap)
    cells = len(evidence.start)
    right = np.bincount(evidence.cell[known], weights=answer[known], minlength=cells)
    seen = _distinct(evidence.cell[known], evidence.pairs.node[known], cells)
    share = (right + _PRIOR * evidence.start) / (seen + _PRIOR)
    return np.clip(share, _LEAST, _MOST)


def _near_again(evidence: Evidence, answer: np.ndarray) -> float:
    near = float(answer[evidence.gap == _NEXT_YEAR].sum())
    same = float(answer[evidence.gap == _SAME_YEAR].sum())
    return (near + _NEAR * _PRIOR) / (near + same + _PRIOR)


@dataclass(frozen=True, eq=False)
class _Kinds:
    """The kinds of pairs: a row for each kind of a pair's thing.

    ``pair`` and ``both`` int64 ``[r]``: the pair, and its node's kind with the thing's. ``group``
    int64 ``[both]`` is the node's kind of each; ``usual`` float64 ``[both]`` the share of the
    dump's things that have the kind.
    """

    pair: np.ndarray
    both: np.ndarray
    group: np.ndarray
    usual: np.ndarray
    of_pair: np.ndarray  # the kind of each pair's node, int64 [p]

    @classmethod
    def of(cls, pairs: Pairs, node_kinds: np.ndarray, thing_kinds: np.ndarray) -> _Kinds:
        shares = pd.Series(thing_kinds).str.split("|").explode().value_counts() / len(thing_kinds)
        of_pair, _ = pd.factorize(node_kinds[pairs.node])
        kinds = pd.Series(thing_kinds[pairs.thing]).str.split("|").explode()
        own = of_pair[kinds.index.to_numpy()]
        both, first = pd.factorize(pd.MultiIndex.from_arrays([own, kinds]))
        groups = np.array([group for group, _ in first], dtype=np.int64)
        usual = np.array([float(shares[kind]) for _, kind in first])
        return cls(kinds.index.to_numpy(dtype=np.int64), both, groups, usual, of_pair)

    def ratios(self, answer: np.ndarray) -> np.ndarray:
        """float64 ``[p]``: how many times as likely a right pair has the kind of the thing as a
        thing of the dump; of several kinds, by the one that says most."""
        if not len(answer):
            return answer
        total = np.bincount(self.of_pair, weights=answer)
        right = np.bincount(self.both, weights=answer[self.pair], minlength=len(self.usual))
        share = (right + _KIND_PRIOR * self.usual) / (total[self.group] + _KIND_PRIOR)
        says = np.log(share / self.usual)[self.both]
        order = np.lexsort((np.abs(says), self.pair))
        last = np.append(self.pair[order][1:] != self.pair[order][:-1], True)
        return np.asarray(np.exp(says[order][last]))
