"""Knowledge from text: entities that texts name, as facts to inspect before accepting."""

from kgrec.entity_linking.accept import accept, read_proposals, write_proposals
from kgrec.entity_linking.link import link_entities

__all__ = ["accept", "link_entities", "read_proposals", "write_proposals"]
