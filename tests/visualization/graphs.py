"""Graphs to draw: thirty nodes with odd names, and small ones."""

from __future__ import annotations

import networkx as nx

ODD = """</script><script>window.hacked=1</script><img src=x onerror="1">it's "odd" & $x^2$ <!--"""


def ring(count: int = 30) -> nx.MultiDiGraph:
    """Items around a hub, chained, some joined twice, with names that markup would misread."""
    graph: nx.MultiDiGraph = nx.MultiDiGraph(left_out=1234)
    graph.add_node(("Entity", "hub"), label="Entity", id="hub", name=ODD, focus=True, kind="genre")
    keys = [("Item" if n % 3 else "User", f"n{n}") for n in range(count - 1)]
    for n, key in enumerate(keys):
        name = ODD if n % 7 == 0 else f"A name of some length {n}"
        graph.add_node(
            key, label=key[0], id=key[1], name=name, focus=False, note=ODD, year=1990 + n
        )
        graph.add_edge(key, ("Entity", "hub"), relation="HAS_GENRE")
    for n in range(0, len(keys) - 1, 2):
        graph.add_edge(keys[n], keys[n + 1], relation="INTERACTED", timestamp=n, rating=4.0)
        graph.add_edge(keys[n], keys[n + 1], relation="INTERACTED", timestamp=n + 1, rating=5.0)
        graph.add_edge(keys[n + 1], keys[n], relation=ODD)
    graph.add_edge(keys[0], keys[0], relation="SELF")
    return graph


def with_contributions() -> nx.MultiDiGraph:
    """A user, two items and a similarity, with contributions."""
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    user, old, new = ("User", "1"), ("Item", "old"), ("Item", "new")
    graph.add_node(user, name="", shown_as="owner", focus=True)
    graph.add_node(old, name="Old", shown_as="history")
    graph.add_node(new, name="New", shown_as="candidate", focus=True)
    graph.add_edge(user, old, relation="INTERACTED", contribution=0.5, stored=True)
    graph.add_edge(old, new, relation="SEQUEL", contribution=0.75, stored=True)
    graph.add_edge(old, new, relation="similar text", contribution=-0.25, stored=False)
    return graph
