"""Facts from text: facts that plots name are hidden from the graph, and to be proposed again.

Of ml-1m-kg, ``default_rng(2026)`` draws 300 items whose plot holds the whole name (without case,
accents and marks) of an entity that they have a fact with. All such facts of these items are taken
out. A proposal is right if the whole graph joins its item and entity; what a plot truly names and
DBpedia does not know counts as wrong. Precision and recall are over (item, entity), recall over all
that was hidden; ``by_fact`` asks for the relation too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from graph_schema.names import ENTITY, ITEM
from kgrec.entity_linking import link_entities
from kgrec.entity_linking.linker import MIN_CONFIDENCE
from kgrec.entity_linking.words import key_of, unqualified
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Facts, Ints
from kgrec.graph.source import read_source
from kgrec.visualization.style import save as save_picture

NAME: Final = "text-links"
DRAWN_WITH: Final = 2026
ITEMS: Final = 300
STEPS: Final = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
TARGET: Final = (0.9, 0.5)  # precision, recall
TYPO_SHARE: Final = 0.5
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Trial:
    """The whole graph, what is left of it, and the (item, entity) rows hidden and true."""

    whole: GraphSnapshot
    left: GraphSnapshot
    items: frozenset[int]
    hidden: frozenset[Pair]
    true: frozenset[Pair]

    @staticmethod
    def draw(whole: GraphSnapshot, *, qualified: bool = True, seed: int = DRAWN_WITH) -> Trial:
        """``qualified``: names as they stand; else without words in parentheses at their end."""
        true = _pairs(whole)
        named = _named(whole, true, qualified)
        eligible = np.array(sorted({item for item, _ in named}))
        drawn = np.random.default_rng(seed).choice(eligible, ITEMS, replace=False)
        items = frozenset(drawn.tolist())
        hidden = frozenset(pair for pair in named if pair[0] in items)
        facts = tuple(_without(facts, hidden) for facts in whole.facts)
        return Trial(whole, replace(whole, facts=facts), items, hidden, true)

    def rows(self, proposals: pd.DataFrame) -> list[Pair]:
        """(item, entity) rows of the proposals."""
        items = self.whole.items.rows(proposals["item_id"].to_numpy(dtype=object))
        entities = self.whole.entities.rows(proposals["entity_id"].to_numpy(dtype=object))
        return list(zip(items.tolist(), entities.tolist(), strict=True))

    def checked(self, proposals: pd.DataFrame) -> pd.DataFrame:
        """Columns confidence, right, found of the first proposal of each pair of a drawn item."""
        frame = proposals[["confidence"]].assign(
            pair=pd.Series(self.rows(proposals), proposals.index)
        )
        frame = frame[[pair[0] in self.items for pair in frame["pair"]]].drop_duplicates("pair")
        return pd.DataFrame(
            {
                "confidence": frame["confidence"].to_numpy(),
                "right": [pair in self.true for pair in frame["pair"]],
                "found": [pair in self.hidden for pair in frame["pair"]],
            }
        )

    def at(self, checked: pd.DataFrame, least: float) -> dict[str, float]:
        """Precision and recall of the proposals that are at least so sure."""
        kept = checked[checked["confidence"] >= least]
        return {
            "min_confidence": least,
            "proposed": len(kept),
            "precision": round(float(kept["right"].mean()), 4) if len(kept) else float("nan"),
            "recall": round(float(kept["found"].sum()) / len(self.hidden), 4),
        }


def _pairs(snapshot: GraphSnapshot) -> frozenset[Pair]:
    joined = [f for f in snapshot.facts if (f.head_label, f.tail_label) == (ITEM, ENTITY)]
    return frozenset(
        pair for f in joined for pair in zip(f.head.tolist(), f.tail.tolist(), strict=True)
    )


def _named(snapshot: GraphSnapshot, pairs: frozenset[Pair], qualified: bool) -> set[Pair]:
    """The pairs whose entity's name is in the item's plot, looked for without kgrec's index."""
    names = map(str, snapshot.entities.attributes["name"])
    keys = [key_of(name if qualified else unqualified(name)) for name in names]
    plots = [f" {key_of(str(plot))} " for plot in snapshot.items.attributes["plot"].fillna("")]
    return {(i, e) for i, e in pairs if keys[e] and f" {keys[e]} " in plots[i]}


def _without(facts: Facts, hidden: frozenset[Pair]) -> Facts:
    both = zip(facts.head.tolist(), facts.tail.tolist(), strict=True)
    kept = np.array([pair not in hidden for pair in both], dtype=bool)
    return replace(facts, head=facts.head[kept], tail=facts.tail[kept])


def by_fact(trial: Trial, proposals: pd.DataFrame, least: float) -> dict[str, float]:
    """Precision and recall over (item, relation, entity)."""
    kept = proposals[proposals["confidence"] >= least]
    rows = zip(trial.rows(kept), kept["relation"], strict=True)
    said = {(*pair, relation) for pair, relation in rows if pair[0] in trial.items}
    true = {
        (head, facts.relation, tail)
        for facts in trial.whole.facts
        for head, tail in zip(facts.head.tolist(), facts.tail.tolist(), strict=True)
    }
    right = {(i, r, e) for i, e, r in said} & true
    hidden = sum((i, e) in trial.hidden for i, _, e in true)
    found = sum((i, e) in trial.hidden for i, _, e in right)
    return {
        "precision": round(len(right) / max(len(said), 1), 4),
        "recall": round(found / max(hidden, 1), 4),
    }


def best_at(checked: pd.DataFrame, hidden: int, precision: float, recall: float) -> dict[str, Any]:
    """The precision where recall is first reached, and the recall up to where precision holds."""
    rates = checked["right"].expanding().mean().to_numpy()
    found = checked["found"].cumsum().to_numpy() / hidden
    enough, pure = rates[found >= recall], found[rates >= precision]
    return {
        f"precision_at_recall_{recall}": round(float(enough.max()), 4) if len(enough) else 0.0,
        f"recall_at_precision_{precision}": round(float(pure.max()), 4) if len(pure) else 0.0,
    }


def misspelt(snapshot: GraphSnapshot, pairs: frozenset[Pair]) -> GraphSnapshot:
    """The snapshot with a wrong, dropped or swapped letter in half of the longer names that plots
    hold, those of facts that are known too: misspellings are not only where facts lack."""
    rng = np.random.default_rng(DRAWN_WITH)
    names = snapshot.entities.attributes["name"].astype(str).tolist()
    items = snapshot.items.attributes
    plots = items["plot"].fillna("").astype(str).tolist()
    for item, entity in sorted(pairs):
        name = names[entity]
        if name in plots[item] and len(name) >= 8 and rng.random() < TYPO_SHARE:
            plots[item] = plots[item].replace(name, _typo(name, rng))
    table = replace(snapshot.items, attributes=items.assign(plot=plots))
    return replace(snapshot, items=table)


def _typo(name: str, rng: np.random.Generator) -> str:
    words = name.split(" ")
    word = max(range(len(words)), key=lambda place: len(words[place]))
    letters, at = list(words[word]), int(rng.integers(1, len(words[word]) - 1))
    kind = int(rng.integers(3))
    if kind == 0:
        letters[at] = "abcdefghijklmnopqrstuvwxyz"[int(rng.integers(26))]
    elif kind == 1:
        del letters[at]
    else:
        letters[at], letters[at - 1] = letters[at - 1], letters[at]
    return " ".join([*words[:word], "".join(letters), *words[word + 1 :]])


def typo_rows(trial: Trial) -> list[dict[str, Any]]:
    """How much of the hidden is found in misspelt plots, with and without reading misspellings."""
    left = misspelt(trial.left, trial.true)
    rows = []
    for fuzzy in (False, True):
        checked = trial.checked(link_entities(left, min_confidence=0.0, fuzzy=fuzzy))
        reach = {"reach": trial.at(checked, 0.0)["recall"]}
        rows.append(
            {"what": f"misspelt, fuzzy={fuzzy}", **trial.at(checked, MIN_CONFIDENCE), **reach}
        )
    return rows


def exact_control(trial: Trial, proposals: pd.DataFrame) -> dict[str, Any]:
    """Every name as it is written, believed alike: the value of a look-up alone."""
    return {"what": "look-up alone", **trial.at(trial.checked(proposals), 0.0)}


def measured(trial: Trial, what: str) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """A row of the table, the proposals, and those of the drawn items with their truth."""
    start = time.perf_counter()
    proposals = link_entities(trial.left, min_confidence=0.0)
    seconds = time.perf_counter() - start
    checked = trial.checked(proposals)
    row = {"what": what, **trial.at(checked, MIN_CONFIDENCE), "hidden": len(trial.hidden)}
    row |= best_at(checked, len(trial.hidden), *TARGET)
    return {**row, "seconds": round(seconds, 1)}, proposals, checked


def mean_of(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Means over draws: one draw of 300 items is a matter of luck by about two hundredths."""
    names = ("precision", "recall", "precision_at_recall_0.5", "recall_at_precision_0.9")
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names if rows}


def draw_curve(curves: dict[str, tuple[pd.DataFrame, int]], path: Path) -> None:
    """Precision against recall, one line for each; the dot is the default confidence."""
    figure = Figure(figsize=(6.4, 4.2), dpi=130, layout="constrained")
    axes = figure.subplots()
    for (what, (checked, hidden)), colour in zip(
        curves.items(), ("#0072B2", "#E69F00"), strict=False
    ):
        rates = checked["right"].expanding().mean()
        found = checked["found"].cumsum() / hidden
        axes.plot(found[4:], rates[4:], color=colour, label=what)
        last = int((checked["confidence"] >= MIN_CONFIDENCE).sum()) - 1
        if last >= 0:
            axes.plot(found.iloc[last], rates.iloc[last], "o", color=colour)
    axes.axhline(TARGET[0], color="#8A8A8A", linewidth=0.8, linestyle=":")
    axes.axvline(TARGET[1], color="#8A8A8A", linewidth=0.8, linestyle=":")
    axes.set(xlabel="recall of hidden facts", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="lower left")
    save_picture(figure, path)


def timing(n_names: int, n_texts: int) -> dict[str, Any]:
    """Seconds to look ``n_names`` made-up names up in ``n_texts`` texts of 100 words."""
    from kgrec.entity_linking.mentions import DESCRIPTION, ItemText, find_mentions
    from kgrec.entity_linking.name_index import NameIndex

    rng = np.random.default_rng(DRAWN_WITH)
    words = _made_up(rng, 40_000)
    names = [" ".join(words[rng.integers(len(words), size=2)]) for _ in range(n_names)]
    texts = [
        ItemText(
            row, DESCRIPTION, "plot", f"{' '.join(words[rng.integers(2_000, size=98)])} {name}"
        )
        for row, name in enumerate(rng.choice(names, n_texts))
    ]
    start = time.perf_counter()
    index = NameIndex.build(names)
    built = time.perf_counter() - start
    row: dict[str, Any] = {"names": n_names, "texts": n_texts, "index_seconds": round(built, 2)}
    for fuzzy in (False, True):
        start = time.perf_counter()
        found = find_mentions(texts, index, fuzzy=fuzzy)
        key = "fuzzy_seconds" if fuzzy else "exact_seconds"
        row |= {key: round(time.perf_counter() - start, 2), key.replace("seconds", "n"): len(found)}
    return row


def _made_up(rng: np.random.Generator, count: int) -> np.ndarray:
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    sizes: Ints = rng.integers(4, 11, size=count)
    return np.array(["".join(rng.choice(letters, size)) for size in sizes], dtype=object)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text links", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep figures and picture")
    parser.add_argument("--draws", type=int, default=5, help="further draws of 300 items")
    asked = parser.parse_args(arguments)
    whole = read_source(load_dataset("ml-1m-kg").catalog)
    trial = Trial.draw(whole)
    row, proposals, checked = measured(trial, "kgrec")
    loose = Trial.draw(whole, qualified=False)
    second, _, others = measured(loose, "kgrec, names without (...)")
    plain = link_entities(trial.left, min_confidence=0.0, fuzzy=False)
    rows = [row, second, exact_control(trial, plain), *typo_rows(trial)]
    more = range(DRAWN_WITH + 1, DRAWN_WITH + 1 + asked.draws)
    others_drawn = [
        measured(Trial.draw(whole, seed=seed), f"drawn with {seed}")[0] for seed in more
    ]
    rows += others_drawn
    curve = [trial.at(checked, least) for least in STEPS]
    print(report.table(curve))
    speed = timing(100_000, 10_000)
    print(report.table([speed]))
    if asked.save:
        curves = {"whole names": (checked, len(trial.hidden))}
        curves["names without (...)"] = (others, len(loose.hidden))
        draw_curve(curves, report.result_path(NAME).with_suffix(".png"))
    result = {
        "kgrec": {**row, "by_fact": by_fact(trial, proposals, MIN_CONFIDENCE)},
        "other_draws": mean_of(others_drawn),
        "rows": rows,
        "curve": curve,
        "speed": speed,
        "protocol": " ".join((__doc__ or "").split()),
    }
    report.finish(NAME, result, rows, asked.save)
