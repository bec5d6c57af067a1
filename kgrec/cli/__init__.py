"""The command line. Each module adds its commands to ``app``."""

from kgrec.cli import answers, data, demo, doctor, evaluating, fairness, training  # noqa: F401
from kgrec.cli.app import app

__all__ = ["app"]
