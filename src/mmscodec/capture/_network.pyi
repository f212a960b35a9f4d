from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

RECORD_DTYPE: np.dtype[np.void]
SEGMENT_DTYPE: np.dtype[np.void]
FAULT_DTYPE: np.dtype[np.void]

class Segment(NamedTuple):
    src: bytes
    dst: bytes
    src_port: int
    dst_port: int
    protocol: int
    tcp_flags: int
    window: int
    seq: int
    ack: int
    scope: int
    wire_len: int
    payload: bytes

class NetworkFault(NamedTuple):
    offset: int
    length: int
    code: int
    field: int
    need: int
    have: int

class Network:
    def __init__(
        self,
        *,
        max_fragment_bytes: int = ...,
        max_fragments: int = ...,
        max_fragment_age: float = ...,
        max_depth: int = ...,
        ignore_vlan: bool = ...,
    ) -> None: ...
    def decode(
        self,
        frame: Buffer,
        *,
        linktype: int = ...,
        wire_len: int | None = None,
        time: int = ...,
        position: int = ...,
    ) -> Segment | NetworkFault | None: ...
    def decode_all(
        self,
        frame: Buffer,
        *,
        linktype: int = ...,
        wire_len: int | None = None,
        time: int = ...,
        position: int = ...,
    ) -> list[Segment | NetworkFault]: ...
    def decode_array(
        self, source: Buffer, records: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def totals(self, source: Buffer, records: NDArray[Any]) -> tuple[int, int, int]: ...
    def finish(self) -> list[NetworkFault]: ...
    @property
    def pending(self) -> int: ...
    @property
    def held(self) -> int: ...
