"""Explanations that are true: what moved a score, as paths, sentences, Cypher and pictures."""

from __future__ import annotations

from kgrec.explain.breakdown import Matches, NodeMatches, ScoreBreakdown
from kgrec.explain.comparison import Comparison, Difference, WhyNot
from kgrec.explain.counterfactual import Change, Counterfactual
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import ExplainedPath, Explanation
from kgrec.explain.paths import Constraints, PathIndex
from kgrec.explain.sentences import Writer

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
