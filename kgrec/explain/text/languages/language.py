"""Language: the templates and words of sentences in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Language:
    """All that sentences in one language need.

    A template is a ``str.format`` string. Every language has the same template names and verbs as
    English (``english.py``, which shows the fields that each may use). Any language may have
    further templates for single relations, as ``"fact:ALSO_BOUGHT"``.

    Attributes
    ----------
    code, name : str
        As in ``writer="de"``, and the name in the language itself.
    subject : str
        Who chose: "You".
    templates : mapping of str to str
        By form of sentence.
    verbs : mapping of str to str
        What the user did, by event; "" for an event without a kind.
    words : mapping of str to str
        English words that relations become, in this language; English needs none.
    """

    code: str
    name: str
    subject: str
    templates: Mapping[str, str]
    verbs: Mapping[str, str]
    words: Mapping[str, str] = field(default_factory=dict)
