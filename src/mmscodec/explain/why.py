"""Why bytes are not believed: the judgement that said no, in words."""

from __future__ import annotations

from mmscodec.explain.model import Check
from mmscodec.schema import mms
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode, fault_name

NEAR = 4096  # LocationIds of Data packets that may follow each other
_MOST = mms.MAX_PACKET

#: What each fault means, for a person with a broken stream.
WORDS: dict[int, str] = {
    FaultCode.UNKNOWN_STRUCTURE: "neither of the structures that may stand here begins here",
    FaultCode.TOO_LONG: "longer than the ceiling that the caller set",
    FaultCode.TRUNCATED: "the capture ends inside of it",
    FaultCode.BAD_MESSAGE_LENGTH: "messageLength is less than 16 or no multiple of 8: no packet "
    "can be that long",
    FaultCode.BAD_SEAL: "sessionId is there and seal is not: no TcpMessageHeader",
    FaultCode.BAD_CHUNK_LEN: "chunkLen is 0 or leads out of the packet: where the next message "
    "begins is not known",
    FaultCode.SHORT_MESSAGE: "the message is smaller than the fixed part of its kind",
    FaultCode.BAD_PACKET_SIZE: "a Data packet of 8 bytes or less holds nothing",
    FaultCode.DATAGRAM_LENGTH: "the length in the datagram is not that of the datagram",
    FaultCode.BAD_LENGTH: "the length is no multiple of a record's: what is left over is none",
    FaultCode.SHORT_FIELD: "the packet ends inside of a field",
    FaultCode.UNTERMINATED: "a string has no 00 byte behind it",
    FaultCode.BAD_KEY_BLOCK: "the key block does not check: its sums or its role are wrong",
    FaultCode.CIPHER_BROKEN_BY_GAP: "bytes before it are missing, and the cipher runs through "
    "every byte: nothing behind a hole can be deciphered",
    FaultCode.SERVER_KEY_BLOCK_MISSING: "the server's key block, which makes the keys, was not "
    "captured",
    FaultCode.SURPLUS_BYTES: "this side has said all that it has to say before",
    FaultCode.FILE_TRUNCATED: "the file ends inside of a record",
    FaultCode.BAD_RECORD: "no header of a record stands here",
    FaultCode.BAD_BLOCK: "no block of pcapng stands here",
    FaultCode.BAD_COMPRESSION: "the compressed data are damaged",
    FaultCode.FILES_OVERLAP: "more files at the same time than are read side by side",
    FaultCode.BEYOND_LIMIT: "good as far as is known, but beyond a limit of this program",
    FaultCode.FRAGMENT_DROPPED: "the other fragments of the datagram did not come",
    FaultCode.BAD_NETWORK_HEADER: "a header of the network cannot be true",
    FaultCode.TUNNEL_DEPTH: "more tunnels in each other than are looked into",
    FaultCode.SNAPPED: "the capture cut the frame here",
    FaultCode.GAP: "bytes before it are missing",
    FaultCode.OVERLAP_CONFLICT: "two copies of these bytes differ; the first is kept",
    FaultCode.PENDING_DROPPED: "more waited behind missing bytes than may",
    FaultCode.FLOW_EVICTED: "more connections at a time than may be open",
    FaultCode.FLOW_TIMED_OUT: "nothing came for longer than the caller waits",
    FaultCode.BAD_CHECKSUM: "the checksum of TCP says that these bytes are damaged",
}


def words(code: int, field: int, need: int, have: int) -> list[str]:
    """Sentences on a fault."""
    out = [f"{fault_name(code)}: {WORDS.get(code, 'no words for this code')}"]
    if FAULT_FIELDS.get(field):
        out.append(f"the judgement was on {FAULT_FIELDS[field]}: needed {need}, there {have}")
    return out


def _u32(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : at + 4], "little")


def header_checks(raw: bytes, *, client: bool, last: tuple[int, int] | None) -> list[Check]:
    """Every judgement on the first bytes as the header of a packet of MMS over TCP.

    Parameters
    ----------
    raw : bytes
        From where the header would begin.
    client : bool
        A client sent them: it sends no Data packets.
    last : tuple of int or None
        LocationId and playIncarnation of the Data packet before.
    """
    return [*_signed_checks(raw), *_data_checks(raw, client, last)]


def _signed_checks(raw: bytes) -> list[Check]:
    if len(raw) < 16:
        return [Check("TcpMessageHeader", "32 bytes", f"{len(raw)}", False)]
    session, length, seal = _u32(raw, 4), _u32(raw, 8), _u32(raw, 12)
    out = [
        Check("sessionId at 4", f"0x{mms.SESSION_ID:08X}", f"0x{session:08X}",
              session == mms.SESSION_ID),
        Check("seal at 12", f"0x{mms.SEAL:08X}", f"0x{seal:08X}", seal == mms.SEAL),
    ]  # fmt: skip
    if session == mms.SESSION_ID or seal == mms.SEAL:
        good = length >= 16 and length % 8 == 0 and length + 16 <= _MOST
        out.append(Check("messageLength at 8", "16 or more, a multiple of 8", str(length), good))
        if length > 16 and len(raw) >= 40:
            chunks, most = _u32(raw, 32), (length - 16) // 8
            out.append(
                Check("first chunkLen at 32", f"1 to {most}", str(chunks), 0 < chunks <= most)
            )
            mid = _u32(raw, 36)
            out.append(
                Check("first MID at 36", "one of the 28", mms.message_name(mid), mid in mms.BY_MID)
            )
    return out


def _data_checks(raw: bytes, client: bool, last: tuple[int, int] | None) -> list[Check]:
    if client:
        return [Check("Data packet", "sent by a server", "sent by the client", False)]
    if len(raw) < 8:
        return [Check("Data packet", "8 bytes", str(len(raw)), False)]
    location, tag, size = _u32(raw, 0), raw[4], raw[6] | raw[7] << 8
    out = [
        Check("playIncarnation at 4", "not 0", str(tag), tag != 0),
        Check("PacketSize at 6", "more than 8", str(size), size > 8),
    ]
    if last is None:
        out.append(Check("continues a Data packet", "one before", "none", False))
    else:
        good = tag == last[1] and 0 < abs(location - last[0]) <= NEAR
        out.append(Check(
            "continues the Data packet before",
            f"playIncarnation {last[1]}, LocationId near {last[0]}",
            f"playIncarnation {tag}, LocationId {location}", good,
        ))  # fmt: skip
    if size > 8:
        behind = raw[size : size + 8]
        seen, good = "not in the capture", False
        if len(behind) == 8:
            good = _u32(behind, 4) == mms.SESSION_ID or (behind[4] == tag)
            seen = "bytes " + behind.hex(" ")
        out.append(Check(f"a packet begins behind it at {size}", "a header", seen, good))
    return out
