"""Fit item–item weights in closed form, from interactions and from the graph.

EASE (Steck, WWW 2019): the ridge regression of every item on all others, B = I - P / diag(P) with
P the inverse of the items' Gram matrix. Graph nodes are further rows of the history matrix (Jeunen,
Van Balen & Goethals, RecSys 2020): a node counts as one more user, who interacted with all items
that it is connected to. Words of texts are such rows too. Only the largest weights of each item
are kept. With many items each is regressed on its nearest alone; see ``local_ridge``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graph_schema.names import ITEM
from kgrec.arrays import binary_matrix
from kgrec.feedback import EventWeights
from kgrec.feedback.weights import disliked_matrix, liked_matrix, target_matrix
from kgrec.graph.snapshot import Facts, Floats, GraphSnapshot, Ints, Strings
from kgrec.nn.item_weights import ItemWeights
from kgrec.threads import decomposing
from kgrec.training.local_ridge import local_ridge

_MOST = 6_000  # items regressed on all others; time grows with the cube, memory with the square
_NEIGHBOURS = ((60_000, 200), (200_000, 100))  # nearest items of each, by the number of items
_FEWEST = 50
_KEPT = 50  # weights of an item as a candidate
_TOUCHED = 4_000  # nodes connected to more items are left out
_BLOCK = 1_024  # columns at a time
_NEGATIVE_RIDGE = 3.0  # ridge of negative events, relative to that of likes


def fit_item_weights(
    train: GraphSnapshot,
    *,
    graph: float,
    words: sp.csr_matrix | None = None,
    decay: float,
    ridges: Sequence[float] = (10.0,),
    shrinkage: float = 0.0,
    device: torch.device,
    feedback: EventWeights | None = None,
    user_cap: float | None = None,
) -> list[ItemWeights]:
    """Weights among the items of ``train`` that have interactions, in their order there, for each
    of ``ridges``.

    ``graph`` is how much a node counts beside a user, 0 to leave the graph out; ``words`` are rows
    of texts (``item_words`` of ``train``). A ridge is the penalty per event of an average item.
    With n items up to 6,000 takes O(n³) time and O(n²) memory; above, O(n m³) and O(n m) for
    m = 200 nearest items (100 from 60,000 items on, 50 from 200,000).

    ``feedback`` are the weights of events in a history. Where only some likes are targets, these
    are regressed on all likes. Negative events are no part of these rows: up to 6,000 items a
    second regression, of three times the ridge, predicts from them what the first leaves of the
    targets. ``user_cap`` limits what one user counts; see ``user_factors``.
    """
    said = None if words is None else NamedRows(words, np.arange(words.shape[0]).astype(object))
    rows = regression_rows(train, graph=graph, words=said, feedback=feedback, user_cap=user_cap)
    penalties = [ridge * rows.mean_events for ridge in ridges]
    found = _weights(
        [rows.likes, *(part.matrix for part in rows.others)],
        penalties,
        device,
        rows.targets,
        rows.negative,
    )
    return [ItemWeights(matrix, decay, shrinkage) for matrix in found]


@dataclass(frozen=True, eq=False)
class NamedRows:
    """Rows of the regression that are no users: ``matrix`` CSR float32 ``[r, n]``; by ``kind`` and
    the name of each row it is found again in a later graph."""

    matrix: sp.csr_matrix
    names: Strings
    kind: str = "words"


@dataclass(frozen=True, eq=False)
class RegressionRows:
    """The rows of the regression, over the ``n`` items that have interactions.

    Attributes
    ----------
    items : int64 ``[n]``
        The rows of the items in the graph.
    likes : CSR float32 ``[users, n]``
    targets, negative : CSR float32 ``[users, n]`` or None
        What is regressed on the likes, where it is not these; negative events.
    others : list of NamedRows
        Nodes of the graph, by relation, then words.
    mean_events : float
        Events of an average item.
    """

    items: Ints
    likes: sp.csr_matrix
    targets: sp.csr_matrix | None
    negative: sp.csr_matrix | None
    others: list[NamedRows]
    mean_events: float


def regression_rows(
    train: GraphSnapshot,
    *,
    graph: float,
    words: NamedRows | None,
    feedback: EventWeights | None,
    user_cap: float | None,
) -> RegressionRows:
    """The rows that ``fit_item_weights`` reads; arguments as there."""
    chosen, item = np.unique(train.interactions.item, return_inverse=True)
    shape = (len(train.users), len(chosen))
    likes = _history_matrix(train, item, len(chosen), feedback)
    negative = disliked_matrix(feedback, train.interactions, item, shape)
    targets = target_matrix(feedback, train.interactions, item, shape)
    factors = user_factors(likes, user_cap)
    targets = None if targets is None else _scaled(targets, factors)
    if negative is not None:
        negative = _scaled(negative, user_factors(negative, user_cap))
    others = []
    if graph:
        scale = np.float32(graph) ** 0.5
        others += [
            replace(part, matrix=part.matrix[:, chosen] * scale) for part in node_rows(train)
        ]
    if words is not None:
        others.append(replace(words, matrix=words.matrix[:, chosen]))
    mean = float(np.bincount(item, minlength=len(chosen)).mean())
    return RegressionRows(chosen, _scaled(likes, factors), targets, negative, others, mean)


def _weights(
    rows: list[sp.csr_matrix],
    penalties: Sequence[float],
    device: torch.device,
    targets: sp.csr_matrix | None = None,
    negative: sp.csr_matrix | None = None,
) -> list[sp.csr_matrix]:
    """CSR float32 ``[n, n]`` for each penalty, from rows ``[·, n]``, of which the first are users;
    ``[2 n, n]`` with negative events ``[users, n]``. ``targets`` ``[users, n]`` are what is
    regressed on the first rows; None: these themselves."""
    n_items = rows[0].shape[1]
    if not has_gram(n_items):
        return _local(rows, penalties, targets)
    gram = _gram(rows, n_items).to(device)
    products = None
    if targets is not None:
        products = _gram(rows[:1], n_items, targets).to(device)
        if len(rows) > 1:
            products += _gram(rows[1:], n_items).to(device)
    against = None
    if negative is not None:
        against = _Against.build(negative, rows[0], targets, device)
    return [_solved(gram, products, against, penalty, n_items) for penalty in penalties]


def has_gram(n_items: int) -> bool:
    """Whether so many items are regressed on all others, through their Gram matrix."""
    return n_items <= _MOST


def nearest_items(n_items: int) -> int:
    """On how many nearest items each of many is regressed."""
    return next((few for most, few in _NEIGHBOURS if n_items <= most), _FEWEST)


def local_weights(rows: RegressionRows, penalty: float, only: Ints | None = None) -> sp.csr_matrix:
    """The weights of many items, each regressed on its nearest, CSR float32 ``[n, n]``; with
    ``only`` (int64) the columns of these items alone."""
    others = [part.matrix for part in rows.others]
    return _local([rows.likes, *others], [penalty], rows.targets, only)[0]


def _local(
    rows: list[sp.csr_matrix],
    penalties: Sequence[float],
    targets: sp.csr_matrix | None,
    only: Ints | None = None,
) -> list[sp.csr_matrix]:
    """``_weights`` of many items; ``only`` as in ``local_ridge``."""
    n_items = rows[0].shape[1]
    nearest = nearest_items(n_items)
    wanted = None if targets is None else sp.vstack([targets, *rows[1:]], format="csr")
    whole = sp.vstack(rows, format="csr")
    return local_ridge(whole, penalties, neighbours=nearest, targets=wanted, only=only)


def weights_of_sums(sums: Mapping[str, Tensor], penalty: float) -> sp.csr_matrix:
    """The weights for the sums of ``kgrec.training.weight_sums``, float32 ``[n, n]`` each: the
    largest ones, CSR float32 ``[n, n]``, or ``[2 n, n]`` with negative events."""
    against = None
    if "own" in sums:
        against = _Against(sums["own"], sums["across"], sums.get("wanted", sums["across"]))
    gram = sums["gram"]
    return _solved(gram, sums.get("products"), against, penalty, len(gram))


def _solved(
    gram: Tensor,
    products: Tensor | None,
    against: _Against | None,
    penalty: float,
    n_items: int,
) -> sp.csr_matrix:
    """The largest weights for one penalty, CSR ``[n, n]`` or ``[2 n, n]``; see ``_weights``."""
    if products is None:
        weights = _regress(gram.clone(), penalty)
    else:
        weights = _regress_on(gram.clone(), products, penalty)
    largest = _largest(weights, n_items)
    if against is None:
        return largest
    own = _largest(against.weights(weights, _NEGATIVE_RIDGE * penalty), n_items)
    return sp.vstack([largest, own], format="csr")


@dataclass(frozen=True, eq=False)
class _Against:
    """Products of negative events with each other, with likes and with targets, float32
    ``[n, n]`` each."""

    own: Tensor
    likes: Tensor
    targets: Tensor

    @staticmethod
    def build(
        negative: sp.csr_matrix,
        likes: sp.csr_matrix,
        targets: sp.csr_matrix | None,
        device: torch.device,
    ) -> _Against:
        """From matrices ``[users, n]``; without targets all likes are some."""
        size = negative.shape[1]
        across = _gram([negative], size, likes).to(device)
        wanted = across if targets is None else _gram([negative], size, targets).to(device)
        return _Against(_gram([negative], size).to(device), across, wanted)

    def weights(self, weights: Tensor, ridge: float) -> Tensor:
        """The weights of negative events, float32 ``[n, n]``: the regression on them of what the
        ``weights`` of likes leave of the targets."""
        return _regress_on(self.own.clone(), self.targets - self.likes @ weights, ridge)


def fit_own_weights(
    train: GraphSnapshot,
    scenario: Ints,
    n_scenarios: int,
    *,
    elsewhere: float,
    ridge: float,
    device: torch.device,
    feedback: EventWeights | None = None,
    user_cap: float | None = None,
) -> tuple[sp.csr_matrix | None, ...]:
    """For each of ``n_scenarios`` the weights among the items that it has, in the order of
    ``fit_item_weights``; None for a scenario without interactions.

    ``scenario`` int64 codes of the interactions. A user counts in scenario k by the share of their
    events there, and by ``elsewhere`` times the rest; ``user_cap`` as in ``fit_item_weights``. Time
    and memory are those of ``fit_item_weights``, for the items of one scenario after the other.
    """
    events = train.interactions
    chosen, item = np.unique(events.item, return_inverse=True)
    history = _history_matrix(train, item, len(chosen), feedback)
    history = _scaled(history, user_factors(history, user_cap))
    total = np.maximum(np.bincount(events.user, minlength=len(train.users)), 1)
    found: list[sp.csr_matrix | None] = []
    for code in range(n_scenarios):
        here = scenario == code
        counts = np.bincount(item[here], minlength=len(chosen))
        used = np.flatnonzero(counts)
        if not len(used):
            found.append(None)
            continue
        share = np.bincount(events.user[here], minlength=len(total)) / total
        weight = sp.diags(np.sqrt(share + elsewhere * (1 - share)).astype(np.float32))
        rows = (weight @ history[:, used]).tocsr()
        penalty = ridge * float(rows.multiply(rows).sum()) / len(used)
        found.append(_placed(_weights([rows], [penalty], device)[0], used, len(chosen)))
    return tuple(found)


def touches(train: GraphSnapshot) -> list[sp.csr_matrix]:
    """Per relation, float32 ``[nodes, n]``: the items connected to each node; an item is connected
    to itself too. Rows have length one, so that a genre adds less to each pair than a director."""
    return [part.matrix for part in node_rows(train)]


def node_rows(train: GraphSnapshot) -> list[NamedRows]:
    """``touches``, with names of relation and node."""
    found = []
    for facts in train.facts:
        ends = _node_and_item(facts)
        if ends is None:
            continue
        label, node, item = ends
        n_items = len(train.items)
        if facts.head_label == facts.tail_label:
            own = np.unique(node)
            node, item = np.append(node, own), np.append(item, own)
        matrix = binary_matrix(node, item, (int(node.max(initial=-1)) + 1, n_items), np.float32)
        touched = np.diff(matrix.indptr)
        scale = np.where((touched > 1) & (touched <= _TOUCHED), touched, np.inf) ** -0.5
        matrix = (sp.diags(scale) @ matrix).tocsr().astype(np.float32)
        key = f"{facts.head_label} {facts.relation} {facts.tail_label}"
        found.append(NamedRows(matrix, train.table(label).ids[: matrix.shape[0]], key))
    return found


def _node_and_item(facts: Facts) -> tuple[str, Ints, Ints] | None:
    """The label of the nodes, the nodes and the items that facts connect; None without items."""
    if facts.tail_label == ITEM:
        return facts.head_label, facts.head, facts.tail
    return (facts.tail_label, facts.tail, facts.head) if facts.head_label == ITEM else None


def _history_matrix(
    train: GraphSnapshot, item: Ints, n_items: int, feedback: EventWeights | None
) -> sp.csr_matrix:
    """float32 CSR ``[users, n_items]``: what each user's events say for an item, one for each
    without ``feedback``; ``item`` int64 holds the column of every interaction."""
    return liked_matrix(feedback, train.interactions, item, (len(train.users), n_items))


def user_factors(history: sp.csr_matrix, cap: float | None) -> Floats | None:
    """float32 ``[users]``: factors of the rows of ``history`` (CSR ``[users, n]``) by which no
    row's squared length ‖x‖² exceeds ``cap``; shorter rows keep theirs, with the factor 1.

    A row adds xxᵀ to the Gram matrix, whose trace is ‖x‖²: with weights of 1, the user's number of
    items. None where no row is longer, or without a cap: then nothing changes, to the bit.
    """
    if cap is None:
        return None
    squared = squared_lengths(history)
    longest = np.maximum(squared, cap)
    return np.sqrt(cap / longest).astype(np.float32) if (squared > cap).any() else None


def squared_lengths(history: sp.csr_matrix) -> Floats:
    """float64 ``[users]``: ‖x‖² of each row."""
    return np.asarray(history.multiply(history).sum(axis=1), dtype=np.float64).ravel()


def _scaled(matrix: sp.csr_matrix, factors: Floats | None) -> sp.csr_matrix:
    """The matrix with its rows multiplied by ``factors``; the same one without any."""
    return matrix if factors is None else (sp.diags(factors) @ matrix).tocsr().astype(np.float32)


def _gram(rows: list[sp.csr_matrix], size: int, other: sp.csr_matrix | None = None) -> Tensor:
    """Σ XᵀX over matrices ``[·, n]``, or XᵀY with one ``other`` of the same rows, float32
    ``[n, n]``."""
    total = np.zeros((size, size), dtype=np.float32)
    for matrix in rows:
        across, right = matrix.T.tocsr(), matrix if other is None else other
        for start in range(0, size, _BLOCK):
            block = slice(start, start + _BLOCK)
            total[:, block] += (across @ right[:, block]).toarray()
    return torch.from_numpy(total)


def _regress(gram: Tensor, ridge: float) -> Tensor:
    """B float32 ``[n, n]`` with a zero diagonal; column i holds the weights of all others on item
    i."""
    gram.diagonal().add_(ridge)
    with decomposing(len(gram)):
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    weights = inverse.div_(-inverse.diagonal().clone())
    weights.fill_diagonal_(0.0)
    return weights


def _regress_on(gram: Tensor, products: Tensor, ridge: float) -> Tensor:
    """B float32 ``[n, n]`` with a zero diagonal: the regression of other columns, whose products
    with those of ``gram`` are given, on these; no column on the one of its own item."""
    gram.diagonal().add_(ridge)
    with decomposing(len(gram)):
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    weights = inverse @ products
    weights -= inverse * (weights.diagonal() / inverse.diagonal())
    return weights.fill_diagonal_(0.0)


def _largest(weights: Tensor, size: int) -> sp.csr_matrix:
    """The largest weights of every column by absolute value, CSR ``[size, size]``."""
    kept = min(_KEPT, size)
    rows, values = [], []
    for block in torch.split(weights, _BLOCK, dim=1):
        place = block.abs().topk(kept, dim=0).indices
        rows.append(place.T.cpu().numpy())
        values.append(block.gather(0, place).T.cpu().numpy())
    row, value = np.concatenate(rows).ravel(), np.concatenate(values).ravel()
    column = np.repeat(np.arange(size), kept)
    matrix = sp.csr_matrix((value, (row, column)), shape=(size, size))
    matrix.eliminate_zeros()
    return matrix


def _placed(weights: sp.csr_matrix, used: Ints, size: int) -> sp.csr_matrix:
    """The weights among the items ``used`` as CSR ``[size, size]``."""
    cells = weights.tocoo()
    return sp.csr_matrix((cells.data, (used[cells.row], used[cells.col])), shape=(size, size))
