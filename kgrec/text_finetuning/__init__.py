"""Tuning the language model on a catalog's texts: adapters, objectives, augmentation, saving."""

from kgrec.text_finetuning.corpus import TextCorpus, Written
from kgrec.text_finetuning.objectives.recommendation import VectorReader
from kgrec.text_finetuning.report import TuningReport
from kgrec.text_finetuning.tuner import Tuned, tune_network

__all__ = ["TextCorpus", "Tuned", "TuningReport", "VectorReader", "Written", "tune_network"]
