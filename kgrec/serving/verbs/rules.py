"""Rules of the model that answers: read, replaced, what they do, and decisions about held items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kgrec.rules import RuleFolder, Rules
from kgrec.serving.service import Service
from kgrec.serving.verbs.answers import RowsAnswer, RulesAnswer
from kgrec.serving.verbs.bodies import DecisionBody, EffectsBody, RulesBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.lists import limits_of, query_of
from kgrec.serving.verbs.tables import people_only, rows_answer

_PAGE, _MOST = 100, 1_000


def rules(service: Service, body: None, call: Call) -> RulesAnswer:
    """The rules that lists obey."""
    return _answer(service)


async def set_rules(service: Service, body: RulesBody, call: Call) -> RulesAnswer:
    """Put rules in the place of all there are; the next list obeys them."""
    given = Rules.parse(body.toml, "toml")
    was = None if body.was is None else Rules.parse(body.was, "was")

    def change(folder: RuleFolder) -> None:
        before = service.served.model.rules
        service.served.model.rules = given  # raises before anything is written
        try:
            folder.set(given, call.who, body.reason, was=was)
        except BaseException:
            service.served.model.rules = before
            raise

    return await _changed(service, change)


async def decide(service: Service, body: DecisionBody, call: Call) -> RulesAnswer:
    """Decide about an item that a rule holds back; the next list obeys it."""

    def change(folder: RuleFolder) -> None:
        folder.decide(
            body.rule, str(body.item), approve=body.approve, author=call.who, why=body.reason
        )
        service.served.model.rules = folder.rules

    return await _changed(service, change)


def rule_effects(service: Service, body: EffectsBody, call: Call) -> RowsAnswer:
    """What the rules do to a list: each item with its rank with and without them."""
    served = service.served
    query, _ = query_of(served, body)
    found = served.model.rule_effects(query, body.k, limits_of(served, body))
    return rows_answer(served, found)


def hold(service: Service, body: EffectsBody, call: Call) -> RowsAnswer:
    """Add the items that rules hold back from a list to those that wait for a decision."""
    people_only(call, "whose list an item is held back from is named")
    served = service.served
    query, _ = query_of(served, body)
    found = served.model.held(query, body.k, limits_of(served, body))
    return rows_answer(served, _folder(service).add_held(found))


def held(service: Service, body: None, call: Call) -> RowsAnswer:
    """The items that wait for a decision; whose lists they were in only with ``people=true``."""
    frame = _folder(service).held()
    if not call.people:
        frame = frame.drop(columns=["user_id", "reason"]).drop_duplicates(["rule", "item_id"])
    limit, start = call.count("limit", _PAGE, _MOST), call.cursor()
    after = start + limit
    answer = rows_answer(service.served, frame.iloc[start:after])
    answer.next = str(after) if after < len(frame) else None
    return answer


async def _changed(service: Service, change: Callable[[RuleFolder], None]) -> RulesAnswer:
    """Change the rules while no other model takes the place of the one that answers."""
    async with service.swapping:
        await asyncio.get_running_loop().run_in_executor(None, change, _folder(service))
        await service.tell("rules")
    return _answer(service)


def _folder(service: Service) -> RuleFolder:
    return RuleFolder(service.root.folder_of(service.served.entry))


def _answer(service: Service) -> RulesAnswer:
    folder, present = _folder(service), service.served.model.rules
    return RulesAnswer(
        model=service.served.entry.name,
        toml=present.text or present.to_toml(),
        hash=folder.log.last,
    )
