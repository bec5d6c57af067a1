"""Explanations of scores: exact contributions as paths, sentences, Cypher and pictures."""

from __future__ import annotations

from kgrec.explain.attribution.score_breakdown import Matches, NodeMatches, ScoreBreakdown
from kgrec.explain.comparison import Comparison, Difference, WhyNot
from kgrec.explain.counterfactuals.counterfactual import Change, Counterfactual
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.paths.index import Constraints, PathIndex

__all__ = [
    "Change",
    "Comparison",
    "Constraints",
    "Counterfactual",
    "Difference",
    "ExplainedPath",
    "Explainer",
    "Explanation",
    "Matches",
    "NodeMatches",
    "PathIndex",
    "ScoreBreakdown",
    "WhyNot",
    "Writer",
]
