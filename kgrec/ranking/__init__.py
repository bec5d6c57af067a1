"""Ranking: exact top-k with stable ties, and filters on the items' attributes."""

from kgrec.arrays import Csr, pairs_to_csr, take_rows
from kgrec.ranking.filters import Where, attribute_mask
from kgrec.ranking.topk import top_k

__all__ = ["Csr", "Where", "attribute_mask", "pairs_to_csr", "take_rows", "top_k"]
