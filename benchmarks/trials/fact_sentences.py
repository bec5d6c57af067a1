"""``python -m benchmarks.trial fact_sentences``: sentences of facts for items without interactions.

KG-BERT (Yao et al., 2019) reads facts as text. Here the facts of each film are one text ("directed
by Alfred Hitchcock; starring …"), encoded by the language model like any other text, frozen. A
twentieth of the films are cold and choose, another twentieth tests (``benchmarks.cold_start``). A
score is a sum of cosines between the history's films and the candidate: of bags of entities, of the
titles' vectors, and of the sentences' vectors, each standardised; the weights are chosen. Beside it
stands kgrec (effort quick) with titles and facts, without and with the sentences' vectors as a
part of its own.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.cold_start.items import ColdItemTrial, Scores, entity_cosine, text_cosine
from benchmarks.harness import report
from benchmarks.harness.datasets import data_folder, load_dataset
from graph_schema import Catalog
from kgrec import Recommender
from kgrec.evaluation import paired_bootstrap
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.text import load_encoder

DATA: Final = ("ml-1m-kg", "ml-100k")
_WEIGHTS: Final = (0.0, 0.25, 0.5, 1.0)  # beside the cosine of entities
_FACTS: Final = 12  # of an item, those with the rarest entities
_LENGTH: Final = 64  # tokens of a text
_LEFT_OUT: Final = "related_to_wikipage"


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    table = [row for data in asked.data for row in _rows(data)]
    result = {
        "protocol": "a twentieth of the items tests, another chooses; none of their rows is known; "
        "NDCG@10 over the candidates, users with a target; weights of cosines chosen; intervals "
        "paired over users",
        "models": {f"{row['data']}, {row['model']}": row for row in table},
    }
    report.finish("trial-fact-sentences", result, table, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial fact_sentences")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _rows(data: str) -> list[dict[str, Any]]:
    snapshot = read_source(_catalog(data), None)
    trial = ColdItemTrial.draw(snapshot)
    encoder = load_encoder(max_length=_LENGTH)
    titles = snapshot.items.attributes["title"].fillna("").astype(str).tolist()
    sentences = encoder.encode(fact_sentences(snapshot))
    blend = Blend(
        trial,
        entity_cosine(trial),
        text_cosine(trial, encoder.encode(titles)),
        text_cosine(trial, sentences),
    )
    plain = blend.chosen([(title, 0.0) for title in _WEIGHTS])
    whole = blend.chosen(list(itertools.product(_WEIGHTS, _WEIGHTS)))
    before, after = (blend.values(trial.test, weights) for weights in (plain, whole))
    rows = [_row(data, "cosines", before, after) | {"weights": [*plain, *whole]}]
    with_part = replace(trial.fit, items=replace(trial.fit.items, vectors={"facts": sentences}))
    fits = (_fitted(one) for one in (trial.fit, with_part))
    return [*rows, _row(data, "kgrec", *(trial.users_ndcg_of(one, trial.test) for one in fits))]


def _fitted(snapshot: GraphSnapshot) -> Recommender:
    return Recommender().fit(snapshot, seed=0, effort="quick")


def _row(data: str, model: str, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    gain = paired_bootstrap(before, after)
    return {
        "data": data,
        "model": model,
        "without": round(float(before.mean()), 5),
        "with sentences": round(float(after.mean()), 5),
        "gain": [round(one, 5) for one in (gain.mean, gain.low, gain.high)],
    }


def _catalog(data: str) -> Catalog:
    if data == "ml-1m-kg":
        return load_dataset(data).catalog
    whole = load_dataset("ml-100k-split", relations=()).catalog
    folder = data_folder() / "demo-graph"
    facts = pd.read_csv(folder / "facts.csv.xz", dtype=str)
    entities = pd.read_csv(folder / "entities.csv.xz", dtype=str)
    facts = facts[facts["head"].isin(whole.items["item_id"])]
    return Catalog.from_frames(
        users=whole.users,
        items=whole.items,
        interactions=whole.interactions,
        entities=entities[entities["entity_id"].isin(facts["tail"])],
        facts=facts,
    )


@dataclass(frozen=True, eq=False)
class Blend:
    """Cosines of cold items by three parts; see the module."""

    trial: ColdItemTrial
    entities: Any
    titles: Any
    sentences: Any

    def values(self, items: np.ndarray, weights: tuple[float, float]) -> np.ndarray:
        """float64: NDCG@10 of each user with a target, with weights of titles and sentences."""

        def score(rows: np.ndarray) -> Scores:
            parts = [self.entities(rows), self.titles(rows), self.sentences(rows)]
            found = zip((1.0, *weights), parts, strict=True)
            return np.asarray(sum(weight * standardised(part) for weight, part in found))

        return np.asarray(self.trial.users_ndcg(items, score))

    def chosen(self, options: list[tuple[float, float]]) -> tuple[float, float]:
        """The weights that are best on the items that choose."""
        return max(options, key=lambda one: float(self.values(self.trial.choose, one).mean()))


def standardised(scores: Scores) -> Scores:
    """Each user's scores ``[B, n]`` with mean 0 and deviation 1."""
    scores = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(scores / np.maximum(scores.std(axis=1, keepdims=True), 1e-9))


def fact_sentences(snapshot: GraphSnapshot) -> list[str]:
    """For each item its facts in words, those with the rarest entities first."""
    names = snapshot.entities.attributes["name"].fillna("").astype(str).to_numpy()
    said: list[list[tuple[int, str]]] = [[] for _ in range(len(snapshot.items))]
    for facts in snapshot.facts:
        if (facts.head_label, facts.tail_label) != ("Item", "Entity"):
            continue
        words = facts.relation.lower()
        if words == _LEFT_OUT:
            continue
        degree = np.bincount(facts.tail, minlength=len(names))
        for head, tail in zip(facts.head.tolist(), facts.tail.tolist(), strict=True):
            said[head].append((int(degree[tail]), f"{words.replace('_', ' ')} {names[tail]}"))
    return ["; ".join(text for _, text in sorted(rows)[:_FACTS]) for rows in said]
