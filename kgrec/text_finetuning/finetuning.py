"""Tuning the language model on a graph's own texts, of training rows alone."""

from __future__ import annotations

from pathlib import Path

from graph_schema import Catalog
from graph_schema.names import ITEM
from kgrec.config import RecommenderConfig
from kgrec.config.text_finetuning import TextTuning
from kgrec.device import choose_device
from kgrec.errors import ModelError, TextModelError
from kgrec.files import check_writable, replaced_folder
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Texts
from kgrec.graph.source import read_source
from kgrec.paths.relation_words import humanise
from kgrec.persistence.model_folder import load_teacher
from kgrec.progress import Progress
from kgrec.scenarios import with_scenarios
from kgrec.stores import GraphStore
from kgrec.text import clean_text, item_documents
from kgrec.text.adapters import import_peft
from kgrec.text.finetuned_model import is_adapter, read_manifest
from kgrec.text.loading import model_pooling, read_model
from kgrec.text.models import model_folder
from kgrec.text_finetuning import TextCorpus, TuningReport, UserTexts, tune_network
from kgrec.text_finetuning.downstream_recommender import DownstreamRecommender
from kgrec.text_finetuning.model_writer import TUNED, write_tuned_model
from kgrec.text_finetuning.templates import facts_as_text, field_names, fill_template
from kgrec.text_finetuning.trainable_parameters import uses_peft


def tune_text(
    source: GraphStore | Catalog | GraphSnapshot,
    out: str | Path,
    config: TextTuning | None = None,
    *,
    base: str | Path = "default",
    recommender: RecommenderConfig | None = None,
    seed: int = 0,
    device: str | None = None,
    progress: Progress | None = None,
) -> TuningReport:
    """Tune the language model ``base`` on the texts of ``source``, and save it in ``out``.

    Rows whose split is "valid" or "test" are left out, with what was written in them. ``out`` holds
    the adapter alone, or the whole model for the method "full"; give it as ``TextConfig.model`` or
    to ``kgrec.text.load_encoder``. The objective "recommend" fits a recommender of the settings
    ``recommender``, whose validation rows then choose the epoch; that one is not kept: fit it again
    with the tuned model. ``progress`` is called with (what, done, total). Raises TrainingError (too
    few texts, a loss that is no number) and TextModelError (the base, the method, or a folder that
    can't be written).
    """
    settings = config or TextTuning()
    folder = Path(out)
    try:
        check_writable(folder, TUNED)
    except ModelError as error:
        raise TextModelError(str(error)) from error
    if uses_peft(settings):
        import_peft()
    where = choose_device(device)
    snapshot = read_source(source, progress)
    corpus, reader = corpus_of(snapshot, settings), None
    if "recommend" in settings.objectives:
        chosen = recommender or RecommenderConfig()
        visible = with_scenarios(snapshot, chosen.scenarios).without_splits(("test",))
        reader = DownstreamRecommender(
            visible,
            chosen,
            seed=seed,
            device=where,
            teacher=load_teacher(chosen, where),
            progress=progress,
        )
    network, tokenizer, fingerprint = read_model(base)
    tuned = tune_network(
        network,
        tokenizer,
        corpus,
        settings,
        pooling=model_pooling(base),
        reader=reader,
        seed=seed,
        device=where,
        progress=progress,
    )
    name = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
    try:
        with replaced_folder(folder, TUNED) as fresh:
            write_tuned_model(
                tuned, fresh, base=name, fingerprint=fingerprint, pooling_of=_root(base)
            )
    except OSError as error:
        raise TextModelError(
            f"{folder}: can't save the tuned model ({error}); free some space or permit writing."
        ) from error
    return tuned.report


def _root(base: str | Path) -> Path:
    """The folder of the model that the base, perhaps an adapter itself, was made from."""
    if is_adapter(base):
        return _root(read_manifest(Path(base))["base"])
    return model_folder(base)


def corpus_of(snapshot: GraphSnapshot, settings: TextTuning) -> TextCorpus:
    """What tuning may read: items' texts, and what was written and done in training rows."""
    seen = snapshot.without_splits(("valid", "test"))
    return TextCorpus(
        documents=_documents(seen, settings),
        reviews=_user_texts(seen.reviews),
        queries=_user_texts(seen.queries),
        users=seen.interactions.user,
        items=seen.interactions.item,
    )


def _user_texts(texts: Texts) -> UserTexts:
    return UserTexts([clean_text(text) for text in texts.text], texts.user, texts.item)


def _documents(snapshot: GraphSnapshot, settings: TextTuning) -> list[str]:
    """Items' texts; short ones by the template, missing ones by the facts, where asked for."""
    documents = item_documents(snapshot.items.attributes)
    if not settings.backfill and settings.template is None:
        return documents
    told = _facts_of(snapshot)
    template = settings.template
    for row, document in enumerate(documents):
        if template is not None and len(document.split()) < settings.short:
            fields = _fields(snapshot, row, told[row], field_names(template))
            documents[row] = fill_template(template, fields) or document
        if settings.backfill and not documents[row]:
            documents[row] = facts_as_text(told[row])
    return documents


def _facts_of(snapshot: GraphSnapshot) -> list[dict[str, list[str]]]:
    """For each item the names at the other end of its facts, by what the relation is called."""
    told: list[dict[str, list[str]]] = [{} for _ in range(len(snapshot.items))]
    for facts in snapshot.facts:
        if facts.head_label != ITEM:
            continue
        other = snapshot.table(facts.tail_label)
        column = "title" if facts.tail_label == ITEM else "name"
        if column not in other.attributes.columns:
            continue
        names = [clean_text(value) for value in other.attributes[column]]
        called = humanise(facts.relation).text
        for head, tail in zip(facts.head.tolist(), facts.tail.tolist(), strict=True):
            if names[tail]:
                told[head].setdefault(called, []).append(names[tail])
    return told


def _fields(
    snapshot: GraphSnapshot, row: int, facts: dict[str, list[str]], wanted: list[str]
) -> dict[str, str]:
    """What a template may ask for: the item's columns, then its facts ("director")."""
    columns = snapshot.items.attributes
    fields = {name.replace(" ", "_"): ", ".join(values[:3]) for name, values in facts.items()}
    for name in wanted:
        text = clean_text(columns[name].iloc[row]) if name in columns.columns else ""
        fields[name] = text.replace("|", ", ") or fields.get(name, "")
    return fields
