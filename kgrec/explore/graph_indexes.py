"""GraphIndexes: what explanations, exploring and search read of a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graph_schema.mapping import GraphMapping
from kgrec.differential_privacy.public import public_part
from kgrec.explain.explainer import Explainer
from kgrec.explore.explorer import GraphExplorer
from kgrec.features.texts import TextFeatures
from kgrec.graph import GraphSnapshot
from kgrec.graph.tables import unchanged_rows
from kgrec.paths.index import PathIndex
from kgrec.scoring.engine import Engine
from kgrec.search.ranker import Searcher


@dataclass(frozen=True, eq=False)
class GraphIndexes:
    """Indexes of a snapshot for explanations, exploring and search; independent of scenarios.

    ``before`` and ``paths``: the searcher and the index of paths of an earlier snapshot, from which
    those of this one grow; they are let go of then.
    """

    snapshot: GraphSnapshot
    texts: TextFeatures
    mapping: GraphMapping | None = None
    before: Searcher | None = None
    paths: PathIndex | None = None

    @cached_property
    def explainer(self) -> Explainer:
        """The index of the graph's paths, for explanations."""
        explainer = Explainer(self.snapshot, mapping=self.mapping, before=self.paths)
        object.__setattr__(self, "paths", None)
        return explainer

    @cached_property
    def explorer(self) -> GraphExplorer:
        """The graph for exploring."""
        return GraphExplorer(self.explainer)

    @cached_property
    def searcher(self) -> Searcher:
        """The indexes of titles, texts and entity names, for search."""
        searcher = Searcher(self.snapshot, self.texts, self.before)
        object.__setattr__(self, "before", None)
        return searcher

    @staticmethod
    def of(
        engine: Engine, mapping: GraphMapping | None, earlier: GraphIndexes | None = None
    ) -> GraphIndexes:
        """The indexes of an engine's snapshot; of its public part where the model is private.
        ``earlier``: those of an earlier snapshot."""
        shown = public_part(engine.snapshot) if engine.private else engine.snapshot
        built = (None, None) if earlier is None else earlier._built
        return GraphIndexes(shown, engine.texts, mapping, *built)

    def like(self, other: GraphIndexes) -> GraphIndexes:
        """These indexes, whose searcher takes over what another one has made of the same texts and
        names; as they are where items or entities differ."""
        searcher, _ = other._built
        if searcher is None or not _same_nodes(searcher.snapshot, self.snapshot):
            return self
        return replace(self, before=searcher)

    @property
    def _built(self) -> tuple[Searcher | None, PathIndex | None]:
        """The indexes that those of a later snapshot grow from: its own, or earlier ones."""
        searcher, explainer = (vars(self).get(name) for name in ("searcher", "explainer"))
        return (
            self.before if searcher is None else searcher.earlier,
            self.paths if explainer is None else explainer.index.earlier,
        )

    def warm_up(self) -> None:
        """Build all indexes now."""
        self.explainer.warm_up()
        self.explorer.warm_up()
        self.searcher.warm_up()


def _same_nodes(one: GraphSnapshot, other: GraphSnapshot) -> bool:
    """Whether two graphs have the same items and entities, row by row."""
    pairs = ((one.items, other.items), (one.entities, other.entities))
    return all(
        len(a) == len(b) and np.array_equal(unchanged_rows(a, b), np.arange(len(a)))
        for a, b in pairs
    )
