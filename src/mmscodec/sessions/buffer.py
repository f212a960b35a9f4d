"""The player's buffer, from the send times of ASF packets against their arrival.

ASF packets say when they are to be sent (send time), and the header how much of them a player
collects before it begins (preroll). A player that begins when it has so much needs each packet a
preroll behind its send time; what comes later than that finds an empty buffer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(slots=True)
class BufferLevel:
    """What became of the buffer of one start of playback; times in ns, -1 = not known.

    `reached` is the time from the first packet until the preroll was there; `lowest` the least
    content in the buffer when a packet came after that; `underruns` times it ran empty, for `dry`
    in all, and `late` packets came when they were needed already, had playback never waited.
    """

    reached: int = -1
    lowest: int = -1
    underruns: int = 0
    late: int = 0
    dry: int = 0


def buffer_of(send: np.ndarray, arrival: np.ndarray, preroll: int, ended: bool) -> BufferLevel:
    """Follow the buffer of one start of playback.

    Parameters
    ----------
    send, arrival : numpy.ndarray
        int64, ns, of each packet in order of arrival: its send time, and when it came.
    preroll : int
        ns, more than 0.
    ended : bool
        The server said that this was all: a player begins with less than the preroll then.
    """
    out = BufferLevel()
    if not len(send):
        return out
    content = np.maximum.accumulate(send) - send[0]
    full = int(np.searchsorted(content, preroll))
    if full == len(send):
        if ended:
            out.reached = int(arrival[-1] - arrival[0])
        return out
    begun = int(arrival[full])
    out.reached = begun - int(arrival[0])
    # the time at which playback of the first packet would have to begin for this one to be in time
    delay = arrival[full + 1 :] - (send[full + 1 :] - send[0])
    if not len(delay):
        out.lowest = int(content[full])
        return out
    clock = np.maximum.accumulate(np.concatenate([[begun], delay]))
    slack = clock[:-1] - delay
    empty = slack < 0
    out.underruns = int((empty & ~np.concatenate([[False], empty[:-1]])).sum())
    out.late = int((delay > begun).sum())
    out.dry = int(clock[-1]) - begun
    out.lowest = max(int(slack.min()), 0)
    return out


def content_over_time(send: np.ndarray, arrival: np.ndarray, preroll: int) -> np.ndarray:
    """What the buffer held when each packet came: int64, ns; parameters as in `buffer_of`."""
    if not len(send):
        return np.zeros(0, np.int64)
    content = np.maximum.accumulate(send) - send[0]
    full = int(np.searchsorted(content, preroll))
    if full >= len(send) - 1:
        return content
    behind = slice(full + 1, None)
    delay = arrival[behind] - (send[behind] - send[0])
    clock = np.maximum(np.maximum.accumulate(delay), arrival[full])
    content[behind] -= arrival[behind] - clock
    return content


def together(levels: list[BufferLevel]) -> BufferLevel:
    """Of all starts of a session: sums, the least level, and the first one's preroll."""
    known = [level.lowest for level in levels if level.lowest >= 0]
    return BufferLevel(
        levels[0].reached if levels else -1, min(known, default=-1),
        sum(level.underruns for level in levels), sum(level.late for level in levels),
        sum(level.dry for level in levels),
    )  # fmt: skip
