"""Trainings as runs of TensorBoard and MLflow, and the difference between two models."""

from kgrec.tracking.difference import ModelDifference, compare_models
from kgrec.tracking.places import check_place, track
from kgrec.tracking.run import TrainingRun

__all__ = ["ModelDifference", "TrainingRun", "check_place", "compare_models", "track"]
