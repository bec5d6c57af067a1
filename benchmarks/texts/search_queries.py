"""Queries whose answers are known: titles with one typing error or a word less, sentences, names.

Items and entities are dealt into two halves, one to choose by and one to test on, so that no query
of the test has a source that the choice has seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from graph_schema.names import ENTITY, ITEM
from kgrec.graph import GraphSnapshot
from kgrec.text import clean_text, text_columns
from kgrec.text.words import words_of

Part = Literal["valid", "test"]
KINDS: Final = (
    "swapped", "dropped", "doubled", "missing word", "sentence", "entity", "entity and title"
)  # fmt: skip
TYPOS: Final = KINDS[:3]
SEEDS: Final[dict[Part, int]] = {"valid": 1, "test": 2026}
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_LEAST_WORDS: Final = 5  # of a sentence that says something


@dataclass(frozen=True)
class Query:
    """``text`` as typed; ``source`` is the row it was made from (an item, or an entity's first);
    ``right`` are the rows of all items that are as good an answer."""

    kind: str
    text: str
    source: int
    right: frozenset[int]


def make_queries(snapshot: GraphSnapshot, part: Part, most: int = 500) -> list[Query]:
    """At most ``most`` queries of each kind from one half of the items and of the entities.

    An item with the same title (or the same sentence) as the source is as right as the source; for
    an entity's name every item with a fact about an entity of that name is.
    """
    rng = np.random.default_rng(SEEDS[part])
    titles = [clean_text(title) for title in snapshot.items.attributes["title"]]
    half = _half(len(titles), part)
    same = _groups([" ".join(words_of(title)) for title in titles])
    found: list[Query] = []
    spoilers: dict[str, Callable[[str, np.random.Generator], str | None]] = {
        "swapped": _swapped, "dropped": _dropped, "doubled": _doubled, "missing word": _shortened,
    }  # fmt: skip
    for kind, spoil in spoilers.items():
        made = ((row, spoil(titles[row], rng)) for row in rng.permutation(half).tolist())
        asked = [(row, text) for row, text in made if text is not None][:most]
        right = {row: same[" ".join(words_of(titles[row]))] for row, _ in asked}
        found += [Query(kind, text, row, right[row]) for row, text in asked]
    found += _sentences(snapshot, half, rng, most)
    found += _names(snapshot, part, rng, most)
    return found + _both(snapshot, titles, half, same, rng, most)


def _half(count: int, part: Part) -> np.ndarray:
    order = np.random.default_rng(6).permutation(count)
    return np.sort(order[count // 2 :] if part == "test" else order[: count // 2])


def _groups(keys: Sequence[str]) -> dict[str, frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, set()).add(row)
    return {key: frozenset(rows) for key, rows in groups.items()}


def _letters(text: str, rng: np.random.Generator) -> list[int]:
    places = [place for place, letter in enumerate(text) if letter.isalpha()]
    return rng.permutation(places).tolist() if len(places) > 2 else []


def _swapped(text: str, rng: np.random.Generator) -> str | None:
    """Two neighbouring letters of a word change places."""
    for place in _letters(text, rng):
        pair = text[place : place + 2]
        if len(pair) == 2 and pair.isalpha() and pair[0].lower() != pair[1].lower():
            return text[:place] + pair[::-1] + text[place + 2 :]
    return None


def _dropped(text: str, rng: np.random.Generator) -> str | None:
    places = _letters(text, rng)
    return text[: places[0]] + text[places[0] + 1 :] if places else None


def _doubled(text: str, rng: np.random.Generator) -> str | None:
    places = _letters(text, rng)
    return text[: places[0]] + text[places[0]] + text[places[0] :] if places else None


def _shortened(text: str, rng: np.random.Generator) -> str | None:
    """One word of several is left out."""
    words = text.split()
    if len(words) < 2:
        return None
    gone = int(rng.integers(len(words)))
    left = " ".join(words[:gone] + words[gone + 1 :])
    return left if words_of(left) else None


def _sentences(
    snapshot: GraphSnapshot, half: np.ndarray, rng: np.random.Generator, most: int
) -> list[Query]:
    """One sentence of an item's longest kind of text."""
    columns = text_columns(snapshot.items.attributes).long
    if not columns:
        return []
    texts = [clean_text(text) for text in snapshot.items.attributes[columns[0]]]
    split = [
        [s for s in _SENTENCE.split(text) if len(words_of(s)) >= _LEAST_WORDS] for text in texts
    ]
    found: list[Query] = []
    for row in rng.permutation(half).tolist():
        if split[row] and len(found) < most:
            sentence = split[row][int(rng.integers(len(split[row])))]
            right = frozenset(other for other, text in enumerate(texts) if sentence in text)
            found.append(Query("sentence", sentence, row, right))
    return found


def _names(snapshot: GraphSnapshot, part: Part, rng: np.random.Generator, most: int) -> list[Query]:
    names = [" ".join(words_of(name)) for name in snapshot.entities.attributes["name"]]
    same, items = _groups(names), _items_of(snapshot)
    distinct = sorted(name for name in same if name and any(items.get(e) for e in same[name]))
    chosen = rng.permutation(_half(len(distinct), part))[:most].tolist()
    found = []
    for name in (distinct[place] for place in chosen):
        right = frozenset(item for entity in same[name] for item in items.get(entity, ()))
        first = min(same[name])
        text = clean_text(snapshot.entities.attributes["name"].iloc[first])
        found.append(Query("entity", text, min(right), right))
    return found


def _both(
    snapshot: GraphSnapshot,
    titles: Sequence[str],
    half: np.ndarray,
    same: dict[str, frozenset[int]],
    rng: np.random.Generator,
    most: int,
) -> list[Query]:
    """The name of one of an item's entities, then the item's title."""
    entities: dict[int, list[int]] = {}
    for entity, items in sorted(_items_of(snapshot).items()):
        for item in items:
            entities.setdefault(item, []).append(entity)
    found = []
    rows = [row for row in rng.permutation(half).tolist() if row in entities and titles[row]]
    for row in rows[:most]:
        entity = entities[row][int(rng.integers(len(entities[row])))]
        name = clean_text(snapshot.entities.attributes["name"].iloc[entity])
        right = same[" ".join(words_of(titles[row]))]
        found.append(Query("entity and title", f"{name} {titles[row]}", row, right))
    return found


def _items_of(snapshot: GraphSnapshot) -> dict[int, set[int]]:
    items: dict[int, set[int]] = {}
    for facts in snapshot.facts:
        ends = (facts.head_label, facts.tail_label)
        if ends == (ITEM, ENTITY):
            pairs = zip(facts.tail.tolist(), facts.head.tolist(), strict=True)
        elif ends == (ENTITY, ITEM):
            pairs = zip(facts.head.tolist(), facts.tail.tolist(), strict=True)
        else:
            continue
        for entity, item in pairs:
            items.setdefault(entity, set()).add(item)
    return items
