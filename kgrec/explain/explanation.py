"""Explanation: what a score consists of, as values, table, text, JSON and picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graph_schema.disk.paths import given_path
from kgrec.explain.explained_path import ExplainedPath, signed
from kgrec.explain.influence import Influence
from kgrec.explain.render.content import RenderContent
from kgrec.explain.render.drawing import draw_explanation
from kgrec.explain.render.graph import explanation_graph
from kgrec.explain.render.page import explanation_page
from kgrec.rules.list_rules import AppliedRule
from kgrec.visualization.notebook import bullets, fragment, html_table, paragraphs

if TYPE_CHECKING:
    import networkx as nx

INFLUENCES = 10
FRAME_COLUMNS = (
    "rank",
    "kind",
    "contribution",
    "share",
    "confidence",
    "hops",
    "people",
    "sentence",
    "path",
    "cypher",
)


@dataclass(frozen=True)
class Explanation:
    """Why an item has its score for a user.

    ``score − baseline == Σ path contributions + not_shown + rest + boost``, up to rounding of
    floats; ``boost`` is 0 without rules.

    Attributes
    ----------
    user_id : str or None
        None for a history that was given with the request.
    item_id, item_name : str
        The item.
    score, baseline : float
        The item's score, and the model's score with an empty history.
    paths : list of ExplainedPath
        The paths shown, largest contribution first.
    rest : float
        What is attributed to no path: what the model could not attribute, and ``withheld``.
    not_shown : float
        The contribution of ``hidden`` further paths.
    hidden : int
        How many further paths there are.
    parts : dict of str to float
        score − baseline − boost by part of the model.
    reasons : tuple of str
        Why there are no paths, empty if there are some.
    entities, history : tuple of Influence
        The nodes between and the history items with the largest contributions over all paths,
        shown or not; at most 10 of each.
    context : dict of str to float
        What the circumstances of the request add to the baseline, such as "daytime = evening".
    withheld : float
        The part of ``rest`` that came through the choices of fewer people than may be shown
        (``config.explain.fewest_people``).
    rules : tuple of AppliedRule
        The rules about the item that hold for the user: a boost is a term of the score, others set
        the item's place or keep it out.
    """

    user_id: str | None
    item_id: str
    item_name: str
    score: float
    baseline: float
    paths: list[ExplainedPath]
    rest: float
    not_shown: float = 0.0
    hidden: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    entities: tuple[Influence, ...] = ()
    history: tuple[Influence, ...] = ()
    context: dict[str, float] = field(default_factory=dict)
    withheld: float = 0.0
    rules: tuple[AppliedRule, ...] = ()

    @property
    def gain(self) -> float:
        """score − baseline − boost: what the history adds."""
        return self.score - self.boost - self.baseline

    @property
    def boost(self) -> float:
        """What rules add to the score."""
        return math.fsum(rule.amount for rule in self.rules)

    @property
    def shown(self) -> float:
        """Sum of the contributions of ``paths``."""
        return math.fsum(path.contribution for path in self.paths)

    def to_frame(self) -> pd.DataFrame:
        """Return the paths as a table.

        Returns
        -------
        pandas.DataFrame
            One row per path, largest contribution first: rank (int64, from 1), kind (str),
            contribution and share (float64), confidence (float64 0 to 1, None where not computed),
            hops and people (int64), sentence, path and cypher (str).
        """
        rows = [
            {
                "rank": rank,
                "kind": path.kind,
                "contribution": path.contribution,
                "share": path.share,
                "confidence": path.confidence,
                "hops": path.hops,
                "people": path.people,
                "sentence": path.sentence,
                "path": str(path),
                "cypher": path.cypher,
            }
            for rank, path in enumerate(self.paths, start=1)
        ]
        return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types, paths and influences as dicts."""
        return {
            "user_id": self.user_id,
            "item_id": self.item_id,
            "item_name": self.item_name,
            "score": self.score,
            "baseline": self.baseline,
            "paths": [path.to_dict() for path in self.paths],
            "not_shown": self.not_shown,
            "hidden": self.hidden,
            "rest": self.rest,
            "withheld": self.withheld,
            "parts": dict(self.parts),
            "reasons": list(self.reasons),
            "entities": [influence.to_dict() for influence in self.entities],
            "history": [influence.to_dict() for influence in self.history],
            "context": dict(self.context),
            "rules": [asdict(rule) for rule in self.rules],
        }

    def draw(self, path: str | Path, *, title: str | None = None) -> Path:
        """Save a picture or a page; the same explanation gives the same file.

        Parameters
        ----------
        path : str or Path
            A name that ends in .png, .svg or .pdf for a picture, in .html for a page.
        title : str, optional
            The heading; None: the item and the user.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        RequestError
            If the name ends otherwise.
        MissingExtraError
            If matplotlib is not installed and a picture is wanted.
        """
        place = given_path(path, "path")
        if place.suffix.lower() == ".html":
            return self.to_html(path, title=title)
        return draw_explanation(self._content(title), place)

    def to_html(self, path: str | Path, *, title: str | None = None) -> Path:
        """Save one HTML file to click, search and filter the paths; it needs no network.

        Parameters
        ----------
        path : str or Path
            A name that ends in .html.
        title : str, optional
            The heading; None: the item and the user.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        RequestError
            If the name ends otherwise.
        """
        return explanation_page(self._content(title), given_path(path, "path"))

    def to_networkx(self) -> nx.MultiDiGraph[tuple[str, str]]:
        """Return the paths as one graph.

        Returns
        -------
        networkx.MultiDiGraph
            Nodes are (label, id) with attributes label, id, name, kind, focus (the user and the
            item) and shown_as (the role: owner, history, candidate, item between). Edges have
            relation, contribution (sum over the paths through the edge, in units of the score)
            and stored (False for a similarity that is no relationship of the graph).
        """
        return explanation_graph(self.paths, self.item_id, self.item_name)

    def _content(self, title: str | None) -> RenderContent:
        return RenderContent(
            title=title or f"Why “{self.item_name}” for {owner_text(self.user_id)}",
            summary=self._summary(),
            item_id=self.item_id,
            item_name=self.item_name,
            paths=tuple(self.paths),
            reasons=(*self.reasons, *self._places()),
        )

    def _places(self) -> list[str]:
        """A sentence for each rule that is no term of the score."""
        return [rule.sentence for rule in self.rules if not rule.amount]

    def _summary(self) -> str:
        """The score as the sum that a picture shows."""
        parts = [
            f"score {self.score:.3f} = {self.baseline:.3f} without history",
            f"{signed(self.shown)} shown here",
        ]
        if self.hidden:
            parts.append(f"{signed(self.not_shown)} in {self.hidden:,} further paths")
        parts.append(f"{signed(self.rest)} not attributed")
        parts += [f"{signed(rule.amount)} by the rule {rule}" for rule in self.rules if rule.amount]
        return "  ".join(parts)

    def _context_lines(self) -> list[str]:
        """A line for each of the circumstances, which are part of the baseline."""
        return [
            f"     {signed(value)}  {name}, of the score without history"
            for name, value in self.context.items()
        ]

    def _repr_html_(self) -> str:
        """The score and a table of the paths, for notebooks."""
        head = ("rank", "contribution", "why", "path")
        rows = [
            (rank, signed(path.contribution), path.sentence, f"{path}{_fall_text(path)}")
            for rank, path in enumerate(self.paths, start=1)
        ]
        strongest = [
            *_strongest("in all, through", self.entities),
            *_strongest("in all, from", self.history),
        ]
        return fragment(
            self._content(None).title,
            paragraphs([self._summary()]),
            html_table([head, *rows], texts=(2, 3)),
            bullets([*self._context_lines(), *self.reasons, *self._places(), *strongest]),
        )

    def __str__(self) -> str:
        lines = [
            f"“{self.item_name}” for {owner_text(self.user_id)}: "
            f"score {self.score:.3f} = {self.baseline:.3f} (no history) {signed(self.gain)}"
            + (f" {signed(self.boost)} (rules)" if self.boost else "")
        ]
        lines += self._context_lines()
        for rank, path in enumerate(self.paths, start=1):
            lines.append(f"{rank:>3}. {signed(path.contribution)}  {path.sentence}")
            lines.append(f"     {path}{_fall_text(path)}")
        if self.hidden:
            word = "path" if self.hidden == 1 else "paths"
            lines.append(f"     {signed(self.not_shown)}  {self.hidden:,} further {word}")
        lines.append(f"     {signed(self.rest)}  not attributed to any path")
        lines += [
            f"     {signed(rule.amount)}  {rule.sentence}" for rule in self.rules if rule.amount
        ]
        lines += [f"     {reason}" for reason in (*self.reasons, *self._places())]
        lines += _strongest("in all, through", self.entities)
        lines += _strongest("in all, from", self.history)
        return "\n".join(lines)


def owner_text(user_id: str | None) -> str:
    """Whom an explanation is for: "user 1", or "this history" without an id."""
    return "this history" if user_id is None else f"user {user_id}"


def _strongest(heading: str, influences: tuple[Influence, ...]) -> list[str]:
    """One line with the three largest influences, if there are several."""
    largest = [f"{influence} {signed(influence.contribution)}" for influence in influences[:3]]
    return [f"     {heading}: {'; '.join(largest)}"] if len(influences) > 1 else []


def _fall_text(path: ExplainedPath) -> str:
    return "" if path.fall is None else f"; without its events {signed(-path.fall)}"
