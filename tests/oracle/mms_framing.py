"""Framing of a damaged MMS stream from the rules of docs/decisions/0022 alone.

Slow and whole: it sees all bytes at once, so that nothing waits and nothing is kept. The kernels
must give the same rows and the same stretches of faults, however a stream is cut.
"""

import struct
from typing import NamedTuple

SESSION_ID, SEAL, RESEND = 0xB00BFACE, 0x20534D4D, 0xBEEFF00D
GUID = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
#: Answers that name an incarnation, and the least bytes of each
ANNOUNCING = {0x00040011: 20, 0x00040005: 36, 0x0004000A: 20, 0x00040020: 32}
HEADER_FLAGS = (0x00, 0x04, 0x08, 0x0C)
NEAR, FAR, SMALL = 4096, 65536, 1 << 24
NO_LOCATION = 0xFFFF0000
PLAIN_STEP, HOPS, LOOK_AHEAD, SMALL_PACKET = 64, 8, 3 << 16, 72


class Head(NamedTuple):
    """The eight bytes of a Data packet."""

    location: int
    incarnation: int
    flags: int
    size: int


def step(a: Head, b: Head) -> int:
    """LocationId from one to the other, as a signed number."""
    return (b.location - a.location + (1 << 31)) % (1 << 32) - (1 << 31)


def counted_on(a: Head, b: Head) -> bool:
    """The same play, and AFFlags that count, stand still, or are those of header fragments."""
    if a.incarnation != b.incarnation or not 0 < abs(step(a, b)) < FAR:
        return False
    if (b.flags - a.flags) % 256 in (0, 1):
        return True
    return step(a, b) == 1 and a.flags in HEADER_FLAGS and b.flags in HEADER_FLAGS


def linked(a: Head, b: Head) -> bool:
    return counted_on(a, b) or (a.incarnation == b.incarnation and 0 < abs(step(a, b)) <= NEAR)


def plain(a: Head, b: Head) -> bool:
    """Just like the one before."""
    return a.incarnation == b.incarnation and a.size == b.size and 0 < abs(step(a, b)) <= PLAIN_STEP


def same_count(a: Head, b: Head) -> bool:
    """Right behind, or next to right behind where AFFlags prove that nothing is between."""
    reach = PLAIN_STEP if (b.flags - a.flags) % 256 == 1 else 1
    return counted_on(a, b) and abs(step(a, b)) <= reach


def is_pair(d: Head) -> bool:
    return d.location >> 1 == 0xF0F0F000 >> 1 and d.incarnation == 0xFF and d.flags == 0x10


def is_last_fragment(d: Head) -> bool:
    """Of an ASF header, by its small number and its flags."""
    return d.location < 256 and d.flags in (0x08, 0x0C)


def is_text(d: Head) -> bool:
    """Four characters of UTF-16 text make up this header."""
    low = [d.location & 0xFFFF, d.location >> 16, d.incarnation | d.flags << 8, d.size]
    return all(0x20 <= unit < 0x7F for unit in low)


class Framing:
    """Rows of one stream: `packets`, `data` and `faults` as (offset, length)."""

    def __init__(
        self, data: bytes, *, udp: bool = False, max_packet: int = 16 << 20, client: bool = False
    ) -> None:
        self.data = bytes(data)
        self.end = len(data)
        self.udp = udp
        self.max_packet = max_packet
        self.packets: list[tuple[int, int]] = []
        self.media: list[tuple[int, int]] = []
        self.faults: list[tuple[int, int]] = []
        self.last: Head | None = None
        self.largest = 0
        self.announced: set[int] = set()
        self.awaited = 0
        self.header_incarnation = self.header_next = 0
        self.header_open = False
        self.fresh = True
        self.client = client
        self.wall = 0  # where a packet begins for certain while a search goes on in front of it
        self.senders: set[int] = set()  # upper halves of MIDs, 4 for Data packets
        self.consumed = self.run()

    # what stands somewhere

    def u32(self, at: int) -> int:
        return struct.unpack_from("<I", self.data, at)[0]

    def head(self, at: int) -> Head | None:
        """A Data header that can be one."""
        if at + 8 > self.end:
            return None
        d = Head(*struct.unpack_from("<IBBH", self.data, at))
        return d if d.incarnation and d.size >= 8 else None

    def signed(self, at: int) -> bool:
        """sessionId and seal, as far as they are there."""
        if at + 8 > self.end or self.u32(at + 4) != SESSION_ID:
            return False
        return at + 16 > self.end or self.u32(at + 12) == SEAL

    def sound(self, at: int) -> int:
        """Bytes of the TcpMessageHeader packet at `at` if its lengths can be true, else 0."""
        if not self.signed(at):
            return 0
        if at + 16 > self.end:
            return 32
        length = self.u32(at + 8)
        if length < 16 or length % 8 or length + 16 > self.max_packet:
            return 0
        if length > 16 and at + 36 <= self.end and not 0 < self.u32(at + 32) <= (length - 16) // 8:
            return 0
        return length + 16

    def is_header(self, at: int, d: Head) -> bool:
        return d.location == 0 and d.size >= 24 and self.data[at + 8 : at + 24] == GUID

    def known(self, d: Head) -> bool:
        """A server's answer named its incarnation."""
        return d.incarnation in self.announced and (
            d.location < SMALL or d.incarnation == self.awaited
        )

    def resend(self, at: int) -> int:
        if not self.udp or at + 12 > self.end or self.u32(at) != RESEND:
            return 0
        return 12 + 4 * struct.unpack_from("<H", self.data, at + 10)[0]

    def border(self, at: int) -> bool:
        """May a packet begin here, by its header and what came before?"""
        if self.end - at < 16 or self.signed(at) or self.resend(at):
            return True
        d = self.head(at)
        return d is not None and not self.client and self.expected(at, d)

    def expected(self, at: int, d: Head) -> bool:
        if is_pair(d) or self.is_header(at, d) or self.known(d):
            return True
        return self.last is not None and linked(self.last, d)

    # rule 3: a header that needs no border in front of it

    def proven(self, at: int, last: Head | None) -> bool:
        if at + 8 > self.end:
            return False
        if self.sound(at):
            return True
        resend = self.resend(at)
        if resend and at + resend <= self.end:
            return True
        return self.proven_data(at, last)

    def proven_data(self, at: int, last: Head | None) -> bool:
        d = self.head(at)
        if d is None or d.size < 9 or d.location >= NO_LOCATION or self.client:
            return False
        if is_pair(d) or (last is not None and plain(last, d)) or self.is_header(at, d):
            return True
        related = last is not None and linked(last, d)
        told = related or self.known(d) or is_last_fragment(d)
        alone = self.fresh and d.location < SMALL  # nothing is known yet that it could relate to
        return not is_text(d) and self.chain(at, last, told, alone, True)

    def proven_inside(self, at: int, d: Head, limit: int, wide: bool) -> bool:
        """Is this header better than the size of the Data packet `d` around it?"""
        if at + 8 > self.end:
            return False
        total = self.sound(at)
        if total:
            return self.goes_on(at + total, d)
        inside = self.head(at)
        if inside is None or inside.size < 9 or inside.location >= NO_LOCATION:
            return False
        if not linked(d, inside):
            return wide and (
                self.is_header(at, inside) or (not is_text(inside) and self.chain(at, None))
            )
        if at + inside.size == limit:
            return True
        return not is_text(inside) and self.chain(at, d, counted_on(d, inside))

    def goes_on(self, at: int, last: Head) -> bool:
        """What stands behind a TcpMessageHeader packet found inside of a Data packet."""
        if self.wall and at >= self.wall:
            return at == self.wall
        if at >= self.end - 7:
            return at == self.end
        if self.signed(at):
            return True
        d = self.head(at)
        if d is None or linked(last, d) or self.known(d) or self.is_header(at, d):
            return d is not None
        return not is_text(d) and self.chain(at, None)

    def chain(
        self, at: int, last: Head | None, told: bool = False, alone: bool = False,
        cross: bool = False,
    ) -> bool:  # fmt: skip
        """Does what stands behind prove the Data packet at `at`?"""
        d = first = self.head(at)
        begin, links, crossed = at, 0, 0
        at += d.size
        for _ in range(HOPS):
            if at - begin > LOOK_AHEAD:
                return False
            if self.wall and at >= self.wall:
                return at == self.wall and (links > 0 or told)
            if at > self.end - 8:
                if links > 0 or (alone and crossed > 0):
                    return True
                if at == self.end:
                    return told
                return last is not None and linked(last, first) and first.size <= self.largest
            total = self.sound(at)
            if total:
                if links or told:
                    return True
                crossed += 1
                at += total
                continue
            later = self.head(at)
            if later is None:
                return False
            if not linked(d, later):
                if told and cross:
                    return self.chain(at, None)
                return alone and crossed > 0 and (later.flags - d.flags) % 256 in (0, 1)
            links += 1
            if links == 2 or told or crossed:
                return True
            d = later
            at += d.size
        return alone and crossed > 0

    def search(self, start: int, except_at: int = -1, stop: int | None = None) -> int:
        """The first proven header from `start` on, or the end."""
        stop = self.end if stop is None else stop
        for at in range(start, stop):
            if at != except_at and self.proven(at, self.last):
                return at
        return stop

    # rule 2: a Data packet where a packet has to begin

    def judge_data(self, at: int) -> tuple[str, int]:
        """("row", 0), ("tail", 0), or ("fault", where to go on)."""
        d = self.head(at)
        refused = "fault", 0
        if d is None or self.client:
            return refused
        sure = self.last is not None and linked(self.last, d)
        if not sure and d.size >= 16 and at + 16 <= self.end and self.u32(at + 12) == SEAL \
                and self.u32(at + 8) >= 16 and self.u32(at + 8) % 8 == 0:  # fmt: skip
            return refused
        sure = sure or self.expected(at, d) or self.next_fragment(d)
        if self.senders == {3} and not self.proven_data(at, None):
            return refused
        end = at + d.size
        back, limit = self.behind(at, d, sure) if end <= self.end else ("anchor", self.end)
        if back == "proves":
            return "row", 0
        if back == "none" and not sure:
            return refused
        self.wall = limit if end <= self.end and back == "anchor" else 0
        if sure:
            wide = back == "none" or d.size > self.largest
            found = next((place for place in range(at + 1, limit)
                          if self.proven_inside(place, d, limit, wide)), limit)  # fmt: skip
        else:
            found = self.search(at + 1, end, limit)
        self.wall = 0
        if found < limit:
            return "fault", found
        if end <= self.end:
            return "row", 0
        return ("tail", 0) if sure or (d.location < SMALL and not is_text(d)) else refused

    def next_fragment(self, d: Head) -> bool:
        return (
            self.header_open and d.incarnation == self.header_incarnation
            and d.location == self.header_next
        )  # fmt: skip

    def behind(self, at: int, d: Head, sure: bool) -> tuple[str, int]:
        """What the bytes behind say: proves, anchor or none; how far to look for a better one."""
        place = at + d.size
        alike = self.last is not None and plain(self.last, d)
        anchor = "proves" if alike else "anchor"
        if place > self.end - 8 or self.resend(place):
            return anchor, place
        swallowed = self.small_packet_before(at + 8, place)
        if self.signed(place):
            counts = self.next_data_counts(place, d) and not swallowed
            return ("proves" if counts else anchor), place
        later = self.head(place)
        if later is None:
            return "none", place
        if same_count(d, later) and (alike or not swallowed):
            return "proves", place
        if linked(d, later) or self.expected(place, later):
            return anchor, place
        return ("none", place) if sure else self.tiles(place, later)

    def next_data_counts(self, at: int, d: Head) -> bool:
        """Is the next Data packet behind TcpMessageHeader packets the one right behind `d`?"""
        begin = at
        for _ in range(HOPS):
            if at - begin > LOOK_AHEAD or at > self.end - 8:
                return False
            total = self.sound(at)
            if not total:
                later = self.head(at)
                return later is not None and same_count(d, later)
            at += total
        return False

    def small_packet_before(self, start: int, stop: int) -> bool:
        """Does a small packet end at `stop`, in a payload that is more than such packets?"""
        if stop - start < 32 or self.signature(start):
            return False
        return any(
            stop - size >= start and self.signature(stop - size)
            and self.u32(stop - size + 8) == size - 16
            for size in range(32, SMALL_PACKET + 1, 8)
        )  # fmt: skip

    def signature(self, at: int) -> bool:
        return self.u32(at + 4) == SESSION_ID and self.u32(at + 12) == SEAL

    def tiles(self, place: int, later: Head) -> tuple[str, int]:
        """An unknown packet behind an unknown one: do they tile up to something known?"""
        if self.proven(place, None):
            return "anchor", place
        limit = place + later.size
        if limit > self.end - 8:
            return ("anchor" if limit == self.end else "none"), limit
        if self.signed(limit):
            return "anchor", limit
        after = self.head(limit)
        if after is not None and self.last is not None and linked(self.last, after):
            return "anchor", limit
        return "none", place

    # rule 1: a TcpMessageHeader

    def judge_packet(self, at: int) -> tuple[str, int]:
        length = self.u32(at + 8)
        refused = "fault", 0
        if length < 16 or length % 8 or length + 16 > self.max_packet:
            return refused
        total = length + 16
        end = min(at + total, self.end)
        inside = self.header_inside(at + 16, end)
        place, broken, strange, messages = 32, False, False, []
        while place < total and at + place + 8 <= self.end:
            size, mid = self.u32(at + place) * 8, self.u32(at + place + 4)
            if mid == SESSION_ID and (inside is None or inside >= at + place):
                return refused  # the next packet begins here
            fits = mid != SESSION_ID and 0 < size <= total - place
            if fits and at + place + size > self.end:
                break
            if (not fits or mid >> 16 not in (3, 4)) and self.is_next_data(at + place):
                return refused  # here too
            if not fits:
                broken = True
                break
            strange |= mid >> 16 not in (3, 4)
            messages.append((mid, at + place))
            place += size
        if at + total > self.end:
            return refused if broken or inside is not None else ("tail", 0)
        if (broken or strange or inside is not None) and not self.border(at + total):
            return refused
        for mid, where in messages:
            self.message(mid, where)
        if broken:
            self.faults.append((at + place, total - place))
        return "row", total

    def is_next_data(self, at: int) -> bool:
        """Does the Data packet that was to be expected stand where a message should?"""
        d = self.head(at)
        if d is None or self.client:
            return False
        return is_pair(d) or self.known(d) or (self.last is not None and linked(self.last, d))

    def header_inside(self, start: int, end: int) -> int | None:
        """Where another TcpMessageHeader begins before `end`; of one that reaches beyond, more than
        the first four bytes, or they are those that such a header begins with."""
        found = self.data.find(struct.pack("<I", SESSION_ID), start + 4)
        while found >= 0 and found - 4 < end:
            place = found - 4
            seen = self.data[place : min(end, place + 3)]
            if self.signed(place) and (end - place > 4 or seen == b"\1\0\0"[: len(seen)]):
                return place
            found = self.data.find(struct.pack("<I", SESSION_ID), found + 1)
        return None

    def message(self, mid: int, at: int) -> None:
        size = self.u32(at) * 8
        if 4 not in self.senders:
            self.senders |= {mid >> 16} & {3, 4}
        if size >= ANNOUNCING.get(mid, 1 << 32):
            self.awaited = self.data[at + 12]
            self.announced.add(self.awaited)

    # the loop

    def run(self) -> int:
        at = 0
        while self.end - at >= 8:
            resend = self.resend(at)
            if self.u32(at + 4) == SESSION_ID and self.end - at < 16:
                return at
            if self.signed(at):
                answer, where = self.judge_packet(at)
                if answer == "row":
                    self.packets.append((at, where))
                    self.fresh = False
                    at += where
                    continue
            elif self.u32(at + 4) == SESSION_ID and self.u32(at) & 0xFFFFFF == 1:
                answer, where = "fault", 0  # a TcpMessageHeader, but for its seal
            elif self.udp and self.u32(at) == RESEND:
                if resend == 0 or at + resend > self.end:
                    return at
                self.fresh = False
                at += resend
                continue
            else:
                answer, where = self.judge_data(at)
                if answer == "row":
                    at = self.take(at)
                    continue
            if answer == "tail":
                return at
            if where == 0:
                where = self.search(at + 1)
            self.faults.append((at, where - at))
            at = where
        return at

    def take(self, at: int) -> int:
        d = self.head(at)
        self.media.append((at, d.size))
        self.senders.add(4)
        if is_pair(d):
            return at + d.size
        if self.is_header(at, d):
            self.header_open, self.header_incarnation, self.header_next = True, d.incarnation, 0
        if self.header_open and d.incarnation == self.header_incarnation:
            if d.location == self.header_next:
                self.header_next += 1
                self.header_open = not d.flags & 0x08
            else:
                self.header_open = False
        self.fresh = False
        self.last = d
        self.awaited = 0 if d.incarnation == self.awaited else self.awaited
        self.largest = max(self.largest, d.size)
        return at + d.size
