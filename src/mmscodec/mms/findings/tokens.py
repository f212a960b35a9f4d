"""NTLM_AUTH inside of tokens (2.2.4.14.1): its fixed values, and its size against the token."""

from __future__ import annotations

import struct

import numpy as np

from mmscodec.mms.findings.tables import Part
from mmscodec.schema import mms
from mmscodec.schema.findings import FindingCode, FindingTable, Severity

_AUTH = mms.NTLM_AUTH
_START = struct.pack("<II", 0, 1)  # Zero and One tell the structure from a raw token
#: Messages with a token, its field, and what stands in it before NTLM_AUTH.
_TOKENS = (
    ("LinkMacToViewerSecurityChallenge", "pToken", b"\0\0"),
    ("LinkViewerToMacSecurityResponse", "pToken", b"\0\0"),
    ("LinkViewerToMacOpenFile", "tokenData", b""),
)


def check_tokens(tables: Part) -> None:
    """Two is 2, and NTLMTokenSize is no more than what is left of the token."""
    for name, field, prefix in _TOKENS:
        owner = mms.BY_NAME[name]
        rows, _ = tables.kind(owner)
        if len(rows) == 0:
            continue
        raw = tables.raw(owner, owner[field])
        size, left, two = (
            raw.each([parts[i] for parts in (read(value, prefix) for value in raw.values)])
            for i in range(3)
        )
        wanted = _AUTH["Two"]
        at = np.flatnonzero(two != 2)
        tables.add(
            FindingTable.MESSAGES, rows[at], FindingCode.NOT_EQUAL, (_AUTH, "Two"),
            Severity.VIOLATION, two[at], 2, raw.start[at] + len(prefix) + (wanted.offset or 0),
        )  # fmt: skip
        at = np.flatnonzero(size > left)
        place = raw.start[at] + len(prefix) + (_AUTH["NTLMTokenSize"].offset or 0)
        tables.add(FindingTable.MESSAGES, rows[at], FindingCode.COUNT_OVERRUN, (_AUTH,
                   "NTLMTokenSize"), Severity.VIOLATION, size[at], left[at], place)  # fmt: skip


def read(token: bytes, prefix: bytes) -> tuple[int, int, int]:
    """NTLMTokenSize, bytes left for it, and Two; values that break no rule without NTLM_AUTH."""
    body = token[len(prefix) :]
    if not (token.startswith(prefix) and body.startswith(_START) and len(body) >= _AUTH.fixed_size):
        return 0, 0, 2
    size, two = struct.unpack_from("<II", body, 12)
    return size, len(body) - _AUTH.fixed_size, two
