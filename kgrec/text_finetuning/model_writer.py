"""Writing the folder of a fine-tuned model: the adapter and the name of its base, or all
weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph_schema.disk.files import read_json
from kgrec.files import FolderKind
from kgrec.text.encoding.adapters import PrefixEncoder
from kgrec.text.encoding.finetuned_model import ADAPTER_CONFIG, FORMAT, MANIFEST, VERSION
from kgrec.text.encoding.models import sha256
from kgrec.text.encoding.notices import peft_warnings_hidden, transformers_notices_hidden
from kgrec.text_finetuning.tuner import TunedModel

TUNED = FolderKind.of_format("tuned text model", MANIFEST, FORMAT, private=False)


def write_tuned_model(
    tuned: TunedModel, folder: Path, *, base: str, fingerprint: str, pooling_of: Path
) -> None:
    """Write ``tuned`` into the empty ``folder``, for ``load_encoder``.

    ``base`` is the name of the base model, ``fingerprint`` that of its files. With the method
    "full" the whole model is written, with the pooling of the folder ``pooling_of``; otherwise the
    adapter alone. Raises OSError and SafetensorError.
    """
    network = tuned.network
    network = network.network if isinstance(network, PrefixEncoder) else network
    if hasattr(network, "peft_config"):
        _write_adapter(network, folder, base)
    else:
        with transformers_notices_hidden():
            network.save_pretrained(folder)
            _write_tokenizer(tuned.tokenizer, folder)
        _copy_pooling(pooling_of, folder)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "base": base,
        "base_fingerprint": fingerprint,
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
        "settings": tuned.settings.model_dump(mode="json"),
        "report": asdict(tuned.report),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _write_tokenizer(tokenizer: Any, folder: Path) -> None:
    try:
        tokenizer.save_pretrained(folder)
    except Exception as error:  # where the disk is full tokenizers raises nothing more precise
        raise OSError(str(error)) from error


def _write_adapter(network: Any, folder: Path, base: str) -> None:
    config = network.peft_config["default"]
    config.base_model_name_or_path = base
    if config.peft_type == "ADALORA":
        # The pattern is that of the last step, the weights may be of an earlier one; ranks that
        # were removed are 0 in the weights anyway.
        config.rank_pattern = None
    with peft_warnings_hidden():
        network.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / ADAPTER_CONFIG  # peft writes sets in random order; sorted, equal runs are equal
    config = read_json(path)
    config = {name: sorted(v) if isinstance(v, list) else v for name, v in config.items()}
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _copy_pooling(source: Path, folder: Path) -> None:
    """Copy the files that ``read_pooling`` reads, where the base has them."""
    modules = source / "modules.json"
    if not modules.is_file():
        return
    shutil.copy(modules, folder)
    for module in read_json(modules):
        part = source / module["path"]
        if module["path"] and part.is_dir():
            shutil.copytree(part, folder / module["path"], dirs_exist_ok=True)
