"""Text: a BERT encoder with a cache on disk, item documents, cleaning, spelling, word
attribution."""

from kgrec.text.cleaning import clean_text
from kgrec.text.documents import TextColumns, item_documents, text_columns
from kgrec.text.encoding.cache import CachedEncoder, CacheStats, EmbeddingCache
from kgrec.text.encoding.encoder import BertEncoder, TextEncoder, load_encoder
from kgrec.text.review_weights import review_weights

__all__ = [
    "BertEncoder",
    "CacheStats",
    "CachedEncoder",
    "EmbeddingCache",
    "TextColumns",
    "TextEncoder",
    "clean_text",
    "item_documents",
    "load_encoder",
    "review_weights",
    "text_columns",
]
