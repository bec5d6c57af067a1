"""PathDescriber: makes an ExplainedPath, with names, sentence and Cypher, of a concrete path."""

from __future__ import annotations

import numpy as np

from graph_schema.names import USER
from kgrec.explain.attribution.pieces import KIND_NAMES, REPEAT, SHARED
from kgrec.explain.explained_path import ExplainedPath, Node
from kgrec.explain.text.path_builder import AGAINST, NO_EDGE, ConcretePath
from kgrec.explain.text.writer import SentenceParts, Writer
from kgrec.graph.snapshot import NO_TIME
from kgrec.paths.cypher import HISTORY_GIVEN, SIMILARITY, CypherQuery, People, Step, path_query
from kgrec.paths.graph_names import GraphNames
from kgrec.paths.index import PathIndex
from kgrec.paths.people import PEOPLE, ShownPeople, people_id

IN_SPITE = "The path begins with a negative event: it is no reason for the item."
_FORMS = {"item fact": "fact", "shared entity": "shared"}


class PathDescriber:
    """Describes paths of one index to one user, in the words of a writer."""

    def __init__(
        self,
        index: PathIndex,
        writer: Writer,
        user_id: str | None,
        graph_names: GraphNames | None = None,
        negative: frozenset[int] = frozenset(),
        people: ShownPeople | None = None,
    ) -> None:
        """``negative``: the history items (nodes) whose newest event is negative; ``people``: how
        others are shown."""
        self.index, self.writer, self.user_id = index, writer, user_id
        self.graph_names, self.negative = graph_names, negative
        self.people = people or ShownPeople()

    def describe(
        self, path: ConcretePath, candidate: int, contribution: float, gain: float
    ) -> ExplainedPath:
        """Make the explained path; ``gain`` is score − baseline."""
        steps, words = self._steps(path)
        nodes = self._nodes(path)
        user, item = path.nodes[0], path.nodes[1]
        event = self._last_event(user, item)
        start = 0 if event is not None else 1
        when = None if event is None else self._when(event)
        place = next((i for i, node in enumerate(nodes) if node[0] == PEOPLE), None)
        query = self._query(nodes, steps, start, when, place)
        similar = any(not step.stored for step in steps[start:])
        negative = item in self.negative
        notes = [HISTORY_GIVEN] * (start == 1) + [SIMILARITY] * similar + [IN_SPITE] * negative
        return ExplainedPath(
            nodes=nodes,
            relations=tuple(step.relation for step in steps),
            outgoing=tuple(step.outgoing for step in steps),
            contribution=contribution,
            share=contribution / abs(gain) if gain else 0.0,
            sentence=self.writer.sentence(
                self._sentence_parts(path, candidate, nodes, steps, event, contribution)
            ),
            cypher=f"// {IN_SPITE}\n{query.text}" if negative else query.text,
            parameters=query.parameters,
            kind=path.kind,
            stored=tuple(step.stored for step in steps),
            words=words,
            people=path.people,
            note=" ".join(notes),
            negative=negative,
            expected=query.expected(None if place is None else path.people),
        )

    def _query(
        self,
        nodes: tuple[Node, ...],
        steps: list[Step],
        start: int,
        when: int | None,
        place: int | None,
    ) -> CypherQuery:
        """The query of the path from node ``start`` on, in which ``place`` stands for people."""
        keys = [(USER, "") if node[0] == PEOPLE else node[:2] for node in nodes[start:]]
        people = None if place is None else People(place - start, self._asker())
        return path_query(keys, steps[start:], when, self.graph_names, people)

    def _asker(self) -> str | None:
        """The id of the one who asks, where the graph has it: who is not among the people."""
        users = self.index.snapshot.users
        known = self.user_id is not None and users.rows([self.user_id])[0] >= 0
        return self.user_id if known else None

    def name(self, node: int) -> str:
        """A node's name, or its label and id; for -1 the writer's subject."""
        if node < 0:
            return self.writer.subject
        return self.index.space.display_name(node)

    def _nodes(self, path: ConcretePath) -> tuple[Node, ...]:
        """The nodes with their names; a user between is the number of people, unless named."""
        nodes = [self._node(node) for node in path.nodes]
        if path.people and not self.people.named:
            for place in range(2, len(nodes) - 1):
                if nodes[place][0] == USER:
                    around = people_id(nodes[place - 1][1], nodes[place + 1][1])
                    nodes[place] = PEOPLE, around, self.writer.people(path.people)
        return tuple(nodes)

    def _node(self, node: int) -> Node:
        if node < 0:
            return USER, self.user_id or "", self.writer.subject
        label, _ = self.index.space.label_row(node)
        return label, self.index.space.id(node), self.index.space.name(node)

    def _steps(self, path: ConcretePath) -> tuple[list[Step], tuple[str, ...]]:
        similarity = self.writer.similarity(path.part or path.kind)
        if path.values:
            values = "; ".join(f"{name}: {', '.join(v)}" for name, v in path.values.items())
            similarity = self.writer.phrase("same values", values=values)
        steps, words = [], []
        for place, code in enumerate(path.codes):
            if path.answer and not place:
                said = self.writer.verb(path.answer)
                steps.append(Step(said, True, stored=False))
                words.append(said)
                continue
            if code == NO_EDGE:
                steps.append(Step(similarity, True, stored=False))
                words.append(similarity)
                continue
            relation = self.index.relation(code)
            steps.append(Step(relation, code & 1 == 0))
            chose = code >> 1 == self.index.interacted
            words.append(self.writer.word("chose") if chose else self.writer.role(relation))
        return steps, tuple(words)

    def _last_event(self, user: int, item: int) -> int | None:
        """The row of the user's last stored event with the item; None if none is stored."""
        if user < 0:
            return None
        rows = self.index.events(user, item)
        return int(rows[-1]) if len(rows) else None

    def _when(self, event: int) -> int | None:
        time = int(self.index.snapshot.interactions.timestamp[event])
        return None if time == NO_TIME else time

    def _sentence_parts(
        self,
        path: ConcretePath,
        candidate: int,
        nodes: tuple[Node, ...],
        steps: list[Step],
        event: int | None,
        contribution: float,
    ) -> SentenceParts:
        events = self.index.snapshot.interactions
        rating = None if event is None or np.isnan(events.rating[event]) else events.rating[event]
        shared = path.kind == KIND_NAMES[SHARED]
        link = self.index.space.name(path.nodes[2]) if shared else ""
        form, role, role2 = self._form(path, steps)
        times = self._times(path)
        return SentenceParts(
            kind=_FORMS.get(path.kind, path.kind),
            form=f"{form} times" if times > 1 else form,
            relation=path.roles[0][0] if path.roles else "",
            history=self.name(path.nodes[1]),
            item=self.name(candidate),
            link=link,
            role=role,
            role2=role2,
            count=times or path.people,
            values=self._values(path),
            steps=self._written_out(nodes, steps),
            part="" if path.kind == "collaborative" else path.part,
            event=path.answer if event is None else str(events.event[event] or ""),
            rating=None if rating is None else float(rating),
            negative=contribution < 0,
            in_spite=contribution >= 0 and path.nodes[1] in self.negative,
        )

    def _times(self, path: ConcretePath) -> int:
        """How many stored events of the user with the item a repeat stands for; 0 for others."""
        if path.kind != KIND_NAMES[REPEAT] or path.nodes[0] < 0:
            return 0
        return len(self.index.events(path.nodes[0], path.nodes[1]))

    def _form(self, path: ConcretePath, steps: list[Step]) -> tuple[str, str, str]:
        """(form of the sentence, words for the near relation, words for the far relation)."""
        kind = _FORMS.get(path.kind, path.kind)
        if kind not in ("shared", "fact"):
            if kind == "collaborative" and path.part == AGAINST:
                return f"{kind} {AGAINST}", "", ""
            around = " surroundings" if kind == "collaborative" and path.part else ""
            unseen = path.codes[-1] == NO_EDGE and kind in ("collaborative", "graph neighbourhood")
            blank = kind == "attributes" and not path.values
            return kind + around + (" unseen" if unseen or blank else ""), "", ""
        same = [near for near, far in path.roles if self._word(near) == self._word(far)]
        near, far = path.roles[0]
        if not all(self.writer.is_noun(relation) for relation in (near, far)):
            return f"{kind} phrase", self._word(near), self._word(far)
        if kind == "fact":
            return ("fact" if steps[1].outgoing else "fact reversed"), self._word(near), ""
        if not same:
            return "shared mixed", self._word(near), self._word(far)
        words = self.writer.listed(_distinct([self._word(relation) for relation in same]))
        return "shared", words, words

    def _word(self, relation: str) -> str:
        return self.writer.role(relation)

    def _values(self, path: ConcretePath) -> str:
        shared = [f"{column} ({', '.join(values)})" for column, values in path.values.items()]
        return self.writer.listed(shared)

    def _written_out(self, nodes: tuple[Node, ...], steps: list[Step]) -> str:
        """The steps after the history item: "Heat → director → Michael Mann"."""
        names = [name or f"{label.lower()} {node_id}" for label, node_id, name in nodes[1:]]
        text = names[0]
        for name, step in zip(names[1:], steps[1:], strict=True):
            text += f" → {self._word(step.relation)} → {name}"
        return text


def _distinct(words: list[str]) -> list[str]:
    """Every word once, and no "rating" next to "content rating"."""
    once = list(dict.fromkeys(words))
    return [word for word in once if not any(other.endswith(f" {word}") for other in once)]
