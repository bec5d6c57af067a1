"""Reports: quality, fairness, model card, suspicious items, and judgements by explored lists."""

from __future__ import annotations

from functools import singledispatch
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from kgrec.model_card.card import CardRequest, make_card
from kgrec.poisoning import NEWEST, THRESHOLD, suspicious_items
from kgrec.presentation import with_titles
from kgrec.recommender import Recommender
from kgrec.serving.event_log import records_of
from kgrec.serving.feedback import shown_lists
from kgrec.serving.live_graph import allowed, without_erased
from kgrec.serving.registry import Root
from kgrec.serving.verbs.bodies import LONGEST_TEXT, Body, Count, Name
from kgrec.serving.verbs.tables import plain_rows
from kgrec.stores.people.erased_people import Tombstones

Names = Annotated[tuple[Name, ...], Meta(max_length=20)]
Cut = Annotated[int, Meta(ge=1, le=1_000)]
Said = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Share = Annotated[float, Meta(ge=0, le=1)]


class EvaluateReport(Body, kw_only=True, tag_field="kind", tag="evaluate"):
    """How well lists find held-out rows (``kgrec evaluate`` of the model as it is). ``model``: a
    name of the registry, by default the one that answers; ``by``: an attribute of users."""

    model: Name | None = None
    split: Literal["test", "valid"] = "test"
    history: Literal["now", "train"] = "now"
    ks: Annotated[tuple[Cut, ...], Meta(min_length=1, max_length=10)] = (10, 20)
    by: Name | None = None
    scenario: Name | None = None


class FairnessReport(Body, kw_only=True, tag_field="kind", tag="fairness"):
    """Exposure and quality by group (``kgrec fairness``): ``by``, ``items``: attributes of users
    and items; ``group``, ``shares``: the cost of giving items these shares of the exposure;
    ``explained``: how many users have their list explained."""

    model: Name | None = None
    k: Count = 10
    by: Names = ()
    items: Names = ()
    group: Literal["head", "middle", "tail", "cold"] | dict[Name, Any] | None = None
    shares: Annotated[tuple[Share, ...], Meta(max_length=20)] = ()
    explained: Annotated[int, Meta(ge=0, le=1_000)] = 50
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0


class CardReport(Body, kw_only=True, tag_field="kind", tag="card"):
    """The model card (``kgrec card``); ``metrics``: whether quality is measured."""

    model: Name | None = None
    title: Said = ""
    author: Said = ""
    sources: Names = ()
    licences: Names = ()
    by: Names | None = None
    metrics: bool = True


class SuspiciousReport(Body, kw_only=True, tag_field="kind", tag="suspicious"):
    """Items that fake users may have pushed (``kgrec suspicious``), the most suspicious ``k``."""

    model: Name | None = None
    k: Count = 10
    newest: Annotated[float, Meta(gt=0, le=1)] = NEWEST
    threshold: Annotated[float, Meta(ge=0, le=1_000)] = THRESHOLD


class JudgeReport(Body, kw_only=True, tag_field="kind", tag="judge"):
    """The reward that a model's lists would have had, by the explored lists of this service
    (``kgrec judge``); ``event``, ``rated``: which events are a reward."""

    model: Name | None = None
    event: Name | None = None
    rated: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    scenario: Name | None = None
    horizon: Literal["next", "later"] = "next"


Report = EvaluateReport | FairnessReport | CardReport | SuspiciousReport | JudgeReport


def made_report(root: Root, name: str, asked: Report) -> dict[str, Any]:
    """A report about the model ``name``, as JSON values. Raises KgrecError."""
    folder = root.folder_of(root.read().entry(name))
    model = Recommender.load(folder)
    without_erased(model, Tombstones.read(root.tombstones))
    return _report(asked, model, folder, root)


@singledispatch
def _report(asked: Any, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    raise AssertionError(asked)


@_report.register
def _(asked: EvaluateReport, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    found = model.evaluate(
        split=asked.split,
        history=asked.history,
        ks=asked.ks,
        by=asked.by,
        scenario=asked.scenario,
    )
    return {
        "metrics": found.metrics,
        "by_group": found.by_group,
        "users": found.n_users,
        "items": found.n_items,
        "targets": found.n_targets,
        "targets_left_out": found.n_targets_left_out,
    }


@_report.register
def _(asked: FairnessReport, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    report = model.fairness(
        k=asked.k,
        by=asked.by,
        items=asked.items,
        group=asked.group,
        shares=asked.shares,
        explained=asked.explained,
        seed=asked.seed,
    )
    return report.to_dict()


@_report.register
def _(asked: CardReport, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    request = CardRequest(
        title=asked.title or folder.name,
        author=asked.author,
        sources=asked.sources,
        licences=asked.licences,
        by=asked.by,
        metrics=asked.metrics,
    )
    card = make_card(model, folder, request)
    return {"card": card.to_dict(), "markdown": card.to_markdown()}


@_report.register
def _(asked: SuspiciousReport, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    found = suspicious_items(model.state, newest=asked.newest, threshold=asked.threshold)
    return {"rows": plain_rows(with_titles(model.snapshot, found.head(asked.k)))}


@_report.register
def _(asked: JudgeReport, model: Recommender, folder: Path, root: Root) -> dict[str, Any]:
    records = allowed(records_of(root.log), Tombstones.read(root.tombstones))
    log = shown_lists(records, event=asked.event, rated=asked.rated)
    found = model.judge(log, scenario=asked.scenario, horizon=asked.horizon, missing="ignore")
    return found.to_dict()
