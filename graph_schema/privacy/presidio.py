"""Names in texts, found by presidio-analyzer with a spaCy pipeline (extra: names)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from graph_schema.errors import MissingExtraError, RequestError
from graph_schema.privacy.text_rules import Found
from graph_schema.privacy.texts import Finder

# What is asked for, and its kind. Mail addresses are left to kgrec's own rules: presidio's look up
# domains on the network.
_KINDS: Final = {
    "PERSON": "name",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "address",
    "US_SSN": "number",
}
_LEAST: Final = 0.4  # presidio's confidence, 0 to 1


def presidio_finder(pipeline: str | Path | None = None, *, language: str = "en") -> Finder:
    """A finder of names and further numbers for ``scan_texts``.

    Parameters
    ----------
    pipeline : str or Path, optional
        A spaCy pipeline that recognises persons: the name of an installed one, such as
        "en_core_web_lg", or its folder. None: presidio's pattern recognisers alone, which find
        numbers and no names. Nothing is downloaded.
    language : str
        The language of the texts, as spaCy writes it.

    Raises
    ------
    MissingExtraError
        If presidio-analyzer is not installed.
    RequestError
        If there is no such pipeline, or the language is unknown.
    """
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as error:
        raise MissingExtraError(
            "names in texts need presidio-analyzer; install it with: pip install 'kgrec[names]'"
        ) from error
    try:
        loaded = spacy.blank(language) if pipeline is None else spacy.load(pipeline)
    except (OSError, ImportError, ValueError) as error:
        what = f"spaCy pipeline {pipeline}" if pipeline is not None else f"language {language!r}"
        raise RequestError(
            f"there is no {what}; install the pipeline, or name the folder of one."
        ) from error

    class LoadedEngine(SpacyNlpEngine):  # type: ignore[misc, unused-ignore]
        """Presidio's own would download a pipeline."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": language, "model_name": str(pipeline)}])
            self.nlp = {language: loaded}

        def load(self) -> None:
            """It is loaded."""

    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=LoadedEngine())
    analyzer = AnalyzerEngine(
        registry=registry, nlp_engine=LoadedEngine(), supported_languages=[language]
    )
    wanted = [name for name in _KINDS if name in analyzer.get_supported_entities(language)]
    return lambda text: _found(analyzer.analyze(text, language, entities=wanted))


def _found(results: list[Any]) -> list[Found]:
    found: list[Found] = []
    for one in sorted(results, key=lambda result: (-result.score, result.start)):
        overlaps = any(one.start < had.end and one.end > had.start for had in found)
        if one.score >= _LEAST and not overlaps:
            found.append(Found(_KINDS[one.entity_type], one.start, one.end))
    return sorted(found, key=lambda one: one.start)
