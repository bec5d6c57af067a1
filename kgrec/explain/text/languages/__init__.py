"""The languages of sentences. To add one: write a module here and put its name in _MODULES."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from kgrec.explain.text.languages.language import Language

_MODULES = ("english", "german")  # each defines LANGUAGE, a Language with all templates and verbs


def _languages() -> dict[str, Language]:
    modules = (import_module(f"{__name__}.{module}") for module in _MODULES)
    return {module.LANGUAGE.code: module.LANGUAGE for module in modules}


LANGUAGES: Mapping[str, Language] = _languages()

__all__ = ["LANGUAGES", "Language"]
