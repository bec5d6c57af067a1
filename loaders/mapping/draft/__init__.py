"""A first mapping of a folder's files, with its reasons, to be read and corrected."""

from loaders.mapping.draft.folder import draft_mapping

__all__ = ["draft_mapping"]
