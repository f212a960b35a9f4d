"""What a client makes of Data packets: header, media, and the numbers of what was lost."""

from __future__ import annotations

from collections.abc import Callable

from examples.asf_file import AsfHeader
from examples.mms_link import Data

LAST_FRAGMENT = 0x08
REMEMBERED = 100_000  # sequence numbers of what has not come
FRAGMENTS = 10_000  # of a header
PUSHED = 0xFF  # incarnation of a playlist entry that nobody asked for


class Entry:
    """One ASF file as it arrives: a playlist gives several.

    Attributes
    ----------
    header : bytes or None
        None until all fragments are there.
    packets : dict of int to bytes
        ASF data packets by LocationId.
    """

    def __init__(self, packet_size: int, header_size: int) -> None:
        self.packet_size, self.header_size = packet_size, header_size
        self.fragments: dict[int, Data] = {}
        self.header: bytes | None = None
        self.packets: dict[int, bytes] = {}

    def take_header(self, data: Data) -> None:
        """A fragment of the header."""
        if data.location_id >= FRAGMENTS:
            return
        self.fragments[data.location_id] = data
        count = max(self.fragments) + 1
        if len(self.fragments) == count and self.fragments[count - 1].af_flags & LAST_FRAGMENT:
            self.header = b"".join(self.fragments[i].payload for i in range(count))

    @property
    def streams(self) -> list[int]:
        """Stream numbers in the header."""
        return AsfHeader(self.header or b"").streams

    def flat(self) -> bytes:
        """The file: header, then packets by their numbers, filled up to the packet size."""
        packets = [self.packets[number] for number in sorted(self.packets)]
        return (self.header or b"") + b"".join(p.ljust(self.packet_size, b"\0") for p in packets)


class Receiver:
    """Sorts Data packets by incarnation and counts them by sequence number.

    Parameters
    ----------
    ask_again : callable
        Called with a list of sequence numbers that a gap revealed.

    Attributes
    ----------
    entries : list of Entry
    missing : set of int
        Sequence numbers that have not come.
    recovered, asked, received, octets, pairs : int
    """

    def __init__(self, ask_again: Callable[[list[int]], None]) -> None:
        self.ask_again = ask_again
        self.entries: list[Entry] = []
        self.header_incarnation = self.media_incarnation = 0
        self.pushed = False
        self.last = -1  # highest sequence number, extended to 32 bits
        self.fresh = False  # a Start* was sent, none of its packets has come
        self.missing: set[int] = set()
        self.recovered = self.asked = self.received = self.octets = self.pairs = 0
        self.next_location = 0

    @property
    def entry(self) -> Entry:
        """The file that arrives now."""
        return self.entries[-1]

    def begin_entry(self, packet_size: int, header_size: int, pushed: bool) -> None:
        """A file was opened, or the next one of a playlist begins."""
        self.entries.append(Entry(packet_size, header_size))
        self.pushed = pushed

    def begin_header(self, incarnation: int) -> None:
        """ReadBlock was sent: what came of an earlier one is worth nothing."""
        self.header_incarnation = incarnation & 0xFF
        self.entry.fragments.clear()

    def begin_media(self, incarnation: int) -> None:
        """StartPlaying or StartStriding was sent."""
        self.media_incarnation = incarnation & 0xFF
        self.fresh = True

    def take(self, data: Data) -> None:
        """One Data packet."""
        self.octets += len(data.payload)
        pushed = self.pushed and data.play_incarnation == PUSHED
        if data.is_packet_pair():
            self.pairs += 1
        elif not self.entries:
            return
        elif self.entry.header is None and (
            pushed or data.play_incarnation == self.header_incarnation
        ):
            self.entry.take_header(data)
        elif pushed or data.play_incarnation == self.media_incarnation:
            self.count(data)
            self.received += 1
            self.entry.packets.setdefault(data.location_id, data.payload)
            self.next_location = data.location_id + 1

    def count(self, data: Data) -> None:
        """Follow the sequence numbers, of which AFFlags has the low byte."""
        step = (data.af_flags - self.last + 128) % 256 - 128  # nearest to the last one
        sequence = self.last + step
        if self.fresh and step == 2 and data.af_flags == 0:
            self.last += 1  # after 0xFE a new Start* goes on with 0x00
        self.fresh = False
        if sequence in self.missing:
            self.missing.discard(sequence)
            self.recovered += 1
        if sequence > self.last:
            gap = list(range(self.last + 1, sequence))
            self.last = sequence
            if gap and len(self.missing) < REMEMBERED:
                self.missing.update(gap)
                self.ask_again(gap)
