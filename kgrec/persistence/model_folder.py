"""The folder of a saved recommender: safetensors, Parquet and JSON, written as a whole."""

from __future__ import annotations

import copyreg
import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays

from graph_schema.disk.files import digest, is_inside, read_json
from graph_schema.disk.signature import check_signature, signed
from graph_schema.mapping import GraphMapping
from graph_schema.report import shown
from kgrec.arguments import check_choice
from kgrec.config import RecommenderConfig
from kgrec.device import choose_device
from kgrec.errors import ModelError, RequestError, reason
from kgrec.explore.graph_indexes import GraphIndexes
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import NOTHING, TextFeatures, TextReader
from kgrec.feedback import EventWeights
from kgrec.files import FolderKind, read_folder, replaced_folder
from kgrec.fitting.closed_form import CountedGraph, FitOrigin
from kgrec.fitting.distillation import TeacherModel
from kgrec.fitting.evidence.decision import Decision
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot
from kgrec.leaks.finding import LeakReport
from kgrec.nn import HybridModel, ItemWeights, ModelShape, TimeScales
from kgrec.nn.heads import HEADS
from kgrec.persistence import decisions as saved_decisions
from kgrec.persistence import ratings as saved_ratings
from kgrec.persistence import recogniser as saved_recogniser
from kgrec.persistence.precision import (
    PRECISIONS,
    Precision,
    packed,
    packed_weights,
    unpacked,
    unpacked_weights,
)
from kgrec.persistence.ratings import read_rating_model, write_rating_model
from kgrec.persistence.recogniser import read_recogniser, write_recogniser
from kgrec.rules.folder import FILES, RULES, RuleFolder
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.cold_items import ColdOrigin, ColdRegression
from kgrec.scoring.context.settings import ContextSettings
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.stored import ItemClusters
from kgrec.scoring.relative_scores import HeldScores
from kgrec.session import in_plain_session
from kgrec.social.blend import Blend
from kgrec.state import FittedState
from kgrec.stores.people.erased_people import ErasedPeople, Tombstones
from kgrec.training.scenarios.maml import Start
from kgrec.training.weight_sums import WeightSums

FORMAT = "kgrec-model"
VERSION = 3  # 1 had no mapping, 2 no item–item weights
WITH_SCALES = 4  # the same with arrays of integers
_MANIFEST = "manifest.json"
_EVENTS, _SCENARIOS = "events", "scenarios"  # text vectors beside those of item parts
_WEIGHTS = "item_weights.safetensors"
_SUMS = "item_sums.safetensors"
_CLUSTERS = "item_clusters.safetensors"
_COLD = "cold_items.safetensors"
_FOLLOWS = "follows.json"
_HELD = "held_scores.safetensors"
_START = "meta_training.safetensors"
_ERASED = "erased.json"

# Read where they are there; every other file that is read must be.
_OPTIONAL = (*saved_ratings.FILES, *saved_recogniser.FILES, "scenarios.parquet", _ERASED)

MODEL = FolderKind.of_format("model", _MANIFEST, FORMAT, beside=FILES)


def load_teacher(config: RecommenderConfig, device: torch.device) -> TeacherModel | None:
    """The saved recommender that the loss "kl" learns from; None where no scenario has this loss.

    Raises ModelError.
    """
    folder = config.training.teacher
    if folder is None or "kl" not in config.training.losses.values():
        return None
    state = read_state(Path(folder), device)
    engine = state.engine
    return TeacherModel(
        state.config,
        engine.model,
        engine.vocabulary,
        state.full_snapshot,
        engine.texts,
        engine.weights,
    )


def write_state(state: FittedState, folder: Path, precision: Precision = "fp32") -> None:
    """Write ``state`` to ``folder``, replacing what is there as a whole, but for the rules, their
    log and the held items (see ``RuleFolder``). Raises ModelError, and RequestError for another
    precision."""
    check_choice(precision, "precision", PRECISIONS)
    try:
        with replaced_folder(folder, MODEL) as fresh:
            _write(state, fresh, precision)
            _keep_rules(state, folder, fresh)
    except (OSError, SafetensorError) as error:
        cure = "free some space or permit writing there"
        raise ModelError(f"{folder}: can't save the model ({reason(error)}); {cure}.") from error


def _keep_rules(state: FittedState, folder: Path, fresh: Path) -> None:
    """Copy what people keep in a folder that is replaced; the rules only where the state has none
    of its own."""
    own = state.rules is not None and not state.rules.of_model
    for name in FILES:
        there = folder.expanduser() / name
        if there.exists() and not (name == RULES and own):
            shutil.copyfile(there, fresh / name)
    if state.rules is not None:
        RuleFolder(fresh).sign(state.rules.text or state.rules.to_toml())


def state_of_files(files: Mapping[str, bytes], device: str) -> FittedState:
    """The state of a folder's files by name. Raises ModelError, DeviceError."""
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        for name, content in files.items():
            if Path(name).name != name or not is_inside(name):
                raise ModelError(f"{name} leads out of the model's folder; this is no kgrec model.")
            (Path(scratch) / name).write_bytes(content)
        return read_state(Path(scratch), choose_device(device))


@in_plain_session
def _reduced(state: FittedState) -> tuple[Any, tuple[dict[str, bytes], str]]:
    """How ``pickle`` and ``copy`` take a state: as the files that ``write_state`` writes, so that
    what another process or another version of kgrec receives is checked like a folder."""
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        _write(state, Path(scratch))
        files = {path.name: path.read_bytes() for path in Path(scratch).iterdir()}
    return state_of_files, (files, str(state.engine.device))


copyreg.pickle(FittedState, _reduced)


def _write(state: FittedState, folder: Path, precision: Precision = "fp32") -> None:
    engine = state.engine
    write_snapshot(state.full_snapshot, folder)
    weights = {
        name: value.detach().cpu().contiguous().numpy()
        for name, value in engine.model.state_dict().items()
    }
    save_arrays(packed(weights, precision), folder / "model.safetensors")
    texts = {name: np.ascontiguousarray(value) for name, value in engine.texts.items.items()}
    texts[_EVENTS] = np.ascontiguousarray(engine.texts.events)
    if len(engine.texts.scenarios):
        texts[_SCENARIOS] = np.ascontiguousarray(engine.texts.scenarios)
    save_arrays(packed(texts, precision), folder / "texts.safetensors")
    (folder / "vocabulary.json").write_text(
        json.dumps(_to_json(engine.vocabulary)), encoding="utf-8"
    )
    if engine.weights is not None:
        save_arrays(packed_weights(engine.weights.arrays(), precision), folder / _WEIGHTS)
    cold = engine.cache.kept_regression(again=precision != "fp32")
    if cold is not None:
        own = np.array([engine.cache.is_own_regression])
        more = {"items": engine.snapshot.items.rows(cold.items), "own": own}
        save_arrays({**cold.arrays(), **more}, folder / _COLD)
    counted = state.counted  # what was rounded is no ground to add to
    if counted is not None and counted.graph is engine.snapshot and precision == "fp32":
        save_arrays({} if counted.sums is None else counted.sums.arrays(), folder / _SUMS)
    if state.item_clusters is not None:
        save_arrays(state.item_clusters.arrays(), folder / _CLUSTERS)
    if state.start is not None:
        save_arrays(state.start.arrays(), folder / _START)
    if state.held_scores is not None:
        save_arrays(state.held_scores.arrays(), folder / _HELD)
    if state.follow_blend is not None:
        values = json.dumps(state.follow_blend.to_json())
        (folder / _FOLLOWS).write_text(values, encoding="utf-8")
    if state.rating_model is not None:
        write_rating_model(state.rating_model, folder)
    if state.recogniser is not None:
        write_recogniser(state.recogniser, folder)
    if state.erased is not None:
        state.erased.tombstones.write(folder / _ERASED)
    if state.decisions is not None:
        saved_decisions.write(state.decisions, folder)
    files = {path.name: digest(path) for path in sorted(folder.iterdir())}
    manifest = {
        "format": FORMAT,
        "version": VERSION if precision == "fp32" else WITH_SCALES,
        "config": state.config.model_dump(mode="json"),
        "shape": asdict(engine.model.shape),
        "text_size": engine.texts.size,
        "history": state.training_log,
        "tuning": state.trials,
        "rating_history": state.rating_log,
        "mapping": None
        if state.indexes.mapping is None
        else state.indexes.mapping.model_dump(mode="json"),
        "files": files,
    }
    if engine.context is not None:
        manifest["context"] = asdict(engine.context)
    if state.leaks is not None:
        manifest["leaks"] = state.leaks.to_json()
    if state.origin is not None:
        manifest["origin"] = state.origin.to_json()
    if state.erased is not None:
        manifest["erased"] = {"people": state.erased.people, "parts": state.erased.parts}
    (folder / _MANIFEST).write_text(json.dumps(signed(manifest), indent=1), encoding="utf-8")
    if state.rules is not None:
        text = state.rules.text or state.rules.to_toml()
        (folder / RULES).write_text(text, encoding="utf-8")


@in_plain_session
def read_state(folder: Path, device: torch.device) -> FittedState:
    """Read the state that ``write_state`` wrote.

    The session's own settings change nothing of it, whoever asks: load, pickle or copy. Raises
    ModelError for a folder that is missing, incomplete, changed, of another program, or of another
    version of the format.
    """
    with torch.random.fork_rng(devices=[]):  # a network is made with random numbers, then filled
        return read_folder(folder, MODEL, lambda found: _ruled(_load(found, device), found))


def _ruled(state: FittedState, folder: Path) -> FittedState:
    """The state with the rules of its folder. Raises ModelError."""
    try:
        found = RuleFolder(folder).rules
        if not (folder / RULES).exists():
            return state
        ruled = replace(state, rules=replace(found, of_model=True))
        _ = ruled.bound_rules
    except RequestError as error:
        raise ModelError(f"{error} Cure: correct {folder / RULES}, or move it away.") from error
    return ruled


def read_clusters(folder: Path) -> ItemClusters | None:
    """The clusters of a saved model's items; None where its lists are found by scoring all items.

    Nothing else of the folder is read. Raises ModelError.
    """
    if _CLUSTERS not in read_manifest(folder)["files"]:
        return None
    try:
        _check_files(folder, {_CLUSTERS: read_manifest(folder)["files"][_CLUSTERS]})
        return _clusters(folder)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"{folder / _CLUSTERS} can't be read ({error}); copy it again or train again."
        ) from error


def _item_weights(folder: Path) -> ItemWeights:
    return ItemWeights.of_arrays(unpacked_weights(load_arrays(folder / _WEIGHTS)))


def _sums(folder: Path) -> WeightSums | None:
    arrays = load_arrays(folder / _SUMS)
    return WeightSums.of_arrays(arrays) if arrays else None


def _held(folder: Path) -> HeldScores:
    return HeldScores.of_arrays(load_arrays(folder / _HELD))


def _blend(folder: Path) -> Blend:
    return Blend.of_json(read_json(folder / _FOLLOWS))


def _cold_origin(folder: Path, bound: BoundModel) -> ColdOrigin:
    arrays = load_arrays(folder / _COLD)
    items = bound.snapshot.items.ids[arrays["items"]]
    own = bool(arrays["own"][0]) if "own" in arrays else False  # older folders don't say so
    return ColdOrigin.learned(ColdRegression.of_arrays(arrays, items), bound, own=own)


def _clusters(folder: Path) -> ItemClusters:
    return ItemClusters.of_arrays(load_arrays(folder / _CLUSTERS))


def _load(folder: Path, device: torch.device) -> FittedState:
    try:
        manifest = read_manifest(folder)
        _check_files(folder, manifest["files"])
        _check_no_other(folder, manifest["files"])
        return _read(folder, manifest, device)
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder} can't be read ({reason(error)}); permit reading all files "
            "of the folder, or copy it again."
        ) from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder}: not a model of kgrec ({error}); train again.") from error


def _check_files(folder: Path, checksums: Mapping[str, str]) -> None:
    for name, expected in checksums.items():
        if not is_inside(name):
            raise ModelError(f"{folder}: {shown(name)} leads out of it; this is no kgrec model.")
        path = folder / name
        if not path.exists():
            raise ModelError(f"{folder}: {name} is missing; copy the whole folder or train again.")
        _check_place(folder, path)
        if digest(path) != expected:
            raise ModelError(f"{path} is truncated or was changed; copy it again or train again.")


def _check_no_other(folder: Path, listed: Collection[str]) -> None:
    """Raise ModelError where a file that would be read has no checksum, or is not in the folder."""
    for name in _OPTIONAL:
        if name not in listed and (folder / name).exists():
            raise ModelError(
                f"{folder} holds {name}, which its manifest does not list: it was put there later; "
                "move it away."
            )
    for name in FILES:
        if (folder / name).exists():
            _check_place(folder, folder / name)


def _check_place(folder: Path, path: Path) -> None:
    """Raise ModelError for a link out of the folder, and for what is no file, such as a pipe."""
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ModelError(
            f"{path} is no file of the folder, but a link to another place, or of another kind; "
            "copy the model's own files there."
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a model's folder says. Raises ModelError for another folder, and for one
    that ``KGREC_MODEL_KEY_FILE`` asks to be signed and is not."""
    path = folder / _MANIFEST
    if not path.exists():
        raise ModelError(f"{folder} is not a saved model: {_MANIFEST} is missing. See save().")
    _check_place(folder, path)
    try:
        manifest = read_json(path)
    except ValueError as error:
        raise ModelError(f"{path} is not readable ({error}); copy it again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"{path} is not of a kgrec model; name the folder that save() wrote.")
    version = manifest.get("version")
    if version not in (VERSION, WITH_SCALES):
        older = isinstance(version, int) and version < VERSION
        raise ModelError(
            f"{folder} has format version {version}, this kgrec reads {VERSION} and {WITH_SCALES}; "
            + ("train and save it again." if older else "upgrade kgrec or train again.")
        )
    if not isinstance(manifest.get("files"), dict):
        raise ModelError(f"{path} does not list the model's files; copy it again or train again.")
    check_signature(manifest, folder)
    return manifest


def _read(folder: Path, manifest: Mapping[str, Any], device: torch.device) -> FittedState:
    config = _config(folder, manifest["config"])
    vocabulary = _from_json(read_json(folder / "vocabulary.json"))
    shape = manifest["shape"]
    newer = set(shape) - {field.name for field in fields(ModelShape)}
    if shape.get("head", "none") not in HEADS:
        newer.add(f"head = {shown(shape['head'])}")
    if newer:
        raise _of_a_newer_version(folder, newer)
    model = HybridModel(
        vocabulary,
        ModelShape(
            **{
                **shape,
                "parts": tuple(shape["parts"]),
                "silent_parts": tuple(shape.get("silent_parts", ())),
                "scales": TimeScales(*map(tuple, shape["scales"])),
                "feedback": EventWeights.of_json(shape.get("feedback")),
            }
        ),
    )
    parameters = unpacked(load_arrays(folder / "model.safetensors"))
    model.load_state_dict({name: torch.from_numpy(one) for name, one in parameters.items()})
    texts = unpacked(load_arrays(folder / "texts.safetensors"))
    events, scenarios = texts.pop(_EVENTS), texts.pop(_SCENARIOS, NOTHING)
    has_weights, has_clusters, has_start = (
        name in manifest["files"] for name in (_WEIGHTS, _CLUSTERS, _START)
    )
    full = read_saved_snapshot(folder)
    visible = full.without_splits(("test",))
    features = TextFeatures(texts, events, manifest["text_size"], scenarios)
    bound = BoundModel(model.to(device).eval(), vocabulary, visible, features, device)
    weights = _item_weights(folder) if has_weights else None
    mapping = manifest["mapping"]
    names = None if mapping is None else GraphMapping.parse(mapping)
    origin = _cold_origin(folder, bound) if _COLD in manifest["files"] else None
    engine = Engine.bind(bound, weights, context=_context(manifest), origin=origin)
    return FittedState(
        config=config,
        full_snapshot=full,
        engine=engine,
        reader=TextReader(config),
        indexes=GraphIndexes.of(engine, names),
        item_clusters=_clusters(folder) if has_clusters else None,
        start=Start.of_arrays(load_arrays(folder / _START), device) if has_start else None,
        recogniser=read_recogniser(folder),
        held_scores=_held(folder) if _HELD in manifest["files"] else None,
        follow_blend=_blend(folder) if _FOLLOWS in manifest["files"] else None,
        rating_model=read_rating_model(folder, vocabulary, device),
        training_log=manifest["history"],
        rating_log=manifest.get("rating_history", []),
        trials=manifest["tuning"],
        origin=FitOrigin.of_json(manifest["origin"]) if "origin" in manifest else None,
        erased=_erased_people(folder, manifest),
        counted=CountedGraph(visible, _sums(folder)) if _SUMS in manifest["files"] else None,
        leaks=LeakReport.of_json(manifest["leaks"]) if "leaks" in manifest else None,
        decisions=saved_decisions.read(folder)
        if saved_decisions.FILE in manifest["files"]
        else None,
    )


def read_decisions(folder: Path) -> tuple[Decision, ...] | None:
    """What the fit of a saved model compared and chose; None where that was not kept.

    Nothing else of the folder is read. Raises ModelError.
    """
    files = read_manifest(folder)["files"]
    if saved_decisions.FILE not in files:
        return None
    try:
        _check_files(folder, {saved_decisions.FILE: files[saved_decisions.FILE]})
        return saved_decisions.read(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: {saved_decisions.FILE} can't be read ({reason(error)}); copy the model "
            "again or train again."
        ) from error


def saved_precision(folder: Path) -> Precision:
    """The precision that a model was saved with. Raises ModelError."""
    return "int8" if read_manifest(folder)["version"] == WITH_SCALES else "fp32"


def erased_of(folder: Path) -> ErasedPeople | None:
    """The people who were erased from a saved model; None without any. Nothing else is read.

    Raises ModelError, ErasureError.
    """
    return _erased_people(folder, read_manifest(folder))


def _erased_people(folder: Path, manifest: Mapping[str, Any]) -> ErasedPeople | None:
    tombstones = Tombstones.read(folder / _ERASED)
    if tombstones is None:
        return None
    said = manifest["erased"]
    return ErasedPeople(tombstones, said["people"], tuple(said["parts"]))


def _context(manifest: Mapping[str, Any]) -> ContextSettings | None:
    return ContextSettings.of_json(manifest["context"]) if "context" in manifest else None


def _config(folder: Path, values: object) -> RecommenderConfig:
    try:
        return RecommenderConfig.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        unknown = [_field(one) for one in problems if one["type"] == "extra_forbidden"]
        wrong = [f"{_field(one)} = {shown(one['input'])}" for one in problems]
        raise _of_a_newer_version(folder, unknown or wrong) from error


def _field(problem: ErrorDetails) -> str:
    return ".".join(map(str, problem["loc"])) or "config"


def _of_a_newer_version(folder: Path, unknown: Collection[str]) -> ModelError:
    return ModelError(
        f"{folder} is a model of a newer kgrec, or was changed: it has "
        f"{', '.join(sorted(unknown))}, which this version does not know; upgrade kgrec, or train "
        "again."
    )


def _to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        name: getattr(vocabulary, name).tolist()
        for name in ("items", "entities", "relations", "scenarios")
    } | {
        name: asdict(getattr(vocabulary, name)) for name in ("item_tokens", "user_tokens")
    } | ({"blocks": vocabulary.blocks} if vocabulary.blocks else {}) | (
        {"blind_to": list(vocabulary.blind_to)} if vocabulary.blind_to else {}
    )  # fmt: skip


def _from_json(values: Mapping[str, Any]) -> Vocabulary:
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
        blind_to=tuple(values.get("blind_to", ())),
    )
