"""Fine-tuning of a language model on a catalog's texts: adapters, objectives, augmentation."""

from kgrec.text_finetuning.corpus import TextCorpus, UserTexts
from kgrec.text_finetuning.objectives.recommendation import DownstreamModel
from kgrec.text_finetuning.report import TuningReport
from kgrec.text_finetuning.tuner import TunedModel, tune_network

__all__ = [
    "DownstreamModel",
    "TextCorpus",
    "TunedModel",
    "TuningReport",
    "UserTexts",
    "tune_network",
]
