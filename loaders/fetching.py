"""Named public data that pip can fetch: downloaded once, checked, cached, then used offline."""

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
from typing import Final

from graph_schema.errors import SourceError

WHEEL: Final = "recbole-1.2.1-py3-none-any.whl"
REQUIREMENT: Final = "recbole==1.2.1"
WHEEL_SHA256: Final = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
_MEMBERS: Final = "recbole/dataset_example/ml-100k"
_FILES: Final = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.kg": "200a0636fa07c218119a42e5bac7aa3e26e3665a6f919c1b22909bd412b14779",
    "ml-100k.link": "524dca2c3d62619688ab99b3ec53ea2acb9b64d38eafec3e02bdd0dc6bb7d948",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
NAMES: Final = ("ml-100k",)
_TIMEOUT: Final = 300  # seconds for the whole download


def cache_dir() -> Path:
    """KGREC_CACHE_DIR, or ``kgrec`` in the user's cache folder."""
    own = os.environ.get("KGREC_CACHE_DIR")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", base)
    return (Path(base) if base else Path.home() / ".cache") / "kgrec"


def fetch(name: str = "ml-100k") -> Path:
    """The folder of a named data set's files (RecBole atomic files), downloaded at the first call.

    The wheel is taken from the cache folder if it lies there, else downloaded by pip (or uv, where
    there is no pip); its sha256 and that of every file are checked. Raises SourceError for an
    unknown name, a failed download or a wrong checksum; nothing is left half-written.
    """
    if name not in NAMES:
        raise SourceError(f"{name!r} is not a known data set. Cure: use one of {', '.join(NAMES)}.")
    folder = cache_dir() / name
    if _is_whole(folder):
        return folder
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache_dir()) as scratch:
            fresh = _unpack(Path(scratch))
            _put_in_place(fresh, folder)
    except OSError as error:
        raise SourceError(
            f"{cache_dir()}: the data can't be cached ({error}). Cure: set KGREC_CACHE_DIR to a "
            "folder with some free space that you may write to."
        ) from error
    return folder


def _is_whole(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and _digest(folder / name) == digest
        for name, digest in _FILES.items()
    )


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _put_in_place(fresh: Path, folder: Path) -> None:
    """Move the checked files in at once; a damaged or partial folder makes room first."""
    if _is_whole(folder):  # another process was faster
        return
    if folder.exists():
        folder.rename(fresh.parent / "damaged")
    try:
        fresh.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise


def _unpack(scratch: Path) -> Path:
    """A folder in ``scratch`` with the checked files."""
    fresh = scratch / "files"
    fresh.mkdir()
    kept = cache_dir() / WHEEL
    if kept.is_file():
        _extract(kept, fresh)
    elif (pip := _pip()) is not None:
        _download(pip, scratch)
        _extract(scratch / WHEEL, fresh)
    else:
        _install_with_uv(scratch)
        for name in _FILES:
            shutil.copyfile(scratch / "site" / _MEMBERS / name, fresh / name)
    if not _is_whole(fresh):
        raise SourceError(
            f"{REQUIREMENT}: the files in the wheel are not the expected ones (sha256 differs). "
            f"Cure: get the published wheel and put it into {cache_dir()}."
        )
    return fresh


def _extract(wheel: Path, fresh: Path) -> None:
    if not wheel.is_file() or _digest(wheel) != WHEEL_SHA256:
        raise SourceError(
            f"{wheel}: this is not the published {WHEEL} (sha256 differs). Cure: remove it and "
            "fetch again."
        )
    with zipfile.ZipFile(wheel) as archive:
        for name in _FILES:
            (fresh / name).write_bytes(archive.read(f"{_MEMBERS}/{name}"))


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


def _download(pip: list[str], scratch: Path) -> None:
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    patience = ["--retries", "2", "--timeout", "20"]
    _call([*pip, "download", *options, *patience, "--dest", str(scratch), REQUIREMENT])


def _install_with_uv(scratch: Path) -> None:
    """uv has no download command: install into a folder, with the wheel's hash required."""
    uv = shutil.which("uv")
    if uv is None:
        raise SourceError(
            f"{REQUIREMENT} can't be downloaded: neither pip nor uv is here. Cure: install pip, or "
            f"put {WHEEL} into {cache_dir()}."
        )
    pinned = scratch / "requirements.txt"
    pinned.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    options = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--python",
        sys.executable,
    ]
    target = ["--target", str(scratch / "site"), "-r", str(pinned)]
    _call([uv, "pip", "install", *options, *target])


def _call(command: list[str]) -> None:
    cure = (
        f"Cure: connect to a package index, or get {WHEEL} elsewhere and put it into "
        f"{cache_dir()} (KGREC_CACHE_DIR chooses another folder)."
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{REQUIREMENT} can't be downloaded ({error}). {cure}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if line.lower().startswith("error")), "")
        reason = reason or (lines[-1] if lines else f"exit code {done.returncode}")
        raise SourceError(f"{REQUIREMENT} can't be downloaded ({reason}). {cure}")
