"""Evaluation: metrics, protocols, baselines and significance."""

from kgrec.evaluation.accumulate import RankingMetrics
from kgrec.evaluation.evaluate import EvaluationReport, evaluate_ranking
from kgrec.evaluation.metrics import (
    auc,
    best_ranks,
    hit_matrix,
    logloss,
    mae,
    rmse,
    self_information,
    user_metrics,
)

__all__ = [
    "EvaluationReport",
    "RankingMetrics",
    "auc",
    "best_ranks",
    "evaluate_ranking",
    "hit_matrix",
    "logloss",
    "mae",
    "rmse",
    "self_information",
    "user_metrics",
]
