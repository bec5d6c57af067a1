"""Signatures of saved models: an HMAC of the manifest, which has the SHA-256 of every other file.

The checksums alone show damage, and changes by somebody who leaves the manifest as it was. Whoever
can write both can make them fit; the signature needs a key that such a person does not have. Files
that change after the model was saved (its rules) have signatures of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import ModelError, reason

KEY_FILE: Final = "KGREC_MODEL_KEY_FILE"  # environment variable: path of the file with the key
FIELD: Final = "signature"  # of the manifest
_SHORTEST, _LONGEST = 32, 4096  # bytes of a key
_PURPOSE: Final = b"kgrec model 1\n"  # so that no other HMAC of the same key is taken for one
_FILE_PURPOSE: Final = b"kgrec file 1\n"


def signed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its signature; without one where there is no key. Raises ModelError."""
    key = _key()
    if key is None:
        return dict(manifest)
    return {**manifest, FIELD: _signature(manifest, key)}


def check_signature(manifest: Mapping[str, Any], folder: Path) -> None:
    """Raise ModelError where there is a key, and the manifest is not signed with it."""
    key = _key()
    if key is None:
        return
    given = manifest.get(FIELD)
    cure = (
        f"Copy the folder from a place that you trust, or sign it by loading it without {KEY_FILE} "
        "and saving it with it, if you know that nobody changed it."
    )
    if not isinstance(given, str):
        raise ModelError(f"{folder} is not signed, and {KEY_FILE} asks for signed models. {cure}")
    right = _signature(manifest, key)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        raise ModelError(
            f"{folder}: the signature does not fit: the manifest was changed, or another key "
            f"signed it. {cure}"
        )


def signature_of(name: str, content: str) -> str | None:
    """The signature of a file of this name and content; None where there is no key. Raises
    ModelError."""
    key = _key()
    if key is None:
        return None
    signed_bytes = json.dumps([name, content]).encode()
    return hmac.new(key, _FILE_PURPOSE + signed_bytes, hashlib.sha256).hexdigest()


def _signature(manifest: Mapping[str, Any], key: bytes) -> str:
    content = {name: value for name, value in manifest.items() if name != FIELD}
    # As it is read back: tuples are lists, and names are text.
    plain = json.loads(json.dumps(content))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, _PURPOSE + text.encode(), hashlib.sha256).hexdigest()


def _key() -> bytes | None:
    """The key, None where no file is named. Messages never show what the variable holds: it may be
    the key itself by mistake. Raises ModelError."""
    named = os.environ.get(KEY_FILE)
    if not named:
        return None
    path = Path(named)
    try:
        shared = os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077
        with path.open("rb") as stream:
            key = stream.read(_LONGEST + 1).strip()
    except (OSError, ValueError) as error:
        # "from None": the system's error has the value in it.
        raise ModelError(
            f"{KEY_FILE} names no file that can be read ({_without_name(error)}); give the path of "
            "the file with the key."
        ) from None
    if shared:
        raise ModelError(f"others may read the file that {KEY_FILE} names; run chmod 600 on it.")
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ModelError(
            f"the key in the file that {KEY_FILE} names has {len(key)} bytes; give {_SHORTEST} to "
            f"{_LONGEST}, made by chance: openssl rand -hex 32."
        )
    return key


def _without_name(error: Exception) -> str:
    return reason(error) if isinstance(error, OSError) else "it is no path"
