"""Decoding whole buffers."""

from __future__ import annotations

import numpy as np

from mmscodec.mms._codec import DEFAULT_MAX_PACKET, decode_datagrams_into, decode_into
from mmscodec.mms.batch import Batch


def decode(
    buf,
    *,
    transport: str = "tcp",
    on_fault: str = "record",
    max_packet: int = DEFAULT_MAX_PACKET,
    datagrams=None,
    out: Batch | None = None,
) -> Batch:
    """Decode one direction of an MMS connection.

    Parameters
    ----------
    buf : bytes-like
        Any C-contiguous buffer, of any size. It is not copied; the batch keeps it alive.
    transport : {"tcp", "udp"}
        On UDP a RequestPacketListResend may stand where a Data packet may.
    on_fault : {"record", "raise"}
        Record faults as rows and go on at the next believable header, or stop at the first.
    max_packet : int
        Ceiling on the bytes of one TcpMessageHeader packet; a longer one is a fault.
    datagrams : array_like of int, optional
        Lengths in bytes of the UDP datagrams that `buf` is made of. Each is decoded by itself; one
        that is longer or shorter than it says is a fault. Only with ``transport="udp"``.
    out : Batch, optional
        A batch whose memory is used again. Arrays of it that are still alive keep theirs.

    Returns
    -------
    Batch
        `out` if it was given.

    Raises
    ------
    MalformedError
        With ``on_fault="raise"``: offset, field, need, have of the first fault; its `batch` holds
        what was decoded before it.

    Notes
    -----
    Framing as in [MS-MMSP] 3.1.5.2 by messageLength and PacketSize; chunkCount is never used.

    Examples
    --------
    >>> from mmscodec import mms
    >>> ping = mms.encode("LinkMacToViewerPing")
    >>> len(mms.decode(ping * 3)["LinkMacToViewerPing"])
    3
    """
    batch = Batch() if out is None else out
    if datagrams is None:
        decode_into(batch, buf, transport, on_fault, max_packet)
    elif transport != "udp":
        raise ValueError("datagrams are for transport='udp'")
    else:
        lengths = np.ascontiguousarray(datagrams, "=i8")
        decode_datagrams_into(batch, buf, lengths, on_fault)
    return batch
