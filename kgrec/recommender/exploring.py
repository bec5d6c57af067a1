"""Exploring: what can be asked of the graph behind a Recommender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgrec.explore import GraphExplorer

if TYPE_CHECKING:
    from kgrec.recommender.engine import Engine


class Exploring:
    """The part of Recommender that looks around in the graph it answers from."""

    _explorer: GraphExplorer | None = None

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    @property
    def graph(self) -> GraphExplorer:
        """The graph to look around in: ``neighbours``, ``paths`` and ``subgraph`` of any nodes."""
        explainer = self._engine.explainer
        if self._explorer is None or self._explorer.explainer is not explainer:
            self._explorer = GraphExplorer(explainer)
        return self._explorer
