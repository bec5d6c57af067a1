"""Entity linking: entities that texts name, proposed as facts to check and accept."""

from kgrec.entity_linking.linker import link_entities
from kgrec.entity_linking.proposals import accept, read_proposals, write_proposals

__all__ = ["accept", "link_entities", "read_proposals", "write_proposals"]
