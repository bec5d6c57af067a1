"""Films joined to a dump by names and years: ``python -m benchmarks.link_nodes``.

MovieLens-100K's films have titles (as published: "Shining, The") and years, and no ids of any other
source. The dump has the films of ml-1m-kg, "The Shining", with ids of another numbering. The truth
comes from neither names nor years: the demo graph's facts of a film of 100K are the facts of one
film of 1M, but for the relation and the entities that the demo graph leaves out. Films that two
others share all facts with are left out.

A proposal that is marked as accepted (the default confidence) is right if it is the truth. It is
wrong if it is not, and also if the film of the dump is that of another item. Of other proposals
nothing is known: they are counted apart. Recall is over the items whose film is in the dump; of two
items of 100K that are one film, at most one can be found.

Rows: the films of the demo graph alone; all 2,983 films; no years; names in another spelling
(without accents, the article last, "(1980 film)" behind them, Roman numerals in digits, "and"); a
typing error in a fifth of the names; decoys (the 10,822 entities of ml-1m-kg, for half of the films
a song of the same name, for a third a film of the same name from another year); the decoys without
half of the right films; and that without years.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

import loaders
from benchmarks.harness import report
from benchmarks.harness.datasets import data_folder
from graph_schema import Catalog
from graph_schema.errors import SourceError
from kgrec.entity_linking import Dump, link_nodes
from kgrec.entity_linking.nodes.things import things_of

NAME: Final = "link-nodes"
SEED: Final = 2026
TARGET: Final = (0.97, 0.8)  # precision, recall
CHECKED: Final = ("demo films", "all films", "another spelling", "decoys")
BOUNDS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99, 1.01)
WITHOUT: Final = "related_to_wikipage"  # the relation that the demo graph leaves out
_ARTICLE: Final = re.compile(r"(The|An|A) (.+)")
_NUMERALS: Final = {"II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6"}


@dataclass(frozen=True, eq=False)
class Films:
    """The catalog, the films of the dump (id, title, year), other things, and the truth."""

    catalog: Catalog
    films: pd.DataFrame
    others: pd.DataFrame
    truth: Mapping[str, str]

    @classmethod
    def read(cls) -> Films:
        """Read the data sets. Raises SourceError where they are missing."""
        whole, demo = data_folder() / "ml-1m-kg", data_folder() / "demo-graph"
        films = _csv(whole / "items.csv.gz")[["item_id", "title", "year"]]
        others = _csv(whole / "entities.csv.gz").rename(
            columns={"entity_id": "item_id", "name": "title"}
        )
        truth = truth_of(_csv(demo / "facts.csv.xz"), _csv(whole / "facts.csv.gz"))
        items = loaders.load(loaders.fetch("ml-100k")).catalog.items[["item_id", "title", "year"]]
        items = items.assign(title=[article_last(title) for title in items["title"]])
        catalog = Catalog.from_frames(items=items)
        return cls(catalog, films, others.assign(year="")[["item_id", "title", "year"]], truth)

    def known(self) -> pd.DataFrame:
        """The films that are the truth of an item."""
        films: pd.DataFrame = self.films[self.films["item_id"].isin(self.truth.values())]
        return films


def _csv(path: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise SourceError(f"{path}: {error}. Cure: set KGREC_TEST_DATA.") from None


def truth_of(demo: pd.DataFrame, whole: pd.DataFrame) -> dict[str, str]:
    """The film of the whole graph with the same facts as each item of the demo graph."""
    tails = set(demo["tail"])
    kept = whole[(whole["relation"] != WITHOUT) & whole["tail"].isin(tails)]
    films = defaultdict(list)
    for film, facts in kept.groupby("head")["tail"]:
        films[frozenset(facts)].append(str(film))
    found = {str(item): films[frozenset(facts)] for item, facts in demo.groupby("head")["tail"]}
    return {item: same[0] for item, same in found.items() if len(same) == 1}


def other_spelling(name: str, year: str) -> str:
    """The name as another source may write it."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = " ".join(_NUMERALS.get(word, word) for word in plain.replace("&", "and").split(" "))
    return f"{article_last(words)} ({year} film)"


def article_last(name: str) -> str:
    """ "The Shining" as "Shining, The", as MovieLens writes it."""
    found = _ARTICLE.fullmatch(name)
    return name if found is None else f"{found[2]}, {found[1]}"


def misspelt(name: str, rng: np.random.Generator) -> str:
    """The name with a wrong, a missing or a swapped letter."""
    places = [at for at in range(1, len(name)) if name[at - 1 : at + 1].isalpha()]
    if not places:
        return name
    at, kind = int(rng.choice(places)), int(rng.integers(3))
    letter = "abcdefghijklmnopqrstuvwxyz"[int(rng.integers(26))]
    middle = (letter, "", name[at] + name[at - 1])[kind]
    return name[: at - (kind == 2)] + middle + name[at + 1 :]


def _spelt(films: Films) -> pd.DataFrame:
    pairs = zip(films.films["title"], films.films["year"], strict=True)
    return films.films.assign(title=[other_spelling(*pair) for pair in pairs], year="")


def _typos(films: Films) -> pd.DataFrame:
    rng = np.random.default_rng(SEED)
    titles = films.films["title"]
    return films.films.assign(title=[misspelt(t, rng) if rng.random() < 0.2 else t for t in titles])


def _decoys(films: Films) -> pd.DataFrame:
    rng = np.random.default_rng(SEED)
    whole = films.films
    songs = whole.sample(frac=0.5, random_state=SEED)
    songs = songs.assign(item_id="song " + songs["item_id"], year="")
    remakes = whole.sample(frac=1 / 3, random_state=SEED + 1)
    drawn = rng.choice(whole["year"].to_numpy(), len(remakes))
    remakes = remakes.assign(item_id="remake " + remakes["item_id"], year=drawn)
    other = remakes["year"].to_numpy() != whole.loc[remakes.index, "year"].to_numpy()
    parts: list[pd.DataFrame] = [whole, films.others, songs, remakes[other]]
    return pd.concat(parts, ignore_index=True)


def _half(films: Films) -> pd.DataFrame:
    gone = films.known().sample(frac=0.5, random_state=SEED)["item_id"]
    frame = _decoys(films)
    left: pd.DataFrame = frame[~frame["item_id"].isin(gone)]
    return left.reset_index(drop=True)


ROWS: Final[dict[str, Callable[[Films], pd.DataFrame]]] = {
    "demo films": lambda films: films.known(),
    "all films": lambda films: films.films,
    "no years": lambda films: films.films.assign(year=""),
    "another spelling": _spelt,
    "typing errors": _typos,
    "decoys": _decoys,
    "decoys, half of the films gone": _half,
    "the same without years": lambda films: _half(films).assign(year=""),
}


def checked(found: pd.DataFrame, truth: Mapping[str, str]) -> pd.DataFrame:
    """The proposals of which the truth is known, with a column right."""
    films = set(truth.values())
    known = found[found["item_id"].isin(truth) | found["target_id"].isin(films)]
    right = [
        truth.get(item) == film
        for item, film in zip(known["item_id"], known["target_id"], strict=True)
    ]
    return known.assign(right=right)


def figures(found: pd.DataFrame, truth: Mapping[str, str], dump: pd.DataFrame) -> dict[str, Any]:
    """Precision and recall of the accepted proposals, with counts."""
    there = sum(film in set(dump["item_id"]) for film in truth.values())
    accepted = found[found["accept"] == 1]
    known = checked(accepted, truth)
    right = int(known["right"].sum())
    return {
        "things": len(dump),
        "to_find": there,
        "accepted": len(accepted),
        "right": right,
        "wrong": len(known) - right,
        "unknown": len(accepted) - len(known),
        "precision": round(right / len(known), 4) if len(known) else None,
        "recall": round(right / max(there, 1), 4),
    }


def calibration(known: pd.DataFrame) -> list[dict[str, Any]]:
    """For each range of confidence: how many, their mean confidence, the share of right ones."""
    rows = []
    for low, high in pairwise(BOUNDS):
        some = known[(known["confidence"] >= low) & (known["confidence"] < high)]
        if len(some):
            mean, share = float(some["confidence"].mean()), float(some["right"].mean())
            rows.append(
                {
                    "from": low,
                    "n": len(some),
                    "confidence": round(mean, 3),
                    "right": round(share, 3),
                }
            )
    return rows


def measured(films: Films, what: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """A row of the table, and its proposals of which the truth is known."""
    frame = ROWS[what](films).reset_index(drop=True)
    dump = Dump(things_of(frame.astype(object), "item_id", "title"))
    start = time.perf_counter()
    found = link_nodes(films.catalog, dump)
    seconds = round(time.perf_counter() - start, 2)
    row = {"what": what, **figures(found, films.truth, frame), "seconds": seconds}
    return row, checked(found, films.truth)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    films = Films.read()
    rows, curves = [], {}
    for what in ROWS:
        row, known = measured(films, what)
        rows.append(row)
        curves[what] = calibration(known)
    print(report.table(curves["the same without years"]))
    reached = {
        row["what"]: (row["precision"] or 0.0) >= TARGET[0] and row["recall"] >= TARGET[1]
        for row in rows
        if row["what"] in CHECKED
    }
    result = {
        "rows": rows,
        "calibration": curves,
        "target": {"precision": TARGET[0], "recall": TARGET[1], "reached": reached},
        "protocol": " ".join((__doc__ or "").split()),
        "seeds": [SEED],
    }
    report.finish(NAME, result, rows, asked.save)
    if asked.check and not all(reached.values()):
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.link_nodes", description="Films joined to a dump by names."
    )
    parser.add_argument("--check", action="store_true", help="exit code 1 below the target")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    report.run(main)
