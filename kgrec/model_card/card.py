"""ModelCard: a model, its data, quality, limits and privacy, as Markdown, HTML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.paths import given_path
from kgrec.errors import RequestError
from kgrec.files import save_text
from kgrec.model_card import render
from kgrec.model_card.data_sheet import DataSheet
from kgrec.model_card.facts import Origin, PrivacyState, Settings, leak_sentences, limits
from kgrec.model_card.quality import Quality, measured
from kgrec.model_card.sections import Section, table
from kgrec.persistence.model_folder import MODEL, read_manifest
from kgrec.recommender import Recommender
from kgrec.stores.base import GraphStore

SUFFIXES: Final = (".md", ".html", ".json")


@dataclass(frozen=True)
class CardRequest:
    """What a card says beside what is measured.

    Attributes
    ----------
    title, author : str
        Of the card; ``author`` is whoever answers for it.
    sources, licences : tuple of str
        Where the data is from, and under which licences.
    by : tuple of str or None
        Attributes of users to group by; None: those with few values, () for none.
    metrics : bool
        Whether quality is measured, which takes as long as ``kgrec fairness``.
    """

    title: str = "Recommender"
    author: str = ""
    sources: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    by: tuple[str, ...] | None = None
    metrics: bool = True


@dataclass(frozen=True)
class ModelCard:
    """A model card with its data sheet. It holds counts and shares, and no id of a person."""

    request: CardRequest
    origin: Origin
    sheet: DataSheet
    settings: Settings
    quality: Quality
    privacy: PrivacyState
    store: Mapping[str, int] | None
    limits: tuple[str, ...]
    leaks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything as values that JSON has."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return values

    def to_markdown(self) -> str:
        """The card as a Markdown document."""
        return render.markdown(self.request.title, self._sections())

    def to_html(self) -> str:
        """The card as one HTML page, without scripts or other files."""
        return render.html(self.request.title, self._sections())

    def save(self, path: str | Path) -> Path:
        """Write the card to a .md, .html or .json file and return its path.

        Raises RequestError for another ending, or where the file can't be written.
        """
        place = check_card(given_path(path, "the card's file"))
        forms = {".md": self.to_markdown, ".html": self.to_html}
        make = forms.get(place.suffix.lower())
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) if make is None else make()
        return save_text(place, text)

    def _sections(self) -> list[Section]:
        found = [
            self.origin.section(),
            self.quality.section(),
            Section("Known limits", self.limits),
            Section("Leaks", self.leaks),
            self.privacy.section(),
            self.settings.section(),
            self.sheet.section(self.request.sources, self.request.licences),
        ]
        if not self.request.metrics:
            found[1] = Section("Quality", ("Not measured for this card.",))
        if self.store is not None:
            rows = [
                (name, f"{self.sheet.rows[name]:,}", f"{count:,}")
                for name, count in self.store.items()
            ]
            found.append(
                Section("The store since then", (), table(("kind", "model", "store"), rows))
            )
        return found


def check_card(path: Path) -> Path:
    """``path``. Raises RequestError unless its ending is one of ``SUFFIXES``."""
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"{path}: a card is written as {', '.join(SUFFIXES)}.")
    return path


def make_card(
    model: Recommender,
    folder: str | Path,
    request: CardRequest | None = None,
    *,
    store: GraphStore | None = None,
    now: datetime | None = None,
) -> ModelCard:
    """Make the card of a saved model.

    Parameters
    ----------
    model : Recommender
        The model of this folder, loaded.
    folder : str or Path
        The folder; its manifest is read.
    request : CardRequest, optional
        Title, author, sources and licences, and what to group by.
    store : GraphStore, optional
        The graph's store: the card then has its counts beside those of the model.
    now : datetime, optional
        The time of the card; now if None.

    Raises
    ------
    ModelError
        If the folder holds no model.
    RequestError
        If no user has an attribute to group by.
    """
    request = request or CardRequest()
    place = given_path(folder, "the model's folder")
    manifest, config = read_manifest(place), model.state.config
    sheet = DataSheet.of(model.state.full_snapshot)
    quality = measured(model, sheet, request.by) if request.metrics else Quality()
    counts = None if store is None else store.row_counts()
    return ModelCard(
        request=request,
        origin=Origin.of(place / MODEL.manifest, request.author, now or datetime.now(UTC)),
        sheet=sheet,
        settings=Settings.of(config, manifest),
        quality=quality,
        privacy=PrivacyState.of(config, manifest, sheet),
        store=None if counts is None else {name: counts[name] for name in sheet.rows},
        limits=limits(sheet, quality.split, config).sentences,
        leaks=leak_sentences(model.state.leaks),
    )
