"""RDF: N-Triples, N-Quads, Turtle, TriG, JSON-LD and RDF/XML, read by pyoxigraph (extra rdf).

IRIs are ids. rdf:type gives the kind of a node, labels its name, other literals its attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import MissingExtraError, SourceError
from loaders.graph_formats.relations import last_part, short_names
from loaders.graph_formats.triples import GraphFacts
from loaders.recognition import plain_name
from loaders.report import FileReport, LoadReport, Progress
from loaders.tables.streams import open_bytes

_FORMATS: Final = {
    ".nt": "N_TRIPLES",
    ".nq": "N_QUADS",
    ".ttl": "TURTLE",
    ".n3": "N3",
    ".trig": "TRIG",
    ".jsonld": "JSON_LD",
    ".rdf": "RDF_XML",
    ".owl": "RDF_XML",
}
_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
# What gives a node its name, the first one first.
_LABELS: Final = (
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://schema.org/name",
    "https://schema.org/name",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "http://xmlns.com/foaf/0.1/name",
    "http://purl.org/dc/terms/title",
    "http://purl.org/dc/elements/1.1/title",
)
_ATTRIBUTES: Final = 200  # attributes kept: those that the most nodes have
_TAKEN: Final = ("id", "entity_id", "item_id", "name", "kind", "title")  # columns of the layout
_LANGUAGE: Final = "text in another language, where there is one in the language asked for"
_NAME: Final = "another name of the node"


def is_rdf(name: str) -> bool:
    """Whether a file has a name of RDF; without the end that says how it is packed."""
    return Path(name).suffix in _FORMATS


def read_rdf(
    paths: list[Path], report: LoadReport, progress: Progress | None, language: str = "en"
) -> GraphFacts:
    """Read files of RDF. Raises SourceError, and MissingExtraError without pyoxigraph."""
    reader = _Reader(language)
    for number, path in enumerate(paths):
        file = report.file(path.name)
        graphs = False
        for statement in _statements(path, progress):
            graphs = graphs or str(statement.graph_name) != "DEFAULT"
            reader.add(statement, number, file)
        if graphs:
            file.notes.append("the names of graphs inside of the file are left out.")
    return reader.result(report)


def _pyoxigraph() -> Any:
    try:
        return import_module("pyoxigraph")
    except ModuleNotFoundError as error:
        if error.name != "pyoxigraph":
            raise
        raise MissingExtraError(
            "the package pyoxigraph, which reads RDF, is not installed; run pip install "
            "'kgrec[rdf]', or move the files of RDF out of the folder."
        ) from error


def _statements(path: Path, progress: Progress | None) -> Iterator[Any]:
    """The statements of a file. Raises SourceError."""
    oxigraph = _pyoxigraph()
    form = getattr(oxigraph.RdfFormat, _FORMATS[Path(plain_name(path.name)).suffix])
    with open_bytes(path, progress) as stream:
        try:
            yield from oxigraph.parse(stream, form)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            place = f", row {line}" if line else ""
            raise SourceError(
                f"{path}{place}: the file can't be read as {form.name} ({error}). Cure: correct "
                f"it there{_hint(str(error))}."
            ) from error


def _hint(reason: str) -> str:
    if "remote context" in reason:
        return "; write the context into the file, as nothing is fetched"
    if "No scheme" in reason:
        return "; write whole IRIs, or @base (xml:base) at the start of the file"
    return ", or write it again with the program that made it"


class _Reader:
    """Collects the statements of several files."""

    def __init__(self, language: str) -> None:
        self._language = language.lower()
        self._found = GraphFacts()
        self._blank: dict[tuple[int, str], str] = {}
        self._ranks: dict[str, tuple[int, int]] = {}  # of the name that a node has so far
        self._kinds: dict[str, dict[str, None]] = {}
        # Attribute -> node -> the rank of its language, and the texts.
        self._texts: dict[str, dict[str, tuple[int, dict[str, None]]]] = {}

    def add(self, statement: Any, number: int, file: FileReport) -> None:
        """Add a statement of the file ``number``; what is left out is counted."""
        head = self._node(statement.subject, number)
        relation, value = statement.predicate.value, statement.object
        if type(value).__name__ == "Literal":
            file.read += 1
            self._add_text(head, relation, value, file)
            return
        if type(value).__name__ == "Triple":
            file.read += 1
            file.drop("a statement about another statement")
            return
        tail = self._node(value, number)
        if relation == _TYPE:
            file.read += 1
            self._kinds.setdefault(head, {})[last_part(tail) or tail] = None
        else:
            self._found.add((head, relation, tail), file)

    def _node(self, node: Any, number: int) -> str:
        """The id of a node: its IRI; blank nodes are numbered in the order of the files."""
        if type(node).__name__ == "NamedNode":
            return str(node.value)
        return self._blank.setdefault((number, node.value), f"_:{len(self._blank) + 1}")

    def _add_text(self, node: str, attribute: str, value: Any, file: FileReport) -> None:
        rank = self._rank(value.language)
        if attribute in _LABELS:
            both = (rank, _LABELS.index(attribute))
            if node in self._ranks:
                file.drop(_LANGUAGE if rank != self._ranks[node][0] else _NAME)
            if node not in self._ranks or both < self._ranks[node]:
                self._ranks[node], self._found.names[node] = both, value.value
            return
        texts = self._texts.setdefault(attribute, {})
        best, known = texts.setdefault(node, (rank, {}))
        if rank > best:
            file.drop(_LANGUAGE)
        elif rank < best:
            file.drop(_LANGUAGE, len(known))
            texts[node] = rank, {value.value: None}
        else:
            known[value.value] = None

    def _rank(self, language: str | None) -> int:
        """0 for the language asked for, 1 for none, 2 for another one."""
        if language is None:
            return 1
        word = language.lower()
        return 0 if word == self._language or word.startswith(f"{self._language}-") else 2

    def result(self, report: LoadReport) -> GraphFacts:
        """The facts, with names, kinds and attributes of the nodes."""
        self._found.kinds = {node: "|".join(kinds) for node, kinds in self._kinds.items()}
        counts = Counter({name: len(texts) for name, texts in self._texts.items()})
        kept = [name for name, _ in counts.most_common(_ATTRIBUTES)]
        if len(counts) > len(kept):
            report.notes.append(
                f"the nodes have {len(counts):,} attributes; the {len(kept)} that most nodes have "
                "were kept."
            )
        names = short_names(kept, _TAKEN)
        for attribute in kept:
            self._found.literals[names[attribute]] = {
                node: "|".join(texts) for node, (_, texts) in self._texts[attribute].items()
            }
        return self._found
