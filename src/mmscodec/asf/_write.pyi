from typing import Any

from typing_extensions import Buffer

class PacketWriter:
    packet_size: int
    first_send: int
    last_send: int
    last_end: int
    def __init__(self, extents: list[Any], buffers: list[Any], packet_size: int) -> None: ...
    @property
    def counts(self) -> tuple[int, ...]: ...
    def fill(self, plan: Any, start: int, out: Buffer) -> int: ...

def mended(packet: Buffer, size: int) -> tuple[bytes, int]: ...
