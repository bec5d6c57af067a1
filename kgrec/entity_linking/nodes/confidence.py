"""Confidence of pairs: the probability that two names of one form are names of the same thing.

No labels are needed. Two counts of the data say how often a name deceives:

1. How many of the things that nodes probably are share their name with another thing, in each form
   of a name: as often will a node that the dump lacks find the name of something else.
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
# Both years are known: equal, one apart, further apart; the thing lacks one; the node lacks one.
_SAME_YEAR, _NEXT_YEAR, _OTHER_YEAR, _LACKS_YEAR, _NO_YEAR = range(5)
_SPREAD: Final = 30.0  # years over which those of things are spread, before any is seen
_YEARS_SEEN: Final = 20.0  # years by which the chance of equal ones is shrunk to that
_SHARED: Final = 0.05  # things with a name of others, before any is seen, of one
_ROUNDS: Final = 30
_PRIOR: Final = 5.0  # nodes by which a share of right pairs is shrunk to what shared names say
_KIND_PRIOR: Final = 10.0  # pairs by which the kinds of right pairs are shrunk to those of the dump
_LEAST, _MOST = 0.001, 0.99  # of a share: no name alone is certain
_WORDS: Final = 3  # names of so many words or more are alike
_CELLS: Final = len(Grade) * _WORDS * 2
_SIZES: Final = np.arange(_CELLS) // 2 % _WORDS  # the words of the names of each cell
_UNKNOWN: Final = 0.5  # share of right pairs of a form about which nothing is known


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the confidence of pairs is computed from; arrays ``[p]`` but for the last three.

    ``cell`` int64: pairs whose names say equally much (grade, words, one or several things).
    ``gap`` int64: how the years differ. ``rivals`` float64: things that share the name with the
    node in the same form. ``chance`` float64 ``[4]``: the shares of gaps among pairs drawn at
    random. ``seen`` float64 ``[cells]``: the nodes with a pair of known years. ``names``: how
    often names are shared.
    """

    pairs: Pairs
    cell: np.ndarray
    gap: np.ndarray
    rivals: np.ndarray
    chance: np.ndarray
    seen: np.ndarray
    names: _SharedNames

    @classmethod
    def of(cls, pairs: Pairs, shared: Pairs, nodes: Readings, things: Readings) -> Evidence:
        """``shared``: the pairs of things of the dump that share a name, each way round."""
        cell, rivals = _cells(pairs, nodes.words)
        gap = _gaps(nodes.years[pairs.node], things.years[pairs.thing])
        names = _SharedNames.of(pairs, cell, nodes.words, shared, things.words)
        known = years_known(gap)
        seen = _distinct(cell[known], pairs.node[known], _CELLS)
        return cls(pairs, cell, gap, rivals, _chance(nodes.years, things.years), seen, names)


def confidences(evidence: Evidence, node_kinds: np.ndarray, thing_kinds: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: the probability that each pair is right.

    ``node_kinds`` and ``thing_kinds``: object ``[nodes]`` and ``[things]``, kinds as ``a|b``.
    """
    kinds = _Kinds.of(evidence.pairs, node_kinds, thing_kinds)
    answer = np.ones(len(evidence.pairs))
    share, right = evidence.names.shares(answer), _right_gaps(evidence, answer * 0.0)
    by_kind = answer
    for _ in range(_ROUNDS):
        ratio = _year_ratios(evidence, right) * by_kind
        answer = _probabilities(evidence, share, ratio)
        share = _shares_again(evidence, answer)
        right, by_kind = _right_gaps(evidence, answer), kinds.ratios(answer)
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
    return np.asarray(gap <= _OTHER_YEAR)


def _cells(pairs: Pairs, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each pair, and how many things share the name with its node in the same form."""
    key = pairs.node * len(Grade) + pairs.grade
    _, at, counts = np.unique(key, return_inverse=True, return_counts=True)
    rivals = np.maximum(counts[at], pairs.crowd).astype(np.float64)
    size = _bucket(words)[pairs.node]
    return (pairs.grade * _WORDS + size) * 2 + (rivals > 1), rivals


def _bucket(words: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(words, 1, _WORDS) - 1)


@dataclass(frozen=True, eq=False)
class _SharedNames:
    """How often nodes find a name, and how often a thing shares its name with another one.

    ``met`` float64 ``[cells]`` and ``any_met`` float64 ``[words]``: the shares of nodes of a name's
    length. ``cell`` and ``thing`` int64 ``[s]``: the things with another one, each once in a cell.
    ``size`` int64 ``[things]``: the length of their names. ``pairs`` are those of the nodes.
    """

    met: np.ndarray
    any_met: np.ndarray
    cell: np.ndarray
    thing: np.ndarray
    size: np.ndarray
    pairs: Pairs

    @classmethod
    def of(
        cls,
        pairs: Pairs,
        cell: np.ndarray,
        node_words: np.ndarray,
        shared: Pairs,
        thing_words: np.ndarray,
    ) -> _SharedNames:
        nodes = np.bincount(_bucket(node_words[node_words > 0]), minlength=_WORDS) + 1.0
        met = _distinct(cell, pairs.node, _CELLS) / nodes[_SIZES]
        any_met = _distinct(_bucket(node_words)[pairs.node], pairs.node, _WORDS) / nodes
        own, _ = _cells(shared, thing_words)
        both = np.unique(np.column_stack([own, shared.node]), axis=0)
        return cls(met, any_met, both[:, 0], both[:, 1], _bucket(thing_words), pairs)

    def shares(self, answer: np.ndarray) -> np.ndarray:
        """float64 ``[cells]``: the share of nodes with a right pair among those with pairs of a
        cell, from shared names alone; ``answer`` float64 ``[p]`` are probabilities of pairs.

        Of the nodes of a name's length, a share is in the dump under its name. The others find a
        name as often as a thing that a node is shares its own with another one.
        """
        weight = np.bincount(self.pairs.thing, weights=answer, minlength=len(self.size))
        weight = np.minimum(weight, 1.0)
        total = np.bincount(self.size, weights=weight, minlength=_WORDS) + 1.0
        chance = np.bincount(self.cell, weights=weight[self.thing], minlength=_CELLS) + _SHARED
        others = np.unique(self.thing)
        any_chance = np.bincount(self.size[others], weights=weight[others], minlength=_WORDS)
        any_chance = np.minimum(any_chance / total, _MOST)
        inside = np.clip((self.any_met - any_chance) / (1.0 - any_chance), 0.0, 1.0)
        outside = (1.0 - inside)[_SIZES] * chance / total[_SIZES]
        share = 1.0 - outside / np.maximum(self.met, 1e-9)
        share[Grade.TYPO * _WORDS * 2 :] = _UNKNOWN  # no such pairs of things are counted
        return np.asarray(np.clip(share, _LEAST, _MOST))


def _distinct(groups: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """float64 ``[size]``: how many distinct rows each group has."""
    both = np.unique(np.column_stack([groups, rows]), axis=0)
    return np.bincount(both[:, 0], minlength=size).astype(np.float64)


def _gaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    apart = np.abs(one - other)
    cases = [np.isnan(one), np.isnan(other), apart == 0, apart <= 1]
    words = [_NO_YEAR, _LACKS_YEAR, _SAME_YEAR, _NEXT_YEAR]
    return np.select(cases, words, _OTHER_YEAR).astype(np.int64)


def _chance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 ``[4]``: the shares of gaps among all pairs of a known year and a thing."""
    here, there = (years[~np.isnan(years)].astype(np.int64) for years in (one, other))
    known = len(there) / max(len(other), 1)
    if not len(here) or not len(there):
        return np.array([0.0, 0.0, known, 1.0 - known])
    low = int(min(here.min(), there.min())) - 1
    size = int(max(here.max(), there.max())) - low + 2
    first = np.bincount(here - low, minlength=size) / len(here)
    second = np.bincount(there - low, minlength=size) / len(there)
    same = float(first @ second)
    near = float(first[1:] @ second[:-1] + first[:-1] @ second[1:])
    weight = min(len(here), len(there)) / (min(len(here), len(there)) + _YEARS_SEEN)
    same = weight * same + (1.0 - weight) / _SPREAD
    near = weight * near + (1.0 - weight) * 2.0 / _SPREAD
    far = max(1.0 - same - near, 0.0)
    return np.array([same * known, near * known, far * known, 1.0 - known])


def _right_gaps(evidence: Evidence, answer: np.ndarray) -> np.ndarray:
    """float64 ``[4]``: the shares of gaps among right pairs, by the probabilities of the pairs."""
    counts = np.bincount(evidence.gap, weights=answer, minlength=5)
    near = (counts[_NEXT_YEAR] + _NEAR * _PRIOR) / (counts[:_OTHER_YEAR].sum() + _PRIOR)
    usual = evidence.chance[_LACKS_YEAR]
    lacks = (counts[_LACKS_YEAR] + usual * _PRIOR) / (counts[:_NO_YEAR].sum() + _PRIOR)
    shares = np.array([(1.0 - FAR) * (1.0 - near), (1.0 - FAR) * near, FAR])
    return np.append(shares * (1.0 - lacks), lacks)


def _year_ratios(evidence: Evidence, right: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: how many times as likely the years are for a right pair as by chance."""
    ratio = right / np.maximum(evidence.chance, 1e-4)
    known = (1.0 - right[_LACKS_YEAR]) / max(1.0 - evidence.chance[_LACKS_YEAR], 1e-4)
    ratio[_SAME_YEAR] = max(ratio[_SAME_YEAR], known)
    ratio[_OTHER_YEAR] = min(ratio[_OTHER_YEAR], known)
    if evidence.chance[_LACKS_YEAR] in (0.0, 1.0):
        ratio[_LACKS_YEAR] = 1.0
    return np.asarray(np.append(ratio, 1.0)[evidence.gap])


def _probabilities(evidence: Evidence, share: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: each pair against its node's other things and its thing's other nodes."""
    pairs, own = evidence.pairs, share[evidence.cell]
    odds = own / (1.0 - own) / evidence.rivals * ratio
    rows = np.bincount(pairs.node, weights=odds)[pairs.node]
    columns = np.bincount(pairs.thing, weights=odds)[pairs.thing]
    return np.asarray(odds / (1.0 + rows + columns - odds))


def _shares_again(evidence: Evidence, answer: np.ndarray) -> np.ndarray:
    """float64 ``[cells]``: the shares of right pairs that shared names and years agree with."""
    known = years_known(evidence.gap)
    right = np.bincount(evidence.cell[known], weights=answer[known], minlength=_CELLS)
    seen = evidence.seen
    share = (right + _PRIOR * evidence.names.shares(answer)) / (seen + _PRIOR)
    return np.clip(share, _LEAST, _MOST)


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
