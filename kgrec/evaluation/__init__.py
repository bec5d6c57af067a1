"""Evaluation: metrics, protocols, significance and fairness."""

from kgrec.evaluation.fairness_report import FairnessReport
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.evaluation.judging import JudgeReport
from kgrec.metrics.accumulate import RankingMetrics
from kgrec.metrics.evaluate import EvaluationReport, evaluate_ranking
from kgrec.metrics.metrics import (
    auc,
    best_ranks,
    hit_matrix,
    logloss,
    mae,
    rmse,
    self_information,
    user_metrics,
)
from kgrec.metrics.off_policy import PolicyValue, WeightedRows
from kgrec.metrics.protocols import (
    given_split,
    global_time_split,
    leave_last_out,
    random_split,
    user_time_split,
)
from kgrec.metrics.significance import (
    Difference,
    compare_reports,
    independent_bootstrap,
    paired_bootstrap,
)

__all__ = [
    "Difference",
    "EvaluationReport",
    "FairnessReport",
    "FeedbackLog",
    "JudgeReport",
    "PolicyValue",
    "RankingMetrics",
    "WeightedRows",
    "auc",
    "best_ranks",
    "compare_reports",
    "evaluate_ranking",
    "given_split",
    "global_time_split",
    "hit_matrix",
    "independent_bootstrap",
    "leave_last_out",
    "logloss",
    "mae",
    "paired_bootstrap",
    "random_split",
    "rmse",
    "self_information",
    "user_metrics",
    "user_time_split",
]
