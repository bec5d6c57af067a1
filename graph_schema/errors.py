"""The errors of the whole project. Every error that a caller may want to catch is a KgrecError."""

from __future__ import annotations


class KgrecError(Exception):
    """Base class of all errors. The message names the problem, its place and the cure."""


class SourceError(KgrecError):
    """A file or frame can't be read: missing, empty, truncated, wrong encoding or delimiter."""


class CatalogError(KgrecError):
    """A catalog breaks the schema; ``report`` (a ValidationReport) lists every problem."""

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class StoreError(KgrecError):
    """A graph store can't carry out a request."""


class StoreConnectionError(StoreError):
    """The store can't be reached, or the connection broke; calling again completes the work."""


class StoreAuthError(StoreError):
    """The store refused the user name or password."""


class StoreBusyError(StoreError):
    """Another process writes the store; calling again later does the work."""


class StoreFileError(StoreError):
    """The file of an embedded store can't be read, or is of another format or a newer version."""


class QueryError(StoreError):
    """A Cypher query is wrong, or tries to write where only reading is allowed."""


class ModelError(KgrecError):
    """A saved model is missing, damaged, of another format or newer; or a model can't be built."""


class TextModelError(ModelError):
    """A language model can't be loaded: wrong folder or hub name, wrong checksum, missing file."""


class MissingExtraError(KgrecError, ImportError):
    """An optional package is not installed; the message names the extra that installs it."""


class TrainingError(KgrecError):
    """Training can't start (no interactions) or has diverged (NaN loss)."""


class RequestError(KgrecError, ValueError):
    """A request is invalid: k <= 0, unknown user or scenario, no history, no candidates."""


class NotFittedError(KgrecError, ValueError, AttributeError):
    """A recommender is asked before ``fit`` or ``load`` (the bases are those of scikit-learn's)."""


class ServiceError(KgrecError):
    """The service can't start, or can't store what it was sent."""


class ErasureError(KgrecError):
    """A person can't be erased from a place, or the hashes of erased people can't be read."""


class DeviceError(RequestError):
    """The device asked for does not exist or can't be used."""


def reason(error: BaseException) -> str:
    """Return what the system says of a failure, such as "No space left on device".

    The file that it names is left out: it may be a temporary one, which says nothing to the user.
    """
    words = error.strerror if isinstance(error, OSError) else None
    return str(words or error)
