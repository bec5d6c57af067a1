"""A tuned model as a folder: the adapter alone and the name of its base, or the whole model."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kgrec.files import FolderKind
from kgrec.text.adapters import PrefixEncoder, peft_warnings_hidden
from kgrec.text.finetuned_model import ADAPTER_CONFIG, FORMAT, MANIFEST, VERSION
from kgrec.text.models import sha256
from kgrec.text_finetuning.tuner import TunedModel


def _listed(manifest: dict[str, Any]) -> list[str] | None:
    files = manifest.get("files")
    return list(files) if manifest.get("format") == FORMAT and isinstance(files, dict) else None


TUNED = FolderKind("tuned text model", MANIFEST, _listed)


def write_tuned_model(
    tuned: TunedModel, folder: Path, *, base: str, fingerprint: str, pooling_of: Path
) -> None:
    """Fill the empty ``folder`` with what ``load_encoder`` reads.

    ``base`` is the untuned model as it was named, ``fingerprint`` that of its files. A full tuning
    is kept as a whole model, with the pooling of the folder ``pooling_of``; any other as its
    adapter. Raises OSError.
    """
    network = tuned.network
    network = network.network if isinstance(network, PrefixEncoder) else network
    if hasattr(network, "peft_config"):
        _write_adapter(network, folder, base)
    else:
        network.save_pretrained(folder)
        tuned.tokenizer.save_pretrained(folder)
        _copy_pooling(pooling_of, folder)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    told = {
        "format": FORMAT,
        "version": VERSION,
        "base": base,
        "base_fingerprint": fingerprint,
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
        "settings": tuned.settings.model_dump(mode="json"),
        "report": asdict(tuned.report),
    }
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _write_adapter(network: Any, folder: Path, base: str) -> None:
    config = network.peft_config["default"]
    config.base_model_name_or_path = base
    if config.peft_type == "ADALORA":
        # The pattern is the last step's, the weights may be an earlier one's; a rank that was
        # dropped is 0 in them anyway.
        config.rank_pattern = None
    with peft_warnings_hidden():
        network.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / ADAPTER_CONFIG  # peft writes sets in any order: equal tunings, equal files
    told = json.loads(path.read_text(encoding="utf-8"))
    told = {name: sorted(v) if isinstance(v, list) else v for name, v in told.items()}
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _copy_pooling(source: Path, folder: Path) -> None:
    """What ``read_pooling`` reads, where the base has it."""
    modules = source / "modules.json"
    if not modules.is_file():
        return
    shutil.copy(modules, folder)
    for module in json.loads(modules.read_text(encoding="utf-8")):
        part = source / module["path"]
        if module["path"] and part.is_dir():
            shutil.copytree(part, folder / module["path"], dirs_exist_ok=True)
