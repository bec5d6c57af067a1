"""Writer: one plain sentence per path, from templates that a team can replace."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graph_schema.errors import RequestError
from kgrec.explain.text.languages import LANGUAGES, Language
from kgrec.features.blocks import find_block, name_in
from kgrec.features.names import SEPARATOR
from kgrec.paths.relation_words import humanise

# What joins two items where no feature block says it: by the kind of a path, or its part.
_SIMILARITIES: Mapping[str, str] = {
    "collaborative": "chosen alike",
    "against": "chosen otherwise",
    "graph neighbourhood": "similar surroundings",
    "words": "fitting words",
}


@dataclass(frozen=True)
class SentenceParts:
    """What a sentence says. ``form`` names a template, without its " unnamed".

    ``kind`` and ``relation`` or ``part`` select templates for single relations and parts of the
    model; ``negative``: the path lowered the score; ``in_spite``: it raised the score, and begins
    with a negative event.
    """

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
    negative: bool = False
    in_spite: bool = False


@dataclass(frozen=True)
class Writer:
    """Writes sentences in a language, with templates and words that a team may replace.

    A template is looked up by ``"shared:<relation>"`` or ``"fact:<relation>"``, then
    ``"<relation>"`` (as in the graph, or in upper case like ALSO_BOUGHT), then by form, as in
    ``kgrec/explain/text/languages/english.py``; of a part of the model by ``"other:<part>"``.
    " unnamed" is added to the name where the entity between has no name. Fields of a template:
    ``chose`` ("You rated “Heat” 5"), ``history``, ``item``, ``link`` (names), ``role`` and
    ``role2`` (words for the relation on either side), ``people`` ("41 people"), ``count``,
    ``values``, ``steps`` (a longer path, written out), ``part`` and ``subject`` ("You").
    ``chose`` itself is the template "chose" or "rated", with ``subject``, ``verb``, ``history``
    and ``rating``; "and" is put between the last two of a list.

    Parameters
    ----------
    templates : mapping of str to str
        Templates that replace those of the language, or are added to them.
    roles : mapping of str to str
        Words for a relationship type; they are taken to name a role, as "director" does.
    verbs : mapping of str to str
        What the user did, by event; "" for an event without a kind.
    words : mapping of str to str
        Replacements for the English words that relations become.
    subject : str
        Who chose; "": the language's, "You" in English.
    language : Language
        The language; English by default. ``Writer.of("de")`` gives a writer by code.
    """

    templates: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    verbs: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""
    language: Language = LANGUAGES["en"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", self.subject or self.language.subject)

    @staticmethod
    def of(writer: Writer | str) -> Writer:
        """Return a writer as it is, or make that of a language.

        Parameters
        ----------
        writer : Writer or str
            A writer, or the code of a language ("en", "de").

        Returns
        -------
        Writer
            The writer.

        Raises
        ------
        RequestError
            If there is no such language.
        """
        if isinstance(writer, Writer):
            return writer
        if not isinstance(writer, str) or writer not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise RequestError(f"unknown language {writer!r}; use one of {known}, or a Writer")
        return Writer(language=LANGUAGES[writer])

    def sentence(self, parts: SentenceParts) -> str:
        """Write one sentence. Raises RequestError for a template with an unknown field."""
        fields = {
            "chose": self._event(parts),
            "history": parts.history,
            "item": parts.item,
            "link": parts.link,
            "role": parts.role,
            "role2": parts.role2,
            "people": self.people(parts.count),
            "count": parts.count,
            "values": parts.values,
            "steps": parts.steps,
            "part": name_in(parts.part),
            "subject": self.subject,
        }
        text = _fill(self._template(parts), fields)
        if parts.in_spite:
            return self.phrase("in spite", sentence=text, item=parts.item)
        return self.phrase("against", sentence=text) if parts.negative else text

    def phrase(self, name: str, /, **fields: object) -> str:
        """Fill the template of this name."""
        return _fill(self._named(name), fields)

    def verb(self, event: str) -> str:
        """What the user did, by the kind of an event: "bought"; "chose" for an unknown kind."""
        verbs = {**self.language.verbs, **self.verbs}
        return verbs[event if event in verbs else ""]

    def role(self, relation: str) -> str:
        """The words for a relationship type."""
        return self.roles.get(relation) or self.word(humanise(relation).text)

    def word(self, english: str) -> str:
        """One of kgrec's English words in this language."""
        return self.words.get(english, self.language.words.get(english, english))

    def similarity(self, part: str) -> str:
        """What joins two items that are similar by a part of the model, in a few words."""
        block = find_block(part)
        english = _SIMILARITIES.get(part, part) if block is None else block.wording.labels["en"]
        return self.word(english).replace("{name}", name_in(part))

    def listed(self, words: Sequence[str]) -> str:
        """Join words as in "a", "a and b" or "a, b and c"."""
        if len(words) < 2:
            return "".join(words)
        return self.phrase("and").join([", ".join(words[:-1]), words[-1]])

    def is_noun(self, relation: str) -> bool:
        """Whether the words for a relationship type name a role, as "director" does."""
        return relation in self.roles or humanise(relation).noun

    def _event(self, parts: SentenceParts) -> str:
        """What the user did with the history item: "You rated “Heat” 5"."""
        event = parts.event.lower()
        known = event if event in {**self.language.verbs, **self.verbs} else ""
        rated = parts.rating is not None
        verb = self.verb("rate" if rated and not known else known)
        rating = f"{parts.rating:g}" if rated else ""
        name = "rated" if rated else "chose"
        return self.phrase(
            name, subject=self.subject, verb=verb, history=parts.history, rating=rating
        )

    def people(self, count: int) -> str:
        """A number of people: "52 people"."""
        return self.phrase("person" if count == 1 else "people", count=f"{count:,}")

    def fewer_people(self, count: int) -> str:
        """A number of people that is not said: "fewer than 5 people"."""
        return self.phrase("fewer people", count=f"{count:,}")

    def _named(self, name: str) -> str:
        return self.templates.get(name, self.language.templates[name])

    def _template(self, parts: SentenceParts) -> str:
        upper = re.sub(r"[\s\-]+", "_", parts.relation).upper()
        keys = [parts.form]
        if parts.relation:
            both = (parts.relation, upper)
            keys = [*(f"{parts.kind}:{name}" for name in both), *both, parts.form]
        if parts.part:
            block = parts.part.partition(SEPARATOR)[0]
            keys = [f"{parts.kind}:{parts.part}", f"{parts.kind}:{block}", *keys]
        unnamed = " unnamed" if parts.kind == "shared" and not parts.link else ""
        for table in (self.templates, self.language.templates):
            for key in keys:
                if key + unnamed in table:
                    return table[key + unnamed]
        raise RequestError(f"no sentence template for {parts.form + unnamed!r}")


def _fill(template: str, fields: Mapping[str, object]) -> str:
    try:
        return template.format_map(fields)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = ", ".join(sorted(fields))
        raise RequestError(
            f"the sentence template {template!r} can't be filled ({error!r}); its fields: {known}"
        ) from error
