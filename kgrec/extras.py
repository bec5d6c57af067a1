"""Optional packages: imported on first use, with an error that names the extra to install."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

from kgrec.errors import MissingExtraError

_MATPLOTLIB_HOMES = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}


def give_matplotlib_a_folder() -> None:
    """Let matplotlib keep its files in a temporary folder where the home may only be read: it
    warns otherwise. Does nothing where MPLCONFIGDIR is set or matplotlib is there already."""
    if "MPLCONFIGDIR" in os.environ or "matplotlib" in sys.modules:
        return
    homes = [os.environ.get(name) or f"~/{one}" for name, one in _MATPLOTLIB_HOMES.items()]
    if all(_can_be_written(Path(home, "matplotlib").expanduser()) for home in homes):
        return
    folder = tempfile.mkdtemp(prefix="kgrec-matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = folder


def _can_be_written(place: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, may be written."""
    there = next((folder for folder in (place, *place.parents) if folder.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK)


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
    if module.partition(".")[0] == "matplotlib":
        give_matplotlib_a_folder()
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"the package {package} is not installed; run pip install 'kgrec[{extra}]'."
        ) from error
