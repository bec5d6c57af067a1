"""Packages that only some features need, imported at first use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from kgrec.errors import MissingPackageError


def require(module: str, *, extra: str) -> ModuleType:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Name of the module, as in ``"matplotlib.figure"``.
    extra : str
        The extra of kgrec that installs it, as in ``"plots"``.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingPackageError
        If the package is not installed.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise  # the package is there, but something that it needs is not
        raise MissingPackageError(
            f"the package {package!r} is not installed. Cure: pip install 'kgrec[{extra}]'"
        ) from error
