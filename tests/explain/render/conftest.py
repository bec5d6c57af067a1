"""An explanation with many boxes and odd names."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.explain import Explainer, Explanation
from tests.explain.breakdowns import breakdown
from tests.paths.graphs import snapshot

ODD = '<b>"Quoted"</b> & $x^2$ {y} \\frac O\'Neill \x00\x1b ' + "longword" * 12


@pytest.fixture
def busy() -> Explanation:
    """Thirty boxes: odd and long names, similarities, negatives, facts between items, co-users."""
    films = {f"i{n}": {"title": ODD if n % 4 == 0 else f"Film {n}"} for n in range(14)}
    chosen = [("u1", f"i{n}", n, 4.0) for n in range(12)]
    graph = snapshot(
        {"u1": {}, "u2": {}},
        films,
        {f"e{n}": {"name": f"{ODD} {n}"} for n in range(8)},
        [*chosen, ("u2", "i3", 1, None), ("u2", "i13", 2, None)],
        {
            ("Item", "DIRECTED_BY", "Entity"): [(f"i{n}", f"e{n}") for n in range(8)]
            + [("i13", f"e{n}") for n in range(7)],
            ("Item", "ALSO_BOUGHT", "Item"): [("i8", "i13"), ("i9", "i12"), ("i12", "i13")],
        },
    )
    amounts = np.linspace(1.0, -0.4, 12)
    parts = {"id": amounts, "knowledge": amounts[::-1], "text": amounts**2}
    scores = breakdown(graph, [f"i{n}" for n in range(12)], parts, baseline=1.0, rest=0.2)
    return Explainer(graph).explain(scores, int(graph.items.rows(["i13"])[0]), user=0, k=15)
