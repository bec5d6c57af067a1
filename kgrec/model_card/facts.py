"""What a model's folder says: settings and their evidence, privacy, versions, limits."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.files import digest
from kgrec.config import PrivacyConfig, RecommenderConfig
from kgrec.differential_privacy.statement import privacy_statement
from kgrec.leaks.finding import LeakReport
from kgrec.model_card.data_sheet import FEW_EVENTS, DataSheet
from kgrec.model_card.sections import Section, table
from kgrec.training import METRIC

_PACKAGES: Final = ("kgrec", "torch", "numpy", "transformers")
_PLACES: Final = ("text.model", "text.cache_dir", "training.teacher")  # paths of a machine


@dataclass(frozen=True)
class Origin:
    """Which model a card describes: ``hash`` is the SHA-256 of its manifest, which has those of all
    its files; ``saved`` and ``made`` are times (UTC) of the model and of the card."""

    hash: str
    saved: str
    made: str
    author: str
    versions: Mapping[str, str]

    @staticmethod
    def of(manifest: Path, author: str, now: datetime) -> Origin:
        """That of a model's manifest."""
        saved = datetime.fromtimestamp(manifest.stat().st_mtime, UTC)
        return Origin(digest(manifest), _time(saved), _time(now), author, _versions())

    def section(self) -> Section:
        """The origin in words."""
        rows = [("SHA-256 of the manifest", self.hash), ("model saved", self.saved)]
        rows += [("card made", self.made), ("card made by", self.author or "not given")]
        rows += [(f"version of {name}", one) for name, one in self.versions.items()]
        return Section("Who and when", (), table(("fact", "value"), rows))


@dataclass(frozen=True)
class Settings:
    """Settings that differ from their defaults, and what chose them."""

    changed: Mapping[str, Any]
    evidence: tuple[str, ...]

    @staticmethod
    def of(config: RecommenderConfig, manifest: Mapping[str, Any]) -> Settings:
        """Those of a fit. Paths of the machine are reduced to a name."""
        defaults = dict(_flat(RecommenderConfig().model_dump(mode="json")))
        changed = {
            name: _without_folder(name, value)
            for name, value in _flat(config.model_dump(mode="json"))
            if value != defaults.get(name)
        }
        return Settings(changed, tuple(_evidence(manifest)))

    def section(self) -> Section:
        """The settings in words."""
        rows = [(name, value) for name, value in self.changed.items()]
        return Section(
            "Settings and what chose them", self.evidence, table(("setting", "value"), rows)
        )


@dataclass(frozen=True)
class PrivacyState:
    """What is hidden, erased and promised.

    Attributes
    ----------
    pseudonyms : str
        The fingerprint of the key of the users' ids; "" for their own ids.
    people_erased : int
        People who were erased since the model was trained.
    privacy : mapping or None
        ``epsilon`` and ``delta`` of differential privacy; None without it.
    blind_to : tuple of str
        Attributes of users that no score reads.
    unique_users : float or None
        As in ``DataSheet``.
    """

    pseudonyms: str
    people_erased: int
    privacy: Mapping[str, Any] | None
    blind_to: tuple[str, ...]
    unique_users: float | None

    @staticmethod
    def of(
        config: RecommenderConfig, manifest: Mapping[str, Any], sheet: DataSheet
    ) -> PrivacyState:
        """That of a model's folder."""
        erased = manifest.get("people_erased", manifest.get("erased", 0))
        if isinstance(erased, Mapping):
            erased = erased.get("people", 0)
        return PrivacyState(
            sheet.pseudonyms,
            int(erased),
            _promise(config.privacy),
            config.model.blind_to,
            sheet.unique_users,
        )

    def section(self) -> Section:
        """The state in words."""
        said = [
            f"The ids of users are pseudonyms of the key {self.pseudonyms}; they are not anonymous."
            if self.pseudonyms
            else "Users have the ids of the source: they are no pseudonyms.",
            f"Trained with {self.people_erased:,} people since erased."
            if self.people_erased
            else "The folder records nobody who was erased since it was trained.",
            "Trained without differential privacy."
            if self.privacy is None
            else "Trained with differential privacy: "
            + ", ".join(f"{name} = {value}" for name, value in self.privacy.items())
            + ". The counts and metrics of this card have no noise: they are no part of that "
            "promise.",
            f"Scores do not read these attributes of users: {', '.join(self.blind_to)}."
            if self.blind_to
            else "Scores may read all attributes of users.",
        ]
        if self.unique_users is not None:
            said.append(f"{self.unique_users:.1%} of the users are alone with their attributes.")
        return Section("Privacy", tuple(said))


def _promise(privacy: PrivacyConfig | None) -> dict[str, Any] | None:
    """The numbers of differential privacy; None without it."""
    if privacy is None:
        return None
    said = privacy_statement(privacy)
    return {name: said[name] for name in ("epsilon", "delta", "noise", "holds")}


def limits(sheet: DataSheet, split: str, config: RecommenderConfig) -> Section:
    """What is known to be weak, from the data itself."""
    said = []
    if sheet.short_histories:
        said.append(
            f"{sheet.short_histories:.1%} of the users have fewer than {FEW_EVENTS} interactions; "
            "their lists rest on little."
        )
    if sheet.untrained_items:
        said.append(
            f"{sheet.untrained_items:.1%} of the items have no training interaction; they are "
            "predicted from facts, texts and attributes."
        )
    if sheet.first is None:
        said.append("Interactions have no times, so nothing is known of their order.")
    if not sheet.rows["facts"]:
        said.append("There are no facts: explanations lead through other users' choices alone.")
    if not config.model.use_text:
        said.append("Texts are not read.")
    if config.training.effort == "quick":
        said.append("Made in closed form (effort quick), without training.")
    if split != "test":
        said.append("There are no test rows: the figures above are no estimate of new data.")
    said += [
        "Figures on held-out rows of the past say what users chose from what they were shown, not "
        "what they would choose from other lists.",
        "Groups differ in the number of held-out rows per user, which alone changes their figures.",
    ]
    return Section("Known limits", tuple(said))


def leak_sentences(report: LeakReport | None) -> tuple[str, ...]:
    """What in the data tells test rows, or may."""
    if report is None:
        return ("Not looked for when this model was fitted; see `kgrec leaks`.",)
    found = tuple(f"{one.severity.capitalize()}: {one}" for one in report.findings)
    return found or ("None was found by the checks of `kgrec leaks`.",)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plain_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as one table, by names with dots; paths of the machine are reduced to a
    name."""
    return {name: _without_folder(name, value) for name, value in _flat(values)}


def _flat(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", value


def _without_folder(name: str, value: Any) -> Any:
    return Path(value).name if name in _PLACES and isinstance(value, str) else value


def _evidence(manifest: Mapping[str, Any]) -> Iterator[str]:
    log, trials = manifest.get("history") or [], manifest.get("tuning") or []
    found = [record for record in log if METRIC in record]
    if found:
        record = max(found, key=lambda one: float(one[METRIC]))
        yield (
            f"Epoch {record.get('epoch', 0):g} of {len(log)} records of training was chosen by "
            f"NDCG@10 = {record[METRIC]:.4f} on validation rows."
        )
    if trials:
        yield f"{len(trials)} trials of a search over settings were compared on validation rows."
    if "item_weights.safetensors" in manifest.get("files", {}):
        yield "Item–item weights were added, as they improved validation."
    yield "Settings that are not listed are the defaults."
