"""Fit item–item weights in closed form, from interactions and from the graph.

EASE (Steck, WWW 2019): the ridge regression of every item on all others, B = I - P / diag(P) with
P the inverse of the items' Gram matrix. Graph nodes are further rows of the history matrix (Jeunen,
Van Balen & Goethals, RecSys 2020): a node counts as one more user, who interacted with all items
that it is connected to. Words of reviews are such rows too. Only the largest weights of each item
are kept.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graph_schema.names import ITEM
from kgrec.arrays import binary_matrix
from kgrec.graph.snapshot import Facts, GraphSnapshot, Ints
from kgrec.nn.item_weights import ItemWeights
from kgrec.threads import decomposing

_MOST = 15_000  # items, the most popular; time grows with the cube, memory with the square
_KEPT = 50  # weights of an item as a candidate
_TOUCHED = 4_000  # nodes connected to more items are left out
_BLOCK = 1_024  # columns at a time


def fit_item_weights(
    train: GraphSnapshot,
    *,
    graph: bool,
    words: sp.csr_matrix | None = None,
    decay: float,
    ridge: float = 10.0,
    shrinkage: float = 0.0,
    device: torch.device,
) -> ItemWeights:
    """Weights among the items of ``train`` that have interactions, in their order there.

    With ``graph`` the facts are further rows, with ``words`` (its ``review_words``) the reviews.
    ``ridge`` is the penalty per event of an average item. Takes O(n³) time and O(n²) memory for n
    items, of which the 15,000 most popular are used.
    """
    chosen, item = np.unique(train.interactions.item, return_inverse=True)
    counts = np.bincount(item, minlength=len(chosen))
    used = np.sort(np.argsort(-counts, kind="stable")[:_MOST])
    rows = [_history_matrix(train, item, len(chosen))]
    if graph:
        rows += [matrix[:, chosen] for matrix in _touches(train)]
    if words is not None:
        rows.append(words[:, chosen])
    penalty = ridge * float(counts[used].mean())
    gram = _gram([matrix[:, used] for matrix in rows], len(used))
    weights = _regress(gram.to(device), penalty)
    return ItemWeights(_largest(weights, used, len(chosen)), decay, shrinkage)


def fit_own_weights(
    train: GraphSnapshot,
    scenario: Ints,
    n_scenarios: int,
    *,
    elsewhere: float,
    ridge: float,
    device: torch.device,
) -> tuple[sp.csr_matrix | None, ...]:
    """For each of ``n_scenarios`` the weights among the items that it has, in the order of
    ``fit_item_weights``; None for a scenario without interactions.

    ``scenario`` int64 codes of the interactions. A user counts in scenario k by the share of their
    events there, and by ``elsewhere`` times the rest. Time and memory are those of
    ``fit_item_weights``, for the items of one scenario after the other.
    """
    events = train.interactions
    chosen, item = np.unique(events.item, return_inverse=True)
    history = _history_matrix(train, item, len(chosen))
    total = np.maximum(np.bincount(events.user, minlength=len(train.users)), 1)
    found: list[sp.csr_matrix | None] = []
    for code in range(n_scenarios):
        here = scenario == code
        counts = np.bincount(item[here], minlength=len(chosen))
        used = np.sort(np.argsort(-counts, kind="stable")[: min(_MOST, np.count_nonzero(counts))])
        if not len(used):
            found.append(None)
            continue
        share = np.bincount(events.user[here], minlength=len(total)) / total
        weight = sp.diags(np.sqrt(share + elsewhere * (1 - share)).astype(np.float32))
        gram = _gram([(weight @ history[:, used]).tocsr()], len(used))
        weights = _regress(gram.to(device), ridge * float(gram.diagonal().mean()))
        found.append(_largest(weights, used, len(chosen)))
    return tuple(found)


def _touches(train: GraphSnapshot) -> list[sp.csr_matrix]:
    """Per relation, float32 ``[nodes, n]``: the items connected to each node; an item is connected
    to itself too. Rows have length one, so that a genre adds less to each pair than a director."""
    found = []
    for facts in train.facts:
        ends = _node_and_item(facts)
        if ends is None:
            continue
        node, item = ends
        n_items = len(train.items)
        if facts.head_label == facts.tail_label:
            own = np.unique(node)
            node, item = np.append(node, own), np.append(item, own)
        matrix = binary_matrix(node, item, (int(node.max(initial=-1)) + 1, n_items), np.float32)
        touched = np.diff(matrix.indptr)
        scale = np.where((touched > 1) & (touched <= _TOUCHED), touched, np.inf) ** -0.5
        found.append((sp.diags(scale) @ matrix).tocsr().astype(np.float32))
    return found


def _node_and_item(facts: Facts) -> tuple[Ints, Ints] | None:
    if facts.tail_label == ITEM:
        return facts.head, facts.tail
    return (facts.tail, facts.head) if facts.head_label == ITEM else None


def _history_matrix(train: GraphSnapshot, item: Ints, n_items: int) -> sp.csr_matrix:
    """float32 CSR ``[users, n_items]``: one where a user has the item; ``item`` int64 holds the
    column of every interaction."""
    user = train.interactions.user
    return binary_matrix(user, item, (len(train.users), n_items), np.float32)


def _gram(rows: list[sp.csr_matrix], size: int) -> Tensor:
    """Σ XᵀX over matrices ``[·, n]``, float32 ``[n, n]``."""
    total = np.zeros((size, size), dtype=np.float32)
    for matrix in rows:
        across = matrix.T.tocsr()
        for start in range(0, size, _BLOCK):
            block = slice(start, start + _BLOCK)
            total[:, block] += (across @ matrix[:, block]).toarray()
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


def _largest(weights: Tensor, used: Ints, size: int) -> sp.csr_matrix:
    """The largest weights of every column by absolute value, CSR ``[size, size]``."""
    kept = min(_KEPT, len(used))
    rows, values = [], []
    for block in torch.split(weights, _BLOCK, dim=1):
        place = block.abs().topk(kept, dim=0).indices
        rows.append(place.T.cpu().numpy())
        values.append(block.gather(0, place).T.cpu().numpy())
    row, value = np.concatenate(rows).ravel(), np.concatenate(values).ravel()
    column = np.repeat(np.arange(len(used)), kept)
    cells = (value, (used[row], used[column]))
    matrix = sp.csr_matrix(cells, shape=(size, size))
    matrix.eliminate_zeros()
    return matrix
