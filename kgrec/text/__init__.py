"""Text: a BERT encoder with a cache on disk, documents from item attributes, lexical search."""

from kgrec.text.cleaning import clean_text
from kgrec.text.encoder import BertEncoder, TextEncoder, load_encoder

__all__ = ["BertEncoder", "TextEncoder", "clean_text", "load_encoder"]
