"""A mapping for files: which file and which columns are users, items, interactions and facts.

``model`` has the fields of the mapping, ``folder`` reads a folder by one, and ``draft``
guesses one.
"""

from loaders.mapping.draft import draft_mapping
from loaders.mapping.folder import mapped
from loaders.mapping.model import FileMapping

__all__ = ["FileMapping", "draft_mapping", "mapped"]
