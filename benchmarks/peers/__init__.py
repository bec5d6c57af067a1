"""Other models on the same rows; each file is one, behind the protocol in ``base``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.peers.als import AlsPeer
from benchmarks.peers.base import Fitting, Peer, PeerData, Settings
from benchmarks.peers.kgin import KginPeer
from benchmarks.peers.lightgcn import LightGcnPeer
from benchmarks.peers.linear import (
    EasePeer,
    ItemKNNPeer,
    LocalRidgePeer,
    PopularityPeer,
    RecentEasePeer,
)
from benchmarks.peers.sasrec import SasRecPeer

_ALL: Final = (
    PopularityPeer,
    ItemKNNPeer,
    EasePeer,
    RecentEasePeer,
    LocalRidgePeer,
    AlsPeer,
    LightGcnPeer,
    SasRecPeer,
    KginPeer,
)
PEERS: Final[dict[str, Callable[..., Peer]]] = {peer.name: peer for peer in _ALL}
TRIES: Final[dict[str, tuple[Settings, ...]]] = {peer.name: peer.tries for peer in _ALL}
TIMED: Final = frozenset(peer.name for peer in _ALL if peer.timed)

__all__ = ["PEERS", "TIMED", "TRIES", "Fitting", "Peer", "PeerData", "Settings"]
