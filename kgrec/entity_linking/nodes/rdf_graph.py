"""The nodes and facts of a file of RDF, as things and facts of a dump."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa

from kgrec.entity_linking.nodes.things import Things, things_of
from kgrec.errors import SourceError
from loaders.graph_formats.rdf import read_rdf
from loaders.graph_formats.relations import last_part, relation_columns
from loaders.graph_formats.triples import GraphFacts
from loaders.report import LoadReport, Progress

_PAGE: Final = re.compile(r"/(?:resource|wiki|page)/(.+)$")
_SPACE_OF_NAMES: Final = re.compile(r"[^\W\d_]+:(?=[^\s_])")  # "Category:", but not "Alien: "
_BLANK: Final = "_:"  # start of the ids of nodes that have no IRI
_KINDS: Final = ("P31", "instanceOf")  # last parts of relations to a kind, beside rdf:type
_SAME: Final = ("sameAs", "exactMatch")  # last parts of relations to the node of another source


class RdfGraph:
    """The facts of a file of RDF, with the names and kinds of its nodes."""

    def __init__(self, graph: GraphFacts) -> None:
        self._graph = graph
        self.ids = [node for node in graph.nodes() if not node.startswith(_BLANK)]
        self.names = {node: graph.names.get(node) or name_of_iri(node) for node in self.ids}
        self.kinds = self._read_kinds()

    @classmethod
    def read(
        cls, path: Path, report: LoadReport, progress: Progress | None, language: str
    ) -> RdfGraph:
        """Raises SourceError, and MissingExtraError without pyoxigraph."""
        return cls(read_rdf([path], report, progress, language))

    def facts(self) -> pd.DataFrame:
        """Columns head, relation, tail and relation_iri."""
        frame = pd.DataFrame(
            list(self._graph.facts), columns=["head", "relation", "tail"], dtype=object
        )
        if frame.empty:
            return frame
        named = relation_columns(pa.array(frame["relation"].tolist(), pa.string()))
        return frame.assign(**{name: values.to_pylist() for name, values in named.items()})

    def things(self, path: Path, year: str | None) -> Things:
        """The nodes as things. Raises SourceError for an attribute that none has."""
        columns = {
            name: [found.get(node, "") for node in self.ids]
            for name, found in {**self._graph.literals, **self._joined(_SAME)}.items()
        }
        if year is not None and year not in columns:
            raise SourceError(
                f"{path}: no node has an attribute {year}. Cure: give one of "
                f"{', '.join(columns) or 'none'}."
            )
        frame = pd.DataFrame(
            {
                "iri": self.ids,
                "label": [self.names[node] for node in self.ids],
                "kind": [self.kinds.get(node, "") for node in self.ids],
                **columns,
            },
            dtype=object,
        )
        return things_of(frame, "iri", "label", year=year)

    def _read_kinds(self) -> dict[str, str]:
        kinds = dict(self._graph.kinds)
        for found in self._joined(_KINDS).values():
            for node, tails in found.items():
                words = "|".join(self.names.get(tail, tail) for tail in tails.split("|"))
                kinds[node] = "|".join(filter(None, (kinds.get(node), words)))
        return kinds

    def _joined(self, words: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """For each relation whose last part is one of ``words``: its tails by head, as ``a|b``."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for head, relation, tail in self._graph.facts:
            word = last_part(relation)
            if word in words:
                found[word][head].append(tail)
        return {
            word: {head: "|".join(tails) for head, tails in heads.items()}
            for word, heads in found.items()
        }


def name_of_iri(iri: str) -> str:
    """The name in an IRI: "The Shining (film)" of …/resource/The_Shining_(film), "1971 films" of
    …/Category:1971_films, and all of "Face/Off"."""
    page = _PAGE.search(iri)
    text = unquote(page[1] if page else re.split(r"[/#]", iri.rstrip("/#"))[-1])
    space = _SPACE_OF_NAMES.match(text)
    return (text[space.end() :] if space else text).replace("_", " ").strip() or iri
