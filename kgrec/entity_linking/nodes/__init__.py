"""Node linking: which thing of another source each item or entity is."""

from kgrec.entity_linking.nodes.acceptance import accept_links, is_links
from kgrec.entity_linking.nodes.dump import Dump, read_dump
from kgrec.entity_linking.nodes.linker import link_nodes

__all__ = ["Dump", "accept_links", "is_links", "link_nodes", "read_dump"]
