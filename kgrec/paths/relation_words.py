"""Readable words for relationship types: film.director.film, directed_by_director, ALSO_BOUGHT."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Agent nouns of participles and verbs in relation names.
_AGENTS = {
    "directed": "director",
    "produced": "producer",
    "written": "writer",
    "wrote": "writer",
    "authored": "author",
    "composed": "composer",
    "edited": "editor",
    "published": "publisher",
    "starred": "actor",
    "starring": "actor",
    "acted": "actor",
    "acts": "actor",
    "performed": "performer",
    "created": "creator",
    "designed": "designer",
    "made": "maker",
    "manufactured": "manufacturer",
    "sold": "seller",
    "sung": "singer",
    "recorded": "artist",
    "distributed": "distributor",
    "developed": "developer",
    "narrated": "narrator",
    "translated": "translator",
    "illustrated": "illustrator",
    "owned": "owner",
    "branded": "brand",
    "filmed": "cinematographer",
    "shot": "cinematographer",
}
# Parts of a work that "by" makes a name of their author.
_AUTHORS = {
    "music": "composer",
    "lyrics": "lyricist",
    "cinematography": "cinematographer",
    "screenplay": "writer",
    "story": "writer",
}
_PERFORMING = {"starred", "starring", "acted", "acts", "performed", "sung"}  # in a work
# Participles with another preposition than "by": they name no agent.
_ORIGINS = {
    "made in": "country of origin",
    "produced in": "country of origin",
    "manufactured in": "country of origin",
    "made of": "material",
    "made from": "material",
    "filmed in": "filming location",
    "filmed at": "filming location",
    "shot in": "filming location",
    "shot at": "filming location",
}
_WORDS = {"prodcompany": "production company", "wikipage": "related topic"}
_FILLERS = {"has", "have", "is", "of", "the", "a", "an", "belongs", "belong", "to", "in", "with"}
_PHRASE_STARTS = {
    "also",
    "often",
    "frequently",
    "bought",
    "viewed",
    "similar",
    "same",
    "related",
    "follows",
    "knows",
    "likes",
    "friend",
    "trusts",
}
_PREPOSITIONS = {"by", "to", "in", "with", "of", "from", "for", "at", "on"}


@dataclass(frozen=True)
class RelationWords:
    """``text`` in lower case; ``noun``: it names a role ("director"), else it is a phrase."""

    text: str
    noun: bool


@lru_cache(maxsize=4096)
def humanise(relation: str) -> RelationWords:
    """Make words of a relationship type, as "director" of "DIRECTED_BY"; accepts any string."""
    words = _split(_property(relation))
    if not words:
        return RelationWords(relation, False)
    if words == ["is", "a"]:
        return RelationWords("kind", True)
    if words[0] in _PHRASE_STARTS and not (words[0] == "related" and words[1:2] == ["to"]):
        return RelationWords(" ".join(words), False)
    cut = next((i for i in range(len(words) - 2, 0, -1) if words[i] in _PREPOSITIONS), None)
    if cut is not None and words[cut - 1] not in _FILLERS | {"this"}:
        return _noun(words[cut + 1 :])
    if words[-1] in _PREPOSITIONS or (words[0] in _AGENTS and len(words) == 1):
        return _participle(words)
    while len(words) > 1 and words[0] in _FILLERS:
        words = words[1:]
    return _noun(words)


def _participle(words: list[str]) -> RelationWords:
    """Words of "directed", "directed by", "music by", "acted in" or "made in"."""
    first, last, text = words[0], words[-1], " ".join(words)
    if last == "by":
        role = {**_AGENTS, **_AUTHORS}.get(first)
    elif len(words) == 1 or (last == "in" and first in _PERFORMING):
        role = _AGENTS.get(first)
    else:
        role = _ORIGINS.get(text)
    return RelationWords(text, False) if role is None else RelationWords(role, True)


def _noun(words: list[str]) -> RelationWords:
    text = " ".join(_WORDS.get(word, word) for word in words)
    return RelationWords(_singular(text), True)


def _property(relation: str) -> str:
    """The informative piece of a dotted (Freebase-like) name: domain.type.property."""
    pieces = [piece for piece in re.split(r"[./#:]+", relation) if piece]
    if len(pieces) < 2:
        return relation
    domain, kind, last = pieces[0], pieces[-2], pieces[-1]
    inside = re.search(r"_in_this_(\w+)$", last)
    if inside:
        return inside.group(1)
    is_type_name = last in (domain, domain + "s") and kind != domain
    chosen = kind if is_type_name else last
    return chosen.removeprefix(domain + "_")


def _split(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\s_\-]+", spaced) if word]


def _singular(text: str) -> str:
    if text.endswith("ies") and len(text) > 4 and text not in ("series", "species"):
        return text[:-3] + "y"
    keep = ("ss", "us", "is", "series", "species")
    return text[:-1] if text.endswith("s") and len(text) > 3 and not text.endswith(keep) else text
