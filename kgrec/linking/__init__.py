"""Knowledge from text: entities that texts name, as facts to inspect before accepting."""

from kgrec.linking.accept import accept, read_proposals, write_proposals
from kgrec.linking.link import link_entities

__all__ = ["accept", "link_entities", "read_proposals", "write_proposals"]
