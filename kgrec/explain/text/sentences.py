"""One plain sentence per path, from templates that a team can replace, relation by relation.

A template is looked up as ``"shared:<relation>"`` or ``"fact:<relation>"``, then ``"<relation>"``
(relations as in the graph or in ALSO_BOUGHT-like upper case), then by form (the keys of TEMPLATES);
a part of the model as ``"other:<part>"``. " unnamed" is added to the key where the entity between
has no name. It is a ``str.format`` string with these fields: ``chose`` ("You rated “Heat” 5"),
``history``, ``item``, ``link`` (names), ``role`` and ``role2`` (words for the relation on either
side), ``people`` ("41 people"), ``count``, ``values``, ``steps`` (a longer way, written out),
``part``, ``subject`` ("You"). ``chose`` itself comes from "chose" or "rated", with ``subject``,
``verb``, ``history`` and ``rating``; "and" joins the last two of a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from graph_schema.errors import RequestError
from kgrec.features.blocks import block_sentences, find_block, name_in
from kgrec.features.names import SEPARATOR
from kgrec.paths.relation_words import humanise

TEMPLATES: Mapping[str, str] = {
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
    "other": "{chose}; this moved “{item}” through the model’s part “{part}”.",
    "other:words": "{chose}; the words that went with it fit “{item}”.",
    "other:assumed": "{chose}; little is known of it, and what is assumed instead fits “{item}”.",
    "against": "{sentence} This counted against it.",
    "person": "1 person",
    "people": "{count} people",
    "fact:ALSO_BOUGHT": "{chose}; people who buy it also buy “{item}”.",
    "fact:BOUGHT_TOGETHER": "{chose}; it is often bought together with “{item}”.",
    "fact:ALSO_VIEWED": "{chose}; people who look at it also look at “{item}”.",
    "shared:ALSO_BOUGHT": "{chose}; {link} is bought along with it, and with “{item}” too.",
    "shared:BOUGHT_TOGETHER": "{chose}; {link} is bought together with it, and with “{item}” too.",
    "shared:ALSO_VIEWED": "{chose}; people who look at {link} look at it, and at “{item}” too.",
}
# What joins two items where no feature block says it: by the kind of a path, or its part.
_LABELS: Mapping[str, str] = {
    "collaborative": "chosen alike",
    "against": "chosen otherwise",
    "graph neighbourhood": "similar surroundings",
    "words": "fitting words",
}
VERBS: Mapping[str, str] = {
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
}


@dataclass(frozen=True)
class Story:
    """What a sentence is made of. ``form`` is a key of TEMPLATES without its "unnamed"."""

    kind: str
    form: str
    relation: str
    history: str
    item: str
    link: str = ""
    role: str = ""
    role2: str = ""
    count: int = 0
    values: str = ""
    steps: str = ""
    part: str = ""
    event: str = ""
    rating: float | None = None
    against: bool = False


@dataclass(frozen=True)
class Writer:
    """Writes sentences. ``templates`` replaces or adds templates; ``roles`` replaces the words for
    a relation, ``words`` any of the English words that relations become; ``verbs`` those for an
    event ("": of no kind); ``subject`` is who chose."""

    templates: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    verbs: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    subject: str = "You"

    @staticmethod
    def of(writer: Writer | str) -> Writer:
        """A Writer as it is, or that of a language. Raises RequestError."""
        from kgrec.explain.text.languages import LANGUAGES  # which are made of Writers

        if isinstance(writer, Writer):
            return writer
        if writer not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise RequestError(f"unknown language {writer!r}; use one of {known}, or a Writer")
        return LANGUAGES[writer]

    def sentence(self, story: Story) -> str:
        """The story in one sentence. Raises RequestError for a template with an unknown field."""
        fields = {
            "chose": self.chose(story),
            "history": story.history,
            "item": story.item,
            "link": story.link,
            "role": story.role,
            "role2": story.role2,
            "people": self._people(story.count),
            "count": story.count,
            "values": story.values,
            "steps": story.steps,
            "part": name_in(story.part),
            "subject": self.subject,
        }
        text = _fill(self._template(story), fields)
        return self._fill_named("against", {"sentence": text}) if story.against else text

    def chose(self, story: Story) -> str:
        """What the user did with the history item: "You rated “Heat” 5"."""
        verbs = {**VERBS, **self.verbs}
        known = story.event.lower() if story.event.lower() in verbs else ""
        rated = story.rating is not None
        fields = {
            "subject": self.subject,
            "verb": verbs["rate" if rated and not known else known],
            "history": story.history,
            "rating": f"{story.rating:g}" if rated else "",
        }
        return self._fill_named("rated" if rated else "chose", fields)

    def role(self, relation: str) -> str:
        """The words for a relation."""
        return self.roles.get(relation) or self.word(humanise(relation).text)

    def word(self, english: str) -> str:
        """One of kgrec's own words as this writer says it."""
        return self.words.get(english, english)

    def likeness(self, part: str) -> str:
        """What joins two items that are alike by a part of the model, in a few words."""
        block = find_block(part)
        english = _LABELS.get(part, part) if block is None else block.wording.labels["en"]
        return self.word(english).replace("{name}", name_in(part))

    def listed(self, words: list[str]) -> str:
        """ "a", "a and b", "a, b and c"."""
        if len(words) < 2:
            return "".join(words)
        return self._fill_named("and", {}).join([", ".join(words[:-1]), words[-1]])

    def is_noun(self, relation: str) -> bool:
        """Whether a relation's words name a role; replaced words are taken to."""
        return relation in self.roles or humanise(relation).noun

    def _people(self, count: int) -> str:
        return self._fill_named("person" if count == 1 else "people", {"count": f"{count:,}"})

    def _fill_named(self, name: str, fields: Mapping[str, object]) -> str:
        return _fill(self.templates.get(name, TEMPLATES[name]), fields)

    def _template(self, story: Story) -> str:
        upper = re.sub(r"[\s\-]+", "_", story.relation).upper()
        keys = [story.form]
        if story.relation:
            both = (story.relation, upper)
            keys = [*(f"{story.kind}:{name}" for name in both), *both, story.form]
        if story.part:
            of_block = story.part.partition(SEPARATOR)[0]
            keys = [f"{story.kind}:{story.part}", f"{story.kind}:{of_block}", *keys]
        unnamed = " unnamed" if story.kind == "shared" and not story.link else ""
        for table in (self.templates, TEMPLATES):
            for key in keys:
                if key + unnamed in table:
                    return table[key + unnamed]
        raise RequestError(f"no sentence template for {story.form + unnamed!r}")


def _fill(template: str, fields: Mapping[str, object]) -> str:
    try:
        return template.format_map(fields)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = ", ".join(sorted(fields))
        raise RequestError(
            f"the sentence template {template!r} can't be filled ({error!r}); its fields: {known}"
        ) from error
