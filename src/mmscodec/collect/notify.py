"""Words to systemd: one datagram each, where it said that it listens."""

from __future__ import annotations

import os
import socket


def notify(words: str) -> None:
    """READY=1, STOPPING=1, WATCHDOG=1 and the like; nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address[0] == "@":
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(words.encode(), address)
    except OSError:
        pass  # a service that cannot say that it is well goes on
