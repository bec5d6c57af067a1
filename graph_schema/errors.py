"""The error tree of the whole project; every error a caller may want to catch is a KgrecError."""

from __future__ import annotations


class KgrecError(Exception):
    """Root of the tree. The message says what is wrong, where (file, row, column) and the cure."""


class SourceError(KgrecError):
    """A file or frame can't be read: missing, empty, truncated, wrong encoding or delimiter."""


class CatalogError(KgrecError):
    """A catalog breaks the schema; ``report`` (a ValidationReport) lists every problem."""

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class StoreError(KgrecError):
    """A graph store can't do what was asked."""


class StoreConnectionError(StoreError):
    """The store can't be reached, or was lost half-way; rerunning the call completes it."""


class StoreAuthError(StoreError):
    """The store refused the user name or password."""


class StoreFileError(StoreError):
    """An embedded store's file is unreadable, foreign or made by a newer version."""


class QueryError(StoreError):
    """A Cypher query is wrong, or tries to write where only reading is allowed."""


class ModelError(KgrecError):
    """A saved model is missing, truncated, foreign or newer; or a model can't be built."""


class TextModelError(ModelError):
    """A language model can't be loaded: no such folder or hub name, wrong checksum, incomplete."""


class MissingExtraError(KgrecError, ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


class TrainingError(KgrecError):
    """Training can't start or has diverged (no interactions, NaN loss)."""


class RequestError(KgrecError, ValueError):
    """A request is wrong: k <= 0, unknown user without history, unknown scenario, no candidates."""
