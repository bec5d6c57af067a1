"""Entity linking: facts that texts name, and things of other sources that nodes are, proposed to
check and accept."""

from kgrec.entity_linking.linker import link_entities
from kgrec.entity_linking.nodes import Dump, accept_links, link_nodes, read_dump
from kgrec.entity_linking.proposals import accept, read_proposals, write_proposals

__all__ = [
    "Dump",
    "accept",
    "accept_links",
    "link_entities",
    "link_nodes",
    "read_dump",
    "read_proposals",
    "write_proposals",
]
