"""A capture of many sessions with many messages, made of one by changing its port and times."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.capture import build
from tests.sessions.play import START, Play

_ETHERNET, _IP = 14, 20
_STEP = 4_000_000_000  # ns between the starts of two sessions


def one(messages: int) -> list[tuple[int, str, bytes]]:
    """Frames of a session of so many messages: (ns, who sends it, bytes)."""
    play = Play(port=20_000).open().connect()
    play.say("LinkViewerToMacOpenFile", file_name="clip.wmv", play_incarnation=9)
    while sum(play.count.values()) < messages:
        play.say("LinkMacToViewerPing")
        if sum(play.count.values()) < messages:
            play.say("LinkViewerToMacPong")
    play.close()
    return [(ms * 1_000_000, who, frame) for ms, who, _, frame in play.frames]


def write(path: Path, sessions: int, messages: int) -> None:
    """A pcap of nanoseconds with `sessions` sessions of `messages` messages each."""
    parts, times, ports, at = [], [], [], 0
    for ns, who, frame in one(messages):
        parts.append(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        times.append((at, ns))
        ports.append(at + 16 + _ETHERNET + _IP + (0 if who == "c" else 2))
        at += len(parts[-1])
    raw = np.frombuffer(b"".join(parts), np.uint8)
    places, offsets = np.array(times).T
    with path.open("wb") as file:
        file.write(build.pcap_header(magic=build.NANO))
        for session in range(sessions):
            here = raw.copy()
            moments = START + session * _STEP + offsets
            stamp = np.stack([moments // 10**9, moments % 10**9], 1).astype("<u4").view(np.uint8)
            here[places[:, None] + np.arange(8)] = stamp.reshape(-1, 8)
            port = np.frombuffer((20_000 + session).to_bytes(2, "big"), np.uint8)
            here[np.array(ports)[:, None] + np.arange(2)] = port
            file.write(here)
