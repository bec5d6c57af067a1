"""Reading the folder of a fine-tuned model: an adapter and the name of its base model.

``kgrec.text_finetuning`` writes it. A model of which every weight was trained is an ordinary model
folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graph_schema.errors import TextModelError
from kgrec.text.adapters import (
    import_peft,
    merge_adapter,
    peft_warnings_hidden,
    prefix_encoder,
)
from kgrec.text.models import sha256

MANIFEST = "kgrec_text.json"
ADAPTER_CONFIG = "adapter_config.json"
FORMAT, VERSION = "kgrec-text", 1
ReadModel = Callable[[str], tuple[Any, Any, str]]


def is_adapter(model: str | Path) -> bool:
    """Whether ``model`` is the folder of an adapter, which needs its base model."""
    folder = Path(model)
    return (folder / MANIFEST).is_file() and not (folder / "config.json").is_file()


def read_adapter(folder: Path, read_base: ReadModel) -> tuple[Any, Any, str]:
    """The base model with the adapter of ``folder`` merged in, the tokenizer, and the fingerprint
    of base and adapter together.

    ``read_base`` reads a model by name, as ``loading.read_model`` does. Raises TextModelError where
    the base is missing or has other weights, and for files that are missing or damaged,
    MissingExtraError where peft is not installed.
    """
    manifest = read_manifest(folder)
    base = manifest["base"]
    try:
        network, tokenizer, weights = read_base(base)
    except TextModelError as error:
        raise TextModelError(
            f"the adapter in {folder} was trained on {base!r}, which can't be read: {error} "
            f"If the model has moved, change 'base' in {folder}/{MANIFEST}."
        ) from error
    if weights != manifest["base_fingerprint"]:
        raise TextModelError(
            f"the adapter in {folder} was trained on another model than {base!r} is now: their "
            "fingerprints differ; name the model it was trained on, or tune it again."
        )
    adapted = _with_adapter(network, folder)
    digest = hashlib.sha256(weights.encode())
    for name, checksum in sorted(manifest["files"].items()):
        digest.update(f"{name}:{checksum}\n".encode())
    return adapted, tokenizer, digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the folder, after a check of all files that it lists. Raises
    TextModelError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
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


def _with_adapter(network: Any, folder: Path) -> Any:
    peft = import_peft()
    with peft_warnings_hidden():
        try:
            adapted = peft.PeftModel.from_pretrained(network, str(folder))
        except Exception as error:
            raise TextModelError(
                f"the adapter in {folder} does not fit its base ({type(error).__name__}: {error}); "
                "tune the model again."
            ) from error
        if adapted.active_peft_config.is_prompt_learning:
            adapted = prefix_encoder(adapted)
        return merge_adapter(adapted).eval().requires_grad_(False)
