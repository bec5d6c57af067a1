"""Model card and data sheet, made from what a model was trained on (Mitchell et al. 2019; Gebru et
al. 2021)."""

from kgrec.model_card.card import CardRequest, ModelCard, make_card

__all__ = ["CardRequest", "ModelCard", "make_card"]
