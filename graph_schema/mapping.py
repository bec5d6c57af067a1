"""GraphMapping: kgrec's names for the labels, keys and relationship types of an existing graph.

Nothing in the graph is copied or renamed.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from graph_schema.mapping_file import MappingFile
from graph_schema.names import ENTITY, ITEM, QUERY, REVIEW, SCENARIO, USER
from graph_schema.settings import Settings

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
TimeUnit = Literal["s", "ms", "us", "ns", "datetime"]
Direction = Literal["out", "in"]


class NodeMapping(Settings):
    """One label of the graph.

    kgrec's id of a node is ``prefix`` followed by the value of its ``key``. ``properties`` maps
    kgrec's name of a property to the graph's name; all other properties keep their names.
    """

    label: Name = Field(description="label in the graph, such as Customer")
    key: Name = Field(default="id", description="property that identifies a node of the label")
    properties: dict[Name, Name] = Field(default_factory=dict)
    prefix: str = Field(default="", description="put before the key to make kgrec's id")


class EntityMapping(NodeMapping):
    """One label whose nodes are entities. ``kind`` is their kind in kgrec; default: the label."""

    prefix: str | None = Field(  # type: ignore[assignment]
        default=None,
        description="default: nothing for the only entity label, 'Label:' where there are several",
    )
    kind: str | None = None


class InteractionMapping(Settings):
    """One relationship type between users and items.

    ``direction`` "out" means (user)-->(item), "in" means (item)-->(user).
    """

    type: Name
    direction: Direction = "out"
    event: str | None = Field(default=None, description="event name of these interactions")
    properties: dict[Name, Name] = Field(default_factory=dict)
    time_unit: TimeUnit = Field(default="s", description="unit of the timestamp property")


class FactMapping(Settings):
    """One relationship type between users, items and entities that kgrec reads as facts."""

    type: Name
    relation: Name | None = Field(
        default=None, description="relation name in kgrec; default: the type"
    )


class TextMapping(NodeMapping):
    """A label of texts (reviews or queries), and its relationships to users and items."""

    user_type: Name | None = Field(default=None, description="relationship to the user")
    user_direction: Direction = Field(default="in", description='"in": (user)-->(text)')
    item_type: Name | None = Field(default=None, description="relationship to the item")
    item_direction: Direction = Field(default="out", description='"out": (text)-->(item)')
    time_unit: TimeUnit = "s"


class GraphMapping(MappingFile):
    """How the names of a graph translate to kgrec's names.

    Attributes
    ----------
    users, items : NodeMapping
        The labels of users and items. Default: User and Item.
    entities : tuple of EntityMapping
        The labels of entities. Default: Entity.
    interactions : tuple of InteractionMapping
        The relationship types of interactions, at least one.
    facts : tuple of FactMapping or None
        The relationship types of facts. None: every relationship type between mapped labels that
        isn't an interaction.
    reviews, queries : TextMapping or None
        The labels of reviews and search queries, if the graph has them.
    scenarios : NodeMapping or None
        The label of scenarios. Interactions name a scenario by its key.
    """

    cure: ClassVar[str] = (
        "[users], [items], [[entities]], [[interactions]] and [[facts]] give the labels, keys and "
        "relationship types of the graph"
    )

    version: Literal[1] = 1
    users: NodeMapping = NodeMapping(label=USER)
    items: NodeMapping = NodeMapping(label=ITEM)
    entities: tuple[EntityMapping, ...] = (EntityMapping(label=ENTITY),)
    interactions: tuple[InteractionMapping, ...] = Field(min_length=1)
    facts: tuple[FactMapping, ...] | None = None
    reviews: TextMapping | None = None
    queries: TextMapping | None = None
    scenarios: NodeMapping | None = Field(
        default=None, description="label whose keys are the scenario names of interactions"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        labels = [node.label for node in self.nodes()]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"the label {twice[0]!r} is mapped twice; map each label once")
        types = [interaction.type for interaction in self.interactions]
        types += [fact.type for fact in self.facts or ()]
        twice = sorted({name for name in types if types.count(name) > 1})
        if twice:
            raise ValueError(f"the relationship type {twice[0]!r} is mapped twice; map it once")
        prefixes = [self.entity_prefix(entity) for entity in self.entities]
        if len(set(prefixes)) < len(prefixes):
            raise ValueError("two entity labels have the same prefix; give each its own")
        if self.scenarios is not None and self.scenarios.prefix:
            raise ValueError("scenarios take no prefix: interactions name them by their key")
        return self

    def nodes(self) -> tuple[NodeMapping, ...]:
        """Return the mappings of all labels.

        Returns
        -------
        tuple of NodeMapping
            Users, items, entities, and then reviews, queries and scenarios if they are mapped.
        """
        others = (self.reviews, self.queries, self.scenarios)
        return (self.users, self.items, *self.entities, *(n for n in others if n is not None))

    def entity_prefix(self, entity: EntityMapping) -> str:
        """Return the prefix of an entity label's ids, which keeps equal keys of two labels apart.

        Parameters
        ----------
        entity : EntityMapping
            One of ``entities``.

        Returns
        -------
        str
            Its own prefix, or "Label:" if there are several entity labels, or "".
        """
        if entity.prefix is not None:
            return entity.prefix
        return f"{entity.label}:" if len(self.entities) > 1 else ""

    def kgrec_label(self, label: str) -> str | None:
        """Return kgrec's label for a label of the graph.

        Parameters
        ----------
        label : str
            A label of the graph.

        Returns
        -------
        str or None
            Such as "User"; None if the label isn't mapped.
        """
        names = {self.users.label: USER, self.items.label: ITEM}
        names |= {entity.label: ENTITY for entity in self.entities}
        others = ((self.reviews, REVIEW), (self.queries, QUERY), (self.scenarios, SCENARIO))
        names |= {node.label: kgrec for node, kgrec in others if node is not None}
        return names.get(label)

    def relation(self, type_name: str) -> str | None:
        """Return kgrec's relation for a relationship type of the graph.

        Parameters
        ----------
        type_name : str
            A relationship type of the graph.

        Returns
        -------
        str or None
            The relation; None if relationships of the type aren't facts.
        """
        if type_name in {interaction.type for interaction in self.interactions}:
            return None
        if self.facts is None:
            return type_name
        known = {fact.type: fact.relation or fact.type for fact in self.facts}
        return known.get(type_name)


GraphMapping.models = (
    GraphMapping,
    NodeMapping,
    EntityMapping,
    InteractionMapping,
    FactMapping,
    TextMapping,
)
