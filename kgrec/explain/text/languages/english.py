"""English: its template names and fields are those of every language."""

from __future__ import annotations

from kgrec.explain.text.languages.language import Language
from kgrec.features.blocks import block_sentences

_TEMPLATES = {
    **block_sentences("en"),
    "chose": "{subject} {verb} “{history}”",
    "rated": "{subject} {verb} “{history}” {rating}",
    "and": " and ",
    "shared": "{chose}; “{item}” has the same {role}: {link}.",
    "shared unnamed": "{chose}; “{item}” has the same {role}.",
    "shared mixed": "{chose}; {link}, its {role}, is also the {role2} of “{item}”.",
    "shared mixed unnamed": "{chose}; its {role} is also the {role2} of “{item}”.",
    "shared phrase": "{chose}; “{item}” and it both lead to {link} ({role}).",
    "shared phrase unnamed": "{chose}; “{item}” and it have a link in common ({role}).",
    "fact": "{chose}; its {role} is “{item}”.",
    "fact reversed": "{chose}; it is the {role} of “{item}”.",
    "fact phrase": "{chose}; the graph links it to “{item}” ({role}).",
    "collaborative": "{chose}; {people} who chose it also chose “{item}”.",
    "collaborative against": "{chose}; people who choose it lean away from “{item}”.",
    "collaborative surroundings": "{chose}; {people} who chose it also chose “{item}”, and the two "
    "have like surroundings in the graph.",
    "collaborative surroundings unseen": "{chose}; its surroundings in the graph are like "
    "“{item}”’s.",
    "collaborative unseen": "{chose}; the choices of others place “{item}” near it.",
    "graph neighbourhood": "{chose}; the graph leads from it to “{item}”: {steps}.",
    "graph neighbourhood unseen": "{chose}; its surroundings in the graph are like “{item}”’s.",
    "repeat": "{chose} before.",
    "repeat times": "{chose} before, {count} times.",
    "other": "{chose}; this moved “{item}” through the model’s part “{part}”.",
    "other:words": "{chose}; the words that went with it fit “{item}”.",
    "other:assumed": "{chose}; little is known of it, and what is assumed instead fits “{item}”.",
    "against": "{sentence} This counted against it.",
    "in spite": "{sentence} “{item}” is suggested in spite of this, not because of it.",
    "person": "1 person",
    "people": "{count} people",
    "fewer people": "fewer than {count} people",
    "fact:ALSO_BOUGHT": "{chose}; people who buy it also buy “{item}”.",
    "fact:BOUGHT_TOGETHER": "{chose}; it is often bought together with “{item}”.",
    "fact:ALSO_VIEWED": "{chose}; people who look at it also look at “{item}”.",
    "shared:ALSO_BOUGHT": "{chose}; {link} is bought along with it, and with “{item}” too.",
    "shared:BOUGHT_TOGETHER": "{chose}; {link} is bought together with it, and with “{item}” too.",
    "shared:ALSO_VIEWED": "{chose}; people who look at {link} look at it, and at “{item}” too.",
    # Words for an edge that is no relationship: attribute values that both items have.
    "same values": "same {values}",
    # Clauses about one or two steps of a path between any two nodes, a to b.
    "step chose": "{a} chose {b}",
    "step role": "the {role} of {a} is {b}",
    "step phrase": "{a} – {role} – {b}",
    "steps both chose": "{a} and {b} both chose {between}",
    "steps chose both": "{between} chose both {a} and {b}",
    "steps same role": "{a} and {b} have the same {role}: {between}",
    "steps both role": "{between} has both {a} and {b} as {role}",
}
_VERBS = {
    "": "chose",
    "rate": "rated",
    "rating": "rated",
    "view": "viewed",
    "watch": "watched",
    "click": "clicked",
    "buy": "bought",
    "purchase": "bought",
    "like": "liked",
    "review": "reviewed",
    "listen": "listened to",
    "play": "played",
    "read": "read",
    "cart": "put in the basket",
    "dislike": "disliked",
    "hide": "hid",
    "remove": "removed",
    "return": "returned",
    "skip": "skipped",
    "answer yes": "said yes to",
    "answer no": "said no to",
}
LANGUAGE = Language("en", "English", subject="You", templates=_TEMPLATES, verbs=_VERBS)
