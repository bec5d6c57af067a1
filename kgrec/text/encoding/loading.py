"""Loading a language model: network, tokenizer and pooling, checked to fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from graph_schema.errors import TextModelError
from kgrec.text.encoding import models
from kgrec.text.encoding.adapters import (
    import_peft,
    merge_adapter,
    prefix_encoder,
)
from kgrec.text.encoding.finetuned_model import MANIFEST, is_adapter, read_manifest
from kgrec.text.encoding.notices import peft_warnings_hidden, transformers_notices_hidden
from kgrec.text.encoding.pooling import MEAN, Pooling, read_pooling


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A loaded encoder: network, tokenizer, pooling, and ``fingerprint``, the hex sha256 of its
    files."""

    network: Any
    tokenizer: Any
    pooling: Pooling = MEAN
    fingerprint: str = ""


def read_model(
    model: str | Path = models.DEFAULT, cache_dir: str | Path | None = None
) -> LanguageModel:
    """Load a model in float32 on the processor; ``model`` is as in ``load_encoder``.

    An adapter that ``tune_text`` saved is merged into its base. Raises TextModelError,
    MissingExtraError.
    """
    if is_adapter(model):
        return _read_adapter(Path(model), cache_dir)
    folder = models.model_folder(model, cache_dir)
    network, tokenizer = _load(folder)
    return LanguageModel(network, tokenizer, read_pooling(folder), models.fingerprint(folder))


def _read_adapter(folder: Path, cache_dir: str | Path | None) -> LanguageModel:
    """The base model with the adapter of ``folder`` merged in; its fingerprint is of both.

    Raises TextModelError where the base is missing or has other weights, and for files that are
    missing or damaged.
    """
    manifest = read_manifest(folder)
    name = manifest["base"]
    try:
        base = read_model(name, cache_dir)
    except TextModelError as error:
        raise TextModelError(
            f"the adapter in {folder} was trained on {name!r}, which can't be read: {error} "
            f"If the model has moved, change 'base' in {folder}/{MANIFEST}."
        ) from error
    if base.fingerprint != manifest["base_fingerprint"]:
        raise TextModelError(
            f"the adapter in {folder} was trained on another model than {name!r} is now: their "
            "fingerprints differ; name the model it was trained on, or tune it again."
        )
    network = _with_adapter(base.network, folder)
    return replace(base, network=network, fingerprint=_with_files(base.fingerprint, manifest))


def fingerprint_of(model: str | Path = models.DEFAULT, cache_dir: str | Path | None = None) -> str:
    """The fingerprint of the model that ``read_model`` would load now. Files are read only after
    they have changed. Raises TextModelError."""
    if not is_adapter(model):
        return models.fingerprint(models.model_folder(model, cache_dir))
    manifest = read_manifest(Path(model))
    return _with_files(fingerprint_of(manifest["base"], cache_dir), manifest)


def _with_files(base: str, manifest: Mapping[str, Any]) -> str:
    """The fingerprint of an adapter's files on a base of this fingerprint."""
    digest = hashlib.sha256(base.encode())
    for file, checksum in sorted(manifest["files"].items()):
        digest.update(f"{file}:{checksum}\n".encode())
    return digest.hexdigest()


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


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    try:
        # Missing weights are filled with random numbers; those of the pooler are never used.
        with transformers_notices_hidden(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network, info = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise TextModelError(
            f"{folder} can't be loaded as a text model ({type(error).__name__}: {error}). "
            "The files are damaged or of an unknown kind; fetch them again or name another model."
        ) from error
    missing = [key for key in info["missing_keys"] if "pooler" not in key]
    if missing or info["mismatched_keys"]:
        raise TextModelError(
            f"{folder}: {len(missing)} weights are missing (the first: {missing[:1]}) or have a "
            "wrong shape; weights and config.json belong to different models."
        )
    _check_fit(folder, network, tokenizer)
    return network.eval().requires_grad_(False), tokenizer


def _check_fit(folder: Path, network: Any, tokenizer: Any) -> None:
    """Raise TextModelError unless the network reads text, its weights are finite, and it has a
    vector for every id of the tokenizer.

    A smaller vocabulary is accepted: nothing in the files says whether it is the right one.
    """
    embeddings = network.get_input_embeddings()
    if not isinstance(embeddings, torch.nn.Embedding):
        raise TextModelError(
            f"{folder} holds a {network.config.model_type} model, which does not read text; use "
            "an encoder such as BERT, RoBERTa or MPNet."
        )
    known = max(tokenizer.get_vocab().values(), default=-1) + 1
    if not 0 < known <= embeddings.num_embeddings:
        raise TextModelError(
            f"{folder}: the tokenizer has {known:,} ids, the model vectors for "
            f"{embeddings.num_embeddings:,}; they belong to different models, fetch both again."
        )
    broken = [name for name, weight in network.named_parameters() if not weight.isfinite().all()]
    if broken:
        raise TextModelError(
            f"{folder}: {len(broken)} weights hold NaN or infinity (the first: {broken[0]}); "
            "training has diverged or the file is damaged, fetch or make it again."
        )
