"""Pages, docstrings, comments and messages use the field's words, one for each thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A word that is not used (a pattern of whole words) -> what to write.
WORDS = {
    r"foretold|foretells?|foretelling": "predicted, predicts",
    r"told": "given, known, reported, predicted",
    r"tells? (?:\w+ ){0,4}apart": "distinguishes, separates",
    r"heard|hears": "received messages",
    r"kin": "related",
    r"shots": "examples",
    r"newcomers?": "new users, users with short histories, new scenarios",
    r"worth": "weight, shrinkage, value, gain",
    r"judged|judges": "evaluated, chosen by",
    r"weighs|weighed": "weights, weighted, has the weight",
    r"likeness|likenesses": "similarity",
    r"makes? up for": "corrects for",
    r"just came|came a minute ago": "is new",
    r"said of|says? of itself": "describes, description",
    r"speaks? for|speaks? against": "supports, lowers the score",
    r"practised|practising": "meta-trained, meta-training",
    r"(?:same|whole) road": "steps, flow",
    r"thin graphs?": "sparse graph",
    r"earns?": "contributes, gains",
    r"taste of (?:its|their) own": "preferences",
}
# Where the list holds already: files, and folders with all that is in them. Others are added as
# they become clean.
ROOMS = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "docs",
    "notebooks",
    "mkdocs.yml",
    "graph_schema",
    "loaders",
    "kgrec",
    "benchmarks",
    "tests",
)
# Words that must stay: names in files of saved models, ids of kept results, and this list.
KEPT_WORDS = {
    "kgrec/persistence/ratings.py": {"worth"},
    "benchmarks/cold_start/users.py": {"newcomer"},
}
SUFFIXES = {".md", ".py", ".ipynb", ".yml", ".toml"}


def files_of(room: str) -> list[Path]:
    """The text files of a room."""
    path = ROOT / room
    if path.is_file():
        return [path]
    files = [file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES]
    return [file for file in files if file != Path(__file__)]


def found_words(text: str) -> list[str]:
    """Words of the list in a text, each with its line and what to write instead."""
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}, write: {instead}"
        for pattern, instead in WORDS.items()
        for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_uses_plain_words(room: str) -> None:
    files = files_of(room)
    assert files
    found = {str(file.relative_to(ROOT)): found_words(file.read_text("utf-8")) for file in files}
    for name, kept in KEPT_WORDS.items():
        found[name] = [line for line in found.get(name, []) if line.split("'")[1] not in kept]
    assert {name: words for name, words in found.items() if words} == {}


def test_whole_words_are_found_and_parts_of_words_are_not() -> None:
    text = "Skin and kind.\nThe items are Foretold; kin of others."
    assert [line.split(",")[0] for line in found_words(text)] == [
        "line 2: 'Foretold'",
        "line 2: 'kin'",
    ]
