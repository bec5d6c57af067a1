"""tune_text: fine-tunes a language model on the texts of a graph's training rows."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError

from graph_schema import Catalog
from graph_schema.names import ITEM
from graph_schema.settings import given_settings
from kgrec.config import RecommenderConfig
from kgrec.config.text_finetuning import TextTuning
from kgrec.device import choose_device
from kgrec.errors import ModelError, TextModelError, reason
from kgrec.files import check_writable, replaced_folder
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Texts
from kgrec.graph.source import read_source
from kgrec.paths.relation_words import humanise
from kgrec.persistence.model_folder import load_teacher
from kgrec.progress import Progress
from kgrec.scenarios import with_scenarios
from kgrec.session import in_plain_session
from kgrec.stores import GraphStore
from kgrec.text import clean_text, item_documents
from kgrec.text.encoding.adapters import import_peft
from kgrec.text.encoding.finetuned_model import is_adapter, read_manifest
from kgrec.text.encoding.loading import read_model
from kgrec.text.encoding.models import model_folder
from kgrec.text_finetuning import TextCorpus, TuningReport, UserTexts, tune_network
from kgrec.text_finetuning.downstream_recommender import DownstreamRecommender
from kgrec.text_finetuning.model_writer import TUNED, write_tuned_model
from kgrec.text_finetuning.templates import facts_as_text, field_names, fill_template
from kgrec.text_finetuning.trainable_parameters import uses_peft


@in_plain_session
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
    """Fine-tune the language model ``base`` on the texts of ``source`` and save it in ``out``.

    Only training rows are read: interactions, reviews and queries of the splits "valid" and "test"
    are left out.

    Parameters
    ----------
    source
        The graph: a store, a catalog or a snapshot.
    out
        Folder for the result, new or empty or of an earlier fine-tuning: the adapter alone, or the
        whole model with the method "full". Use it as ``TextConfig.model`` or in
        ``kgrec.text.load_encoder``.
    config
        Settings of the fine-tuning.
    base
        The model to start from, as in ``kgrec.text.load_encoder``.
    recommender
        For the objective "recommend": settings of the recommender that is fitted first, and whose
        validation rows choose the epoch. It is not kept; fit it again with the tuned model.
    seed
        Equal seeds give equal weights on one CPU.
    device
        "cpu", "cuda", ...; by default an accelerator where there is one.
    progress
        Called with (what is done, steps done, all steps).

    Returns
    -------
    TuningReport
        Trained parameters, memory, seconds, and a record per epoch.

    Raises
    ------
    TrainingError
        Too few texts, or a loss that is not a number.
    TextModelError
        The base can't be read, the method does not fit it, or the folder can't be written.
    MissingExtraError
        The method needs peft, which ``pip install 'kgrec[finetuning]'`` installs.
    RequestError
        Settings of another kind, a device that can't be used, or a ``max_length`` that the model
        does not support.
    """
    settings = given_settings(config, TextTuning, "config")
    chosen = given_settings(recommender, RecommenderConfig, "recommender")
    folder = Path(out)
    try:
        check_writable(folder, TUNED)
    except ModelError as error:
        raise TextModelError(str(error)) from error
    if uses_peft(settings):
        import_peft()
    where = choose_device(device)
    snapshot = read_source(source, progress)
    corpus, downstream = read_corpus(snapshot, settings), None
    if "recommend" in settings.objectives:
        visible = with_scenarios(snapshot, chosen.scenarios).without_splits(("test",))
        downstream = DownstreamRecommender(
            visible,
            chosen,
            seed=seed,
            device=where,
            teacher=load_teacher(chosen, where),
            progress=progress,
        )
    model = read_model(base)
    model.network.to(where)
    tuned = tune_network(
        model, corpus, settings, downstream=downstream, seed=seed, progress=progress
    )
    name = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
    try:
        with replaced_folder(folder, TUNED) as fresh:
            write_tuned_model(
                tuned, fresh, base=name, fingerprint=model.fingerprint, pooling_of=_root(base)
            )
    except (OSError, SafetensorError) as error:
        raise TextModelError(
            f"{folder}: can't save the tuned model ({reason(error)}); free some space or permit "
            "writing there."
        ) from error
    return tuned.report


def _root(base: str | Path) -> Path:
    """The folder of the whole model below ``base``, which may be an adapter itself."""
    if is_adapter(base):
        return _root(read_manifest(Path(base))["base"])
    return model_folder(base)


def read_corpus(snapshot: GraphSnapshot, settings: TextTuning) -> TextCorpus:
    """The corpus of a graph: items' documents, and texts and interactions of training rows."""
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
    """Items' documents; short ones from the template and missing ones from facts, as set."""
    documents = item_documents(snapshot.items.attributes)
    if not settings.backfill and settings.template is None:
        return documents
    facts = _facts_by_item(snapshot)
    template = settings.template
    for row, document in enumerate(documents):
        if template is not None and len(document.split()) < settings.short:
            fields = _fields(snapshot, row, facts[row], field_names(template))
            documents[row] = fill_template(template, fields) or document
        if settings.backfill and not documents[row]:
            documents[row] = facts_as_text(facts[row])
    return documents


def _facts_by_item(snapshot: GraphSnapshot) -> list[dict[str, list[str]]]:
    """For each item: readable name of a relation → names of the entities or items it leads to."""
    found: list[dict[str, list[str]]] = [{} for _ in range(len(snapshot.items))]
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
                found[head].setdefault(called, []).append(names[tail])
    return found


def _fields(
    snapshot: GraphSnapshot, row: int, facts: dict[str, list[str]], wanted: list[str]
) -> dict[str, str]:
    """The fields for a template: the item's columns, then its facts ("director")."""
    columns = snapshot.items.attributes
    fields = {name.replace(" ", "_"): ", ".join(values[:3]) for name, values in facts.items()}
    for name in wanted:
        text = clean_text(columns[name].iloc[row]) if name in columns.columns else ""
        fields[name] = text.replace("|", ", ") or fields.get(name, "")
    return fields
