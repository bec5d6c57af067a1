"""The folder of a fine-tuned model: an adapter and the name of its base model.

``kgrec.text_finetuning`` writes it. A model fine-tuned as a whole is a folder like any other.
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
    """Whether this is the folder of an adapter, which needs its base."""
    folder = Path(model)
    return (folder / MANIFEST).is_file() and not (folder / "config.json").is_file()


def read_adapter(folder: Path, read_base: ReadModel) -> tuple[Any, Any, str]:
    """The base of ``folder``'s adapter with the adapter in it, the tokenizer, and the fingerprint
    of both together.

    ``read_base`` reads a model by name, as ``encoder.read_model``. Raises TextModelError where the
    base is gone or another one, and for files that are missing or damaged.
    """
    told = read_manifest(folder)
    base = told["base"]
    try:
        network, tokenizer, weights = read_base(base)
    except TextModelError as error:
        raise TextModelError(
            f"the adapter in {folder} was tuned on {base!r}, which can't be read: {error} "
            f"Where the model has moved, change 'base' in {folder}/{MANIFEST}."
        ) from error
    if weights != told["base_fingerprint"]:
        raise TextModelError(
            f"the adapter in {folder} was tuned on another model than {base!r} is now: their "
            "fingerprints differ; name the model it was tuned on, or tune it again."
        )
    adapted = _with_adapter(network, folder)
    digest = hashlib.sha256(weights.encode())
    for name in sorted(told["files"]):
        digest.update(f"{name}:{told['files'][name]}\n".encode())
    return adapted, tokenizer, digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """What tuning told of the folder, whose files are whole. Raises TextModelError."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TextModelError(
            f"{folder}/{MANIFEST} can't be read ({error}); tune the model again."
        ) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise TextModelError(f"{folder}/{MANIFEST} is no manifest of kgrec; tune the model again.")
    if told.get("version") != VERSION:
        raise TextModelError(
            f"{folder} has version {told.get('version')} of its format, this kgrec reads "
            f"{VERSION}; tune the model again."
        )
    for name, digest in told["files"].items():
        if not (folder / name).is_file():
            raise TextModelError(f"{folder} holds no {name}; tune the model again.")
        if sha256(folder / name) != digest:
            raise TextModelError(
                f"{folder / name} is damaged or replaced: its checksum differs; tune the model "
                "again."
            )
    return told


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
