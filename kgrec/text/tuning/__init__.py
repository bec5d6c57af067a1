"""Tuning the language model on a catalog's texts: adapters, objectives, augmentation, saving."""

from kgrec.text.tuning.corpus import TextCorpus, Written
from kgrec.text.tuning.recommending import VectorReader
from kgrec.text.tuning.report import TuningReport
from kgrec.text.tuning.tuner import Tuned, tune_network

__all__ = ["TextCorpus", "Tuned", "TuningReport", "VectorReader", "Written", "tune_network"]
