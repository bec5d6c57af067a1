"""Optional packages: imported on first use, with an error that names the extra to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from kgrec.errors import MissingExtraError


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module``, which ``pip install 'kgrec[EXTRA]'`` installs.

    Parameters
    ----------
    module
        Full name, such as "peft" or "torch_geometric.data".
    extra
        Name of the extra in pyproject.toml that contains the package.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingExtraError
        The package is not installed. A package that is installed and fails to import raises its
        own error.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"the package {package} is not installed; run pip install 'kgrec[{extra}]'."
        ) from error
