"""Users, items and names that explanations must take as they come."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.explain import Constraints, Explainer
from kgrec.stores import EmbeddedStore
from tests.paths.graphs import snapshot
from tests.recommender import catalogs

ODD = """it's "odd" `}) DETACH DELETE (n) // $n0 <script>alert(1)</script>"""


def test_a_deleted_user_is_unknown_and_leaves_no_path(fresh: Recommender, tmp_path: Path) -> None:
    paths = fresh.explain("u1", "i5").paths
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(catalogs.catalog())
        assert [len(store.query(p.cypher, p.parameters)) for p in paths] == [1] * len(paths)
        assert store.remove(users="u1").rows["users"] == 1
        assert [store.query(p.cypher, p.parameters) for p in paths] == [[] for _ in paths]
    fresh.remove(users="u1")
    for ask in (fresh.explain, fresh.counterfactual, fresh.why_not):
        with pytest.raises(RequestError, match=r"user 'u1' is not in the graph; give a history"):
            ask("u1", "i5")
    with pytest.raises(RequestError, match="'u1' is not in the graph"):
        fresh.compare("u1", "i5", "i6")
    assert fresh.explain("u1", "i5", history=["i1"]).paths


def test_odd_names_are_only_text(fresh: Recommender, tmp_path: Path) -> None:
    news = Catalog.from_frames(
        users=pd.DataFrame({"user_id": [ODD]}),
        items=pd.DataFrame({"item_id": [ODD], "title": [ODD]}),
        facts=pd.DataFrame(
            [(ODD, "item", "made_by", "e1", "entity")],
            columns=["head", "head_type", "relation", "tail", "tail_type"],
        ),
    )
    chosen = pd.DataFrame({"user_id": [ODD, ODD], "item_id": [ODD, "i1"]})
    fresh.update(news).update(chosen)
    answers = [
        fresh.explain(ODD, "i5", k=20),
        fresh.explain(ODD, ODD),
        fresh.counterfactual(ODD, "i5", k=39),
        fresh.why_not(ODD, "i5", k=2),
        fresh.compare(ODD, "i5", ODD),
    ]
    for answer in answers:
        assert json.loads(json.dumps(answer.to_dict(), allow_nan=False))
        assert ODD in str(answer)
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(catalogs.catalog())
        store.write(news)
        store.write(Catalog.from_frames(interactions=chosen))
        for path in answers[0].paths:  # type: ignore[union-attr]
            assert "DETACH" not in path.cypher
            (row,) = store.query(path.cypher, path.parameters)
            assert row["nodes"] == path.expected["nodes"]


def test_a_user_without_history(fresh: Recommender) -> None:
    fresh.update(Catalog.from_frames(users=pd.DataFrame({"user_id": ["blank"]})))
    result = fresh.explain("blank", "i5")
    assert (result.paths, result.gain) == ([], 0.0)
    assert "no history" in result.reasons[0]
    best = str(fresh.recommend("blank", k=1)["item_id"][0])
    assert "no history" in fresh.counterfactual("blank", best).reason
    assert "There is no history" in str(fresh.why_not("blank", "i5", k=1))
    both = fresh.compare("blank", "i5", "i6")
    assert both.events == ()
    assert both.difference == pytest.approx(both.parts[0].difference)


def test_fewer_items_than_places(fitted: Recommender) -> None:
    """k beyond the catalog: nothing can leave a list that holds everything."""
    best = str(fitted.recommend("u1", k=1)["item_id"][0])
    result = fitted.counterfactual("u1", best, k=10 * catalogs.N_ITEMS)
    assert not result.found
    assert "No set" in result.reason
    assert fitted.why_not("u1", best, k=10 * catalogs.N_ITEMS).comparison is None


def test_an_empty_graph_has_no_paths() -> None:
    explainer = Explainer(snapshot({}, {}, {}, [], {}))
    explainer.warm_up()
    with pytest.raises(RequestError, match="unknown node id 'a'"):
        explainer.index.find("a", "b")
    with pytest.raises(RequestError, match="unknown relation 'X'; the graph has: INTERACTED"):
        explainer.index.limits(Constraints(relations=["X"]))
    lonely = Explainer(snapshot({"u": {}}, {"a": {}, "b": {}}, {}, [], {}))
    assert lonely.index.find("u", "b") == []
    assert lonely.index.find("a", "b") == []
