"""Evidence for facts: items, the entities that their texts name, and the features of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.entity_linking.item_similarity import ItemSimilarity, row_products
from kgrec.entity_linking.known_facts import KnownFacts, entries_at
from kgrec.entity_linking.mentions import EXACT, ItemText
from kgrec.entity_linking.name_index import NameIndex
from kgrec.entity_linking.words import key_of
from kgrec.graph.snapshot import GraphSnapshot, Ints


@dataclass(frozen=True, eq=False)
class CandidatePairs:
    """Items and the entities that their texts name, one row per pair; all arrays ``[p]``.

    ``item``, ``entity`` int64 rows; ``known`` bool: there is such a fact; ``exact`` bool: the name
    itself occurs; ``form`` object and ``similarity`` float64 of the best mention; ``first`` int64:
    its row among the mentions; ``kind`` int64: code of the entity's kind; ``features`` float64
    ``[p, s]``.
    """

    item: Ints
    entity: Ints
    known: np.ndarray
    exact: np.ndarray
    form: np.ndarray
    similarity: np.ndarray
    first: Ints
    kind: Ints
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.item)


def candidate_pairs(
    mentions: pd.DataFrame,
    texts: Sequence[ItemText],
    index: NameIndex,
    snapshot: GraphSnapshot,
    facts: KnownFacts,
) -> CandidatePairs:
    """The pairs of ``mentions`` and their features.

    Features from the graph ignore the facts of the pairs themselves, known ones too: so an item
    whose facts are missing has the same features as one whose facts are known.
    """
    table = _grouped(mentions)
    item, entity = table["item"].to_numpy(np.int64), table["entity"].to_numpy(np.int64)
    named = sp.csr_matrix((np.ones(len(item)), (item, entity)), shape=facts.shape)
    wanted = facts.links(facts.wanted[facts.relation])
    known = entries_at(wanted, item, entity) > 0
    apart = entries_at(named, facts.item, facts.entity) == 0
    like = ItemSimilarity.build(facts.links(apart))
    exact = (table["form"] == EXACT).to_numpy(bool)
    kind = snapshot.entities.attributes["kind"].to_numpy(dtype=object)[entity]
    columns = [
        *_written(table, mentions, texts),
        *_names(table, index, exact),
        *_numbers(table, exact, wanted, known),
        *_roles(facts, apart, item, entity),
        *like.features(item, entity, known, wanted),
        np.log1p(row_products(like.context, item, _names_holding(index, entity), entity)),
        _in_title(table["key"], item, snapshot),
    ]
    return CandidatePairs(
        item,
        entity,
        known,
        exact,
        table["form"].to_numpy(dtype=object),
        table["similarity"].to_numpy(np.float64),
        table["first"].to_numpy(np.int64),
        pd.factorize(kind)[0].astype(np.int64),
        np.column_stack([np.asarray(column, dtype=np.float64) for column in columns]),
    )


def _grouped(mentions: pd.DataFrame) -> pd.DataFrame:
    """One row per (item, entity): the best mention, and aggregates over all mentions."""
    ordered = mentions.assign(first=np.arange(len(mentions)))
    ordered = ordered.sort_values("similarity", ascending=False, kind="stable")
    groups = ordered.groupby(["item", "entity"], sort=True)
    table = groups[["first", "form", "similarity", "key", "at"]].first()
    counts = groups.agg(
        times=("at", "size"),
        capital=("capital", "mean"),
        bracketed=("bracketed", "max"),
        before=("capital_before", "max"),
        after=("capital_after", "max"),
    )
    return table.join(counts).reset_index()


def _written(
    table: pd.DataFrame, mentions: pd.DataFrame, texts: Sequence[ItemText]
) -> list[np.ndarray | pd.Series]:
    """Features of how the name is written in the texts."""
    capitals = mentions.groupby("key")["capital"].mean()
    length = np.array([len(texts[at].text) for at in table["at"]], dtype=np.float64)
    return [
        table["capital"],
        table["key"].map(capitals),
        table["bracketed"],
        table["before"],
        table["after"],
        np.log(table["times"]),
        np.log(length),
    ]


def _names(
    table: pd.DataFrame, index: NameIndex, exact: np.ndarray
) -> list[np.ndarray | pd.Series]:
    """Features of the name: number of entities with it, whether it is the whole name, length."""
    keys = table["key"]
    bearers = keys.map({key: len(rows) for key, rows in index.phrases.items()}).fillna(1)
    whole = [index.whole[row] == key for row, key in zip(table["entity"], keys, strict=True)]
    return [np.log(bearers), np.array(whole) | ~exact, keys.str.len()]


def _numbers(
    table: pd.DataFrame, exact: np.ndarray, wanted: sp.csr_matrix, known: np.ndarray
) -> list[np.ndarray]:
    """Log number of items that name the entity, and the log ratio of items with such a fact to
    it."""
    entity = table["entity"].to_numpy()
    naming = np.bincount(entity[exact], minlength=wanted.shape[1])[entity] + ~exact
    having = np.asarray(wanted.sum(axis=0)).ravel()[entity] - known
    return [np.log(naming), np.log1p(having) - np.log(naming)]


def _roles(facts: KnownFacts, apart: np.ndarray, item: Ints, entity: Ints) -> list[np.ndarray]:
    """Features of the item's other facts: their number, in all and in the entity's usual
    relation."""
    counts = np.zeros((facts.shape[0], max(len(facts.relations), 1)))
    np.add.at(counts, (facts.item[apart], facts.relation[apart]), 1.0)
    roles = facts.roles(np.ones(len(facts.item), dtype=bool))
    usual = np.asarray(roles[entity].argmax(axis=1)).ravel() if roles.shape[1] else item * 0
    same = counts[item, usual]
    return [np.log1p(counts.sum(axis=1)[item]), np.log1p(same), (same == 0).astype(np.float64)]


def _names_holding(index: NameIndex, entity: Ints) -> sp.csr_matrix:
    """float64 ``[entities, entities]``: 1 where the row's name is part of the column's, such as
    "Paris" in "Films set in Paris", for the rows in ``entity``."""
    wanted = set(entity.tolist())
    rows, columns = [], []
    for column, key in enumerate(index.whole):
        for part in set(index.inside(key.split(" "))):
            holders = [row for row in index.phrases[part] if row in wanted and row != column]
            rows += holders
            columns += [column] * len(holders)
    size = len(index.whole)
    return sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))


def _in_title(keys: pd.Series, item: Ints, snapshot: GraphSnapshot) -> np.ndarray:
    attributes = snapshot.items.attributes
    titles = [f" {key_of(str(title))} " for title in attributes["title"]]
    return np.array([f" {key} " in titles[row] for key, row in zip(keys, item, strict=True)])
