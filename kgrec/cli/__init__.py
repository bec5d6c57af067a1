"""The command line. Each module adds its commands to ``app``."""

from kgrec.cli import (  # noqa: F401
    adapt,
    answers,
    data,
    demo,
    doctor,
    evaluating,
    explaining,
    exploring,
    fairness,
    linking,
    predict,
    recognising,
    searching,
    training,
    tuning_text,
)
from kgrec.cli.app import app

__all__ = ["app"]
