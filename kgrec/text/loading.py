"""Loading a language model: network, tokenizer and pooling of a folder, checked to fit together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from graph_schema.errors import TextModelError
from kgrec.text import finetuned_model, models
from kgrec.text.pooling import Pooling, read_pooling


def read_model(
    model: str | Path = models.DEFAULT, cache_dir: str | Path | None = None
) -> tuple[Any, Any, str]:
    """Load the network (float32, on the processor), the tokenizer and the fingerprint of both.

    ``model`` is as in ``load_encoder``; an adapter that ``tune_text`` saved is merged into its
    base. Raises TextModelError, MissingExtraError.
    """
    if finetuned_model.is_adapter(model):
        return finetuned_model.read_adapter(Path(model), partial(read_model, cache_dir=cache_dir))
    folder = models.model_folder(model, cache_dir)
    return *_load(folder), models.fingerprint(folder)


def model_pooling(
    model: str | Path = models.DEFAULT, cache_dir: str | Path | None = None
) -> Pooling:
    """The pooling of ``model`` (as in ``load_encoder``); that of the base for an adapter.

    Raises TextModelError.
    """
    if finetuned_model.is_adapter(model):
        return model_pooling(finetuned_model.read_manifest(Path(model))["base"], cache_dir)
    return read_pooling(models.model_folder(model, cache_dir))


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
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
    # transformers fills missing weights with random numbers; those of the pooler are never used.
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
