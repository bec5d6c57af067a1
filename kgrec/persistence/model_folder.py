"""A recommender as a folder: safetensors, Parquet and JSON, complete or not there at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from graph_schema.mapping import GraphMapping
from kgrec.config import RecommenderConfig
from kgrec.errors import ModelError
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import NOTHING, TextFeatures
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.nn import HybridModel, ItemWeights, ModelShape, TimeScales
from kgrec.persistence.ratings import read_rater, write_rater
from kgrec.persistence.recogniser import read_signs, write_signs
from kgrec.ratings.model import RatingModel
from kgrec.scenarios.recogniser_fit import ScenarioSigns
from kgrec.training.checkpoint import replace_folder, standing_folder
from kgrec.training.scenarios.maml import Start

FORMAT = "kgrec-model"
VERSION = 3  # 1 had no mapping, 2 no item–item weights
_MANIFEST = "manifest.json"
_EVENTS, _SCENARIOS = "events", "scenarios"  # beside the parts of items
_WEIGHTS = "item_weights.safetensors"
_START = "meta_training.safetensors"


@dataclass(frozen=True, eq=False)
class Saved:
    """What a folder holds: the model, the whole snapshot and the texts of its visible part."""

    config: RecommenderConfig
    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    history: list[dict[str, float]]
    mapping: GraphMapping | None = None
    tuning: list[dict[str, Any]] = field(default_factory=list)
    weights: ItemWeights | None = None
    start: Start | None = None
    rater: RatingModel | None = None
    recogniser: ScenarioSigns | None = None
    rating_history: list[dict[str, float]] = field(default_factory=list)


def save(saved: Saved, folder: Path) -> None:
    """Write beside ``folder`` and take its place as a whole. Raises ModelError."""
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder} is a file; choose an empty or new folder.")
    if folder.exists() and not (folder / _MANIFEST).exists() and any(folder.iterdir()):
        raise ModelError(f"{folder} holds other files; choose an empty or new folder.")
    fresh = folder.with_name(folder.name + ".new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _write(saved, fresh)
        replace_folder(fresh, folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        cure = "free some space or permit writing there"
        raise ModelError(f"{folder}: can't save the model ({error}); {cure}.") from error


def _write(saved: Saved, folder: Path) -> None:
    write_snapshot(saved.snapshot, folder)
    weights = {
        name: value.detach().cpu().contiguous() for name, value in saved.model.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors")
    texts = {name: np.ascontiguousarray(value) for name, value in saved.texts.items.items()}
    texts[_EVENTS] = np.ascontiguousarray(saved.texts.events)
    if len(saved.texts.scenarios):
        texts[_SCENARIOS] = np.ascontiguousarray(saved.texts.scenarios)
    save_arrays(texts, folder / "texts.safetensors")
    (folder / "vocabulary.json").write_text(json.dumps(_plain(saved.vocabulary)))
    if saved.weights is not None:
        save_arrays(saved.weights.arrays(), folder / _WEIGHTS)
    if saved.start is not None:
        save_arrays(saved.start.arrays(), folder / _START)
    if saved.rater is not None:
        write_rater(saved.rater, folder)
    if saved.recogniser is not None:
        write_signs(saved.recogniser, folder)
    files = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "config": saved.config.model_dump(mode="json"),
        "shape": asdict(saved.model.shape),
        "text_size": saved.texts.size,
        "history": saved.history,
        "tuning": saved.tuning,
        "rating_history": saved.rating_history,
        "mapping": None if saved.mapping is None else saved.mapping.model_dump(mode="json"),
        "files": files,
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1))


def load(folder: Path, device: torch.device) -> Saved:
    """What ``save`` wrote, also where it was cut off while it replaced an older model.

    Raises ModelError for a folder that is missing, incomplete, changed, foreign, older or newer.
    """
    folder = standing_folder(folder)
    manifest = _manifest(folder)
    for name, digest in manifest["files"].items():
        path = folder / name
        if not path.exists():
            raise ModelError(f"{folder}: {name} is missing; copy the whole folder or train again.")
        if _digest(path) != digest:
            raise ModelError(f"{path} is truncated or was changed; copy it again or train again.")
    try:
        return _read(folder, manifest, device)
    except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{folder}: not a model of kgrec ({error}); train again.") from error


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    if not path.exists():
        raise ModelError(f"{folder} is not a saved model: {_MANIFEST} is missing. See save().")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise ModelError(f"{path} is not readable ({error}); copy it again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"{path} is not of a kgrec model; name the folder that save() wrote.")
    version = manifest.get("version")
    if version != VERSION:
        older = isinstance(version, int) and version < VERSION
        raise ModelError(
            f"{folder} has format version {version}, this kgrec reads {VERSION}; "
            + ("train and save it again." if older else "upgrade kgrec or train again.")
        )
    if not isinstance(manifest.get("files"), dict):
        raise ModelError(f"{path} does not list the model's files; copy it again or train again.")
    return manifest


def _read(folder: Path, manifest: Mapping[str, Any], device: torch.device) -> Saved:
    vocabulary = _vocabulary(json.loads((folder / "vocabulary.json").read_text()))
    shape = manifest["shape"]
    model = HybridModel(
        vocabulary,
        ModelShape(
            **{
                **shape,
                "parts": tuple(shape["parts"]),
                "scales": TimeScales(*map(tuple, shape["scales"])),
            }
        ),
    )
    model.load_state_dict(load_file(folder / "model.safetensors"))
    texts = load_arrays(folder / "texts.safetensors")
    events, scenarios = texts.pop(_EVENTS), texts.pop(_SCENARIOS, NOTHING)
    mapping = manifest["mapping"]
    weighed, started = (name in manifest["files"] for name in (_WEIGHTS, _START))
    return Saved(
        config=RecommenderConfig.model_validate(manifest["config"]),
        model=model.to(device).eval(),
        vocabulary=vocabulary,
        snapshot=read_saved_snapshot(folder),
        texts=TextFeatures(texts, events, manifest["text_size"], scenarios),
        history=manifest["history"],
        mapping=None if mapping is None else GraphMapping.parse(mapping),
        tuning=manifest["tuning"],
        weights=ItemWeights.of_arrays(load_arrays(folder / _WEIGHTS)) if weighed else None,
        start=Start.of_arrays(load_arrays(folder / _START), device) if started else None,
        rater=read_rater(folder, vocabulary, device),
        recogniser=read_signs(folder),
        rating_history=manifest.get("rating_history", []),
    )


def _plain(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        name: getattr(vocabulary, name).tolist()
        for name in ("items", "entities", "relations", "scenarios")
    } | {
        name: asdict(getattr(vocabulary, name)) for name in ("item_tokens", "user_tokens")
    } | ({"blocks": vocabulary.blocks} if vocabulary.blocks else {})  # fmt: skip


def _vocabulary(values: Mapping[str, Any]) -> Vocabulary:
    ids = {
        name: np.array(values[name], dtype=object)
        for name in ("items", "entities", "relations", "scenarios")
    }
    tokens = {
        name: AttributeTokens(
            tuple(values[name]["tokens"]),
            {column: tuple(edges) for column, edges in values[name]["edges"].items()},
        )
        for name in ("item_tokens", "user_tokens")
    }
    return Vocabulary(
        items=ids["items"],
        entities=ids["entities"],
        relations=ids["relations"],
        scenarios=ids["scenarios"],
        item_tokens=tokens["item_tokens"],
        user_tokens=tokens["user_tokens"],
        blocks=values.get("blocks", {}),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
