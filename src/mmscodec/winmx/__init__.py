"""The WinMX peer network: node lists, every other packet, peer caches, ciphers."""

from typing import TYPE_CHECKING, Any

from mmscodec.schema.winmx import PACKETS as _PACKETS
from mmscodec.schema.winmx.dtypes import NODES as NODES_DTYPE
from mmscodec.schema.winmx.dtypes import RECORD as RECORD_DTYPE
from mmscodec.winmx import cipher
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.connections import Connection, decode_connections
from mmscodec.winmx.conversation import Conversation
from mmscodec.winmx.decode import decode, decode_datagrams, node_lists
from mmscodec.winmx.decoder import Decoder
from mmscodec.winmx.encoding import encode, encode_cache_reply
from mmscodec.winmx.history import node_history
from mmscodec.winmx.nodes import (
    WaitingLists,
    addresses,
    ip_objects,
    pair_answers,
    slots_over_time,
    unique_nodes,
)
from mmscodec.winmx.recognition import Recognition, recognise
from mmscodec.winmx.words import handle_addresses, queue_status, room_addresses

if TYPE_CHECKING:
    from mmscodec.winmx.many import Decoders, ManyBatch

#: Names of all packets.
PACKETS = tuple(item.name for item in _PACKETS)

__all__ = (
    "NODES_DTYPE", "PACKETS", "RECORD_DTYPE", "Batch", "Connection", "Conversation", "Decoder",
    "Decoders", "ManyBatch", "Recognition", "WaitingLists", "addresses", "cipher", "decode",
    "decode_connections", "decode_datagrams", "encode", "encode_cache_reply", "handle_addresses",
    "ip_objects", "node_history", "node_lists", "pair_answers", "queue_status", "recognise",
    "room_addresses", "slots_over_time", "unique_nodes",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("Decoders", "ManyBatch"):  # what only collectors need
        from mmscodec.winmx import many

        globals()[name] = getattr(many, name)
        return globals()[name]
    raise AttributeError(f"module 'mmscodec.winmx' has no attribute {name!r}")
