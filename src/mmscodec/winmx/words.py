"""Numbers out of text: queue status, user handles, names of chat rooms."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

STATUS = np.dtype(
    [("number", "<i4"), ("free", "<i4"), ("max", "<i4"), ("queued", "<i4"), ("known", "?")]
)
ADDRESS = np.dtype([("ip", "<u4"), ("port", "<u2"), ("known", "?")])

_NUMBER = re.compile(r"\s*(\d{1,9})(?!\d)")
_WORDS = re.compile(
    r"\s*\d{1,9} (?:(?P<free>\d{1,9}) of (?P<max>\d{1,9}) available"
    r"|(?P<queued>\d{1,9}) in queue \((?P<left>\d{1,9}) of (?P<most>\d{1,9}) available\))\s*"
)
_HANDLE = re.compile(r"(?i)winmx ([0-9a-f]{8})([0-9a-f]{4})")
_ROOM = re.compile(r"(?i).*_([0-9a-f]{8})([0-9a-f]{4})", re.DOTALL)


def texts_of(given: str | bytes | Iterable[str | bytes]) -> list[str]:
    """Several texts without the 00 byte that may end each."""
    several = [given] if isinstance(given, str | bytes) else list(given)
    texts = [item.decode("latin-1") if isinstance(item, bytes) else str(item) for item in several]
    return [text.removesuffix("\0") for text in texts]


def queue_status(texts: str | bytes | Iterable[str | bytes]) -> np.ndarray:
    """The numbers in the text of QueueStatus (0x0384), or of any other queue status.

    Parameters
    ----------
    texts : str, bytes or sequence of those
        As `batch.column("QueueStatus", "status_text")` has them; a 00 byte at the end is allowed.

    Returns
    -------
    numpy.ndarray
        One row a text: number (9000 + free - queued, as sent), free, max, queued <i4, -1 where the
        text does not say; known, True where the text has one of the two forms of the notes. A text
        without a number in front has -1 there.

    Notes
    -----
    Section 8.1. Some clients send free text behind the number.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> winmx.queue_status(["9006 6 of 6 available", "8995 5 in queue (0 of 3 available)"]).tolist()
    [(9006, 6, 6, 0, True), (8995, 0, 3, 5, True)]
    """
    rows: list[tuple[int, int, int, int, bool]] = []
    for text in texts_of(texts):
        number = _NUMBER.match(text)
        first = int(number[1]) if number else -1
        words = _WORDS.fullmatch(text)
        if words is None:
            rows.append((first, -1, -1, -1, False))
        elif words["queued"] is None:
            rows.append((first, int(words["free"]), int(words["max"]), 0, True))
        else:
            left, most, queued = (int(words[n]) for n in ("left", "most", "queued"))
            rows.append((first, left, most, queued, True))
    return np.array(rows, STATUS)


def handle_addresses(handles: str | bytes | Iterable[str | bytes]) -> np.ndarray:
    """Address and UDP port of the primary in user handles such as `WinMX b8a1797a1871`.

    Parameters
    ----------
    handles : str, bytes or sequence of those
        As `batch.column(name, "user_handle")` has them.

    Returns
    -------
    numpy.ndarray
        One row a handle: ip <u4 (octets in network order, as `addresses` takes them), port <u2,
        known (False where the text is no handle: ip and port are 0).

    Notes
    -----
    Section 2.2: eight hexadecimal digits of the address as a little-endian number, then four of
    the UDP port; upper and lower case mean the same.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> found = winmx.handle_addresses("WinMX b8a1797a1871")
    >>> winmx.addresses(found).tolist(), found["port"].tolist()
    (['122.121.161.184'], [6257])
    """
    return hexadecimal(_HANDLE, handles)


def room_addresses(names: str | bytes | Iterable[str | bytes]) -> np.ndarray:
    """Address and TCP port of the host of chat rooms, from names such as `Room_E94AB3E4DAD0`.

    Parameters
    ----------
    names : str, bytes or sequence of those
        As `batch.column("RoomListEntry", "room_name")` has them.

    Returns
    -------
    numpy.ndarray
        As of `handle_addresses`.

    Notes
    -----
    Section 2.2.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> found = winmx.room_addresses("Room_E94AB3E4DAD0")
    >>> winmx.addresses(found).tolist(), found["port"].tolist()
    (['228.179.74.233'], [56016])
    """
    return hexadecimal(_ROOM, names)


def hexadecimal(form: re.Pattern, texts: str | bytes | Iterable[str | bytes]) -> np.ndarray:
    """Addresses of texts that have this form."""
    rows = []
    for text in texts_of(texts):
        found = form.fullmatch(text)
        if found is None:
            rows.append((0, 0, False))
            continue
        octets = bytes.fromhex(found[1])
        rows.append((int.from_bytes(octets, "little"), int(found[2], 16), True))
    return np.array(rows, ADDRESS)
