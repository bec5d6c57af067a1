"""The manifest of a fine-tuned model's folder: an adapter's base model and checksums.

``kgrec.text_finetuning`` writes it. A model of which every weight was trained is an ordinary model
folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_schema.disk.files import read_json
from graph_schema.errors import TextModelError
from kgrec.text.encoding.models import sha256

MANIFEST = "kgrec_text.json"
ADAPTER_CONFIG = "adapter_config.json"
FORMAT, VERSION = "kgrec-text", 1


def is_adapter(model: str | Path) -> bool:
    """Whether ``model`` is the folder of an adapter, which needs its base model."""
    folder = Path(model)
    return (folder / MANIFEST).is_file() and not (folder / "config.json").is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the folder, after a check of all files that it lists. Raises
    TextModelError."""
    try:
        manifest = read_json(folder / MANIFEST)
    except (OSError, ValueError) as error:
        raise TextModelError(
            f"{folder}/{MANIFEST} can't be read ({error}); tune the model again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise TextModelError(
            f"{folder}/{MANIFEST} is not a manifest of kgrec; tune the model again."
        )
    if manifest.get("version") != VERSION:
        raise TextModelError(
            f"{folder} has version {manifest.get('version')} of its format, this kgrec reads "
            f"{VERSION}; tune the model again."
        )
    for name, digest in manifest["files"].items():
        if not (folder / name).is_file():
            raise TextModelError(f"{folder} has no {name}; tune the model again.")
        if sha256(folder / name) != digest:
            raise TextModelError(
                f"{folder / name} is damaged or replaced: its checksum differs; tune the model "
                "again."
            )
    return manifest
