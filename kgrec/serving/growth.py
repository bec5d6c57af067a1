"""Growth: nodes and facts of the log become part of the model that answers, without a fold.

What is cached is added to: no regression, index or text is made anew for what was there before.
Events need none of this, as they are counted over the graph (``kgrec.scoring.live_events``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graph_schema.names import ITEM, USER
from kgrec.errors import KgrecError
from kgrec.recommender import Recommender
from kgrec.serving.event_log import Record
from kgrec.serving.fold import add_records
from kgrec.serving.live_graph import NO_NODE


def grown(model: Recommender, records: Iterable[Record]) -> tuple[Recommender, dict[int, str]]:
    """A model with what records say of nodes and facts, ready to answer.

    Users and trained items that are removed stay in it, as the answers leave them out and the next
    fold removes them: what was learned from them is learned again then.

    Returns
    -------
    Recommender
        Another one; ``model`` is as before.
    dict of int to str
        Why some records do not fit the graph, by their numbers; they are left out.
    """
    found = Recommender.of(model.state)
    fitting = list(_at_once(model, records))
    try:
        refused = add_records(found, fitting)
        found.state.warm_up()
    except KgrecError as error:
        return model, {record["number"]: str(error) for record in fitting}
    return found, refused


def titles_of(model: Recommender) -> dict[str, str]:
    """The titles of a model's items by their ids; empty where they have none."""
    items = model.snapshot.items
    if "title" not in items.attributes.columns:
        return {}
    pairs = zip(items.ids.tolist(), items.attributes["title"].tolist(), strict=True)
    return {item: title for item, title in pairs if isinstance(title, str) and title}


def _at_once(model: Recommender, records: Iterable[Record]) -> Iterator[Record]:
    trained = set(model.state.engine.vocabulary.items)
    for record in records:
        waits = record["kind"] == NO_NODE and (
            record["label"] == USER or (record["label"] == ITEM and record["id"] in trained)
        )
        if not waits:
            yield record
