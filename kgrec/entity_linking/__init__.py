"""Knowledge from text: entities that texts name, as facts to inspect before accepting."""

from kgrec.entity_linking.linker import link_entities
from kgrec.entity_linking.proposals import accept, read_proposals, write_proposals

__all__ = ["accept", "link_entities", "read_proposals", "write_proposals"]
