"""The two authentication schemes of MMS ([MS-MMSP] 3.1.5.8, 3.2.5.6), for both sides.

The NTLM tokens here have the shape of NTLM ("NTLMSSP", a type, a body) and carry a name in the
clear: enough to exercise three legs and both wrappings, no security whatever.
"""

from __future__ import annotations

import base64
import struct

from mmscodec import mms

SIGNATURE = b"NTLMSSP\0"


def basic_credentials(user: str, password: str) -> bytes:
    """Basic credentials as SecurityResponse and OpenFile carry them."""
    return base64.b64encode(f"{user}:{password}".encode()) + b"\0"


def basic_challenge(realm: str) -> bytes:
    """Challenge of the Basic scheme."""
    return f'realm="{realm}"\0'.encode("utf-16-le")


def ntlm_token(kind: int, body: str = "") -> bytes:
    """A token of type 1 (negotiate), 2 (challenge) or 3 (authenticate)."""
    return SIGNATURE + struct.pack("<I", kind) + body.encode("utf-16-le")


def wrapped(token: bytes, in_structure: bool) -> bytes:
    """A token as pToken holds it: two zero bytes, then the token, plain or inside NTLM_AUTH."""
    return b"\0\0" + (mms.encode("NTLM_AUTH", ntlm_token=token) if in_structure else token)


def unwrapped(p_token: bytes) -> tuple[bytes, bool]:
    """The token of a pToken, and whether it stood inside NTLM_AUTH."""
    token = p_token[2:]
    if token[:8] == struct.pack("<II", 0, 1):
        return token[24 : 24 + struct.unpack_from("<I", token, 12)[0]], True
    return token, False


class Guard:
    """The server's side for one connection: `judge` each token a client sends.

    Parameters
    ----------
    scheme : {"BASIC", "NTLM"}
    user, password : str
    """

    def __init__(self, scheme: str, user: str, password: str) -> None:
        self.scheme, self.user, self.password = scheme, user, password
        self.refusals = 0

    def judge(self, token: bytes | None) -> bytes | None:
        """None if the client may come in, else the next challenge.

        Raises
        ------
        PermissionError
            After the third set of wrong credentials.
        """
        if self.scheme == "BASIC":
            if token == basic_credentials(self.user, self.password):
                return None
            if token:
                self.refuse()
            return basic_challenge("examples")
        inner, in_structure = unwrapped(token or b"")
        if inner.startswith(ntlm_token(1)):
            return wrapped(ntlm_token(2, "challenge"), in_structure)
        if inner == ntlm_token(3, f"{self.user}:{self.password}"):
            return None
        if inner:
            self.refuse()
        return b"\0\0"

    def refuse(self) -> None:
        """Count wrong credentials."""
        self.refusals += 1
        if self.refusals == 3:
            raise PermissionError


def answer(challenge: bytes, user: str, password: str, in_structure: bool = False) -> bytes:
    """The client's side: what to put into SecurityResponse.

    `in_structure` wraps the first NTLM token into NTLM_AUTH; later ones mirror the server.
    """
    if challenge[:2] != b"\0\0":
        return basic_credentials(user, password)
    if challenge == b"\0\0":
        return wrapped(ntlm_token(1), in_structure)
    _, in_structure = unwrapped(challenge)
    return wrapped(ntlm_token(3, f"{user}:{password}"), in_structure)
