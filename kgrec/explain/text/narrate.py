"""Realised paths → ExplainedPath: names, sentence and Cypher of one path."""

from __future__ import annotations

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.explain.attribution.attribute import KIND_NAMES, SHARED
from kgrec.explain.explanation import ExplainedPath, Node
from kgrec.explain.text.realise import AGAINST, NO_EDGE, Realised
from kgrec.explain.text.sentences import Story, Writer
from kgrec.graph.snapshot import NO_TIME
from kgrec.paths.cypher import LIKENESS, TYPED_IN, Step, path_query
from kgrec.paths.graph_names import Vocabulary
from kgrec.paths.index import PathIndex

_FORMS = {"item fact": "fact", "shared entity": "shared"}


class Narrator:
    """Tells the paths of one index to one reader."""

    def __init__(
        self,
        index: PathIndex,
        writer: Writer,
        user_id: str | None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.index, self.writer, self.user_id = index, writer, user_id
        self.vocabulary = vocabulary

    def tell(
        self, path: Realised, candidate: int, contribution: float, gain: float
    ) -> ExplainedPath:
        """The path with its sentence and its Cypher."""
        steps, words = self._steps(path)
        nodes = tuple(self._node(node) for node in path.nodes)
        user, item = path.nodes[0], path.nodes[1]
        event = self._last_event(user, item)
        start = 0 if event is not None else 1
        when = None if event is None else self._when(event)
        query = path_query([n[:2] for n in nodes[start:]], steps[start:], when, self.vocabulary)
        notes = [TYPED_IN] * (start == 1) + [LIKENESS] * any(not step.stored for step in steps)
        return ExplainedPath(
            nodes=nodes,
            relations=tuple(step.relation for step in steps),
            outgoing=tuple(step.outgoing for step in steps),
            contribution=contribution,
            share=contribution / abs(gain) if gain else 0.0,
            sentence=self.writer.sentence(
                self._story(path, candidate, steps, event, contribution < 0)
            ),
            cypher=query.text,
            parameters=query.parameters,
            kind=path.kind,
            stored=tuple(step.stored for step in steps),
            words=words,
            people=path.people,
            note=" ".join(notes),
            expected={"nodes": list(query.nodes), "relations": list(query.relations)},
        )

    def name(self, node: int) -> str:
        """A node's name, or its label and id."""
        if node < 0:
            return self.writer.subject
        label, _ = self.index.space.label_row(node)
        return self.index.space.name(node) or f"{label.lower()} {self.index.space.id(node)}"

    def _node(self, node: int) -> Node:
        if node < 0:
            return USER, self.user_id or "", self.writer.subject
        label, _ = self.index.space.label_row(node)
        return label, self.index.space.id(node), self.index.space.name(node)

    def _steps(self, path: Realised) -> tuple[list[Step], tuple[str, ...]]:
        likeness = self.writer.likeness(path.part or path.kind)
        if path.values:
            told = "; ".join(f"{name}: {', '.join(v)}" for name, v in path.values.items())
            likeness = f"same {told}"
        steps, words = [], []
        for code in path.codes:
            if code == NO_EDGE:
                steps.append(Step(likeness, True, stored=False))
                words.append(likeness)
                continue
            relation = self.index.relation(code)
            steps.append(Step(relation, code & 1 == 0))
            chose = code >> 1 == self.index.interacted
            words.append(self.writer.word("chose") if chose else self.writer.role(relation))
        return steps, tuple(words)

    def _last_event(self, user: int, item: int) -> int | None:
        """The row of the user's last stored event with the item; None where none is stored."""
        if user < 0:
            return None
        rows = self.index.events(user, item)
        return int(rows[-1]) if len(rows) else None

    def _when(self, event: int) -> int | None:
        time = int(self.index.snapshot.interactions.timestamp[event])
        return None if time == NO_TIME else time

    def _story(
        self, path: Realised, candidate: int, steps: list[Step], event: int | None, against: bool
    ) -> Story:
        events = self.index.snapshot.interactions
        rating = None if event is None or np.isnan(events.rating[event]) else events.rating[event]
        shared = path.kind == KIND_NAMES[SHARED]
        link = self.index.space.name(path.nodes[2]) if shared else ""
        form, role, role2 = self._form(path, steps)
        return Story(
            kind=_FORMS.get(path.kind, path.kind),
            form=form,
            relation=path.roles[0][0] if path.roles else "",
            history=self.name(path.nodes[1]),
            item=self.name(candidate),
            link=link,
            role=role,
            role2=role2,
            count=path.people,
            values=self._values(path),
            steps=self._written_out(path, steps),
            part="" if path.kind == "collaborative" else path.part,
            event="" if event is None else str(events.event[event] or ""),
            rating=None if rating is None else float(rating),
            against=against,
        )

    def _form(self, path: Realised, steps: list[Step]) -> tuple[str, str, str]:
        """(form of the sentence, words for the near relation, words for the far one)."""
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

    def _values(self, path: Realised) -> str:
        told = [f"{column} ({', '.join(values)})" for column, values in path.values.items()]
        return self.writer.listed(told)

    def _written_out(self, path: Realised, steps: list[Step]) -> str:
        """The steps after the history item: "Heat → director → Michael Mann"."""
        text = self.name(path.nodes[1])
        for node, step in zip(path.nodes[2:], steps[1:], strict=True):
            text += f" → {self._word(step.relation)} → {self.name(node)}"
        return text


def _distinct(words: list[str]) -> list[str]:
    """Every word once, and no "rating" beside "content rating"."""
    once = list(dict.fromkeys(words))
    return [word for word in once if not any(other.endswith(f" {word}") for other in once)]


def item_name(index: PathIndex, item: int) -> str:
    """An item's title, or "item <id>"."""
    return index.space.name(item) or f"{ITEM.lower()} {index.space.id(item)}"
