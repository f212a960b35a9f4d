"""TCP connections out of a list of segments, from the rules of decision 0017 alone.

Slow on purpose: bytes in dictionaries, sequence numbers that do not wrap, lists that are searched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.tcp import SILENT, Direction

FIN, SYN, RST, ACK = 1, 2, 4, 16
AHEAD, BACK = 64 << 20, 1 << 30
WRAP = 1 << 32


@dataclass(frozen=True)
class Seen:
    """What a frame shows of a segment; `claim` is its payload as the IP length has it."""

    src: tuple[str, int]
    dst: tuple[str, int]
    scope: Any
    seq: int
    ack: int
    flags: int
    payload: bytes
    claim: int
    checksum: int = SILENT


def signed(number: int) -> int:
    """The difference of two sequence numbers."""
    return (number + WRAP // 2) % WRAP - WRAP // 2


@dataclass
class Side:
    """What one end of a connection sends."""

    isn: int | None = None
    syn: bool = False
    packets: int = 0
    fin: int | None = None
    edge: int | None = None  # behind the highest byte, not wrapped
    first: int | None = None  # the lowest byte
    top: int = 0  # where something stands, or was acknowledged
    shift: int | None = None
    direction: Direction = field(default_factory=lambda: Direction(None))
    claims: list[int] = field(default_factory=list)
    recent: list[tuple[int, bytes]] = field(default_factory=list)
    far: list[Seen] = field(default_factory=list)
    asked_from: int | None = None  # the lowest acknowledgment while nothing is there

    def place(self, seq: int) -> int:
        """A sequence number, not wrapped."""
        near = (self.edge if self.edge is not None else (1 << 40) + seq) % WRAP
        return (self.edge if self.edge is not None else (1 << 40) + seq) + signed(seq - near)

    def is_far(self, seq: int) -> bool:
        """Out of every window."""
        return self.edge is not None and not -BACK <= self.place(seq) - self.edge <= AHEAD

    def near(self, seq: int) -> bool:
        return self.edge is None or abs(self.place(seq) - self.edge) < AHEAD

    def renumbered(self, s: Seen) -> Seen:
        """The segment in the numbers of the stream, where it is of a copy with others."""
        if not self.is_far(s.seq) or s.flags & (SYN | RST):
            return s
        if self.shift is None and len(s.payload) >= 16:
            for at, payload in reversed(self.recent[-64:]):
                if payload == s.payload:
                    self.shift = (s.seq - at) % WRAP
                    break
        if self.shift is not None and not self.is_far((s.seq - self.shift) % WRAP):
            return replace(s, seq=(s.seq - self.shift) % WRAP)
        return s

    def put(self, s: Seen, at: int) -> None:
        """The payload at its place."""
        if s.claim == 0:
            self.top = max(self.top, at)
            return
        self.top = max(self.top, at)
        if s.payload:
            self.direction.segment(at, s.payload, s.checksum)
            self.recent.append((at, s.payload))
        self.claims.append(at + s.claim)
        end = at + len(s.payload)
        self.edge = end if self.edge is None else max(self.edge, end)

    def believe_far(self) -> None:
        """The stream jumped to where those stand that were held."""
        assert self.edge is not None
        for s in self.far:
            self.put(s, self.edge + (s.seq - self.edge) % WRAP)
        self.far = []

    def take(self, s: Seen) -> None:
        """One segment of this connection."""
        s = self.renumbered(s)
        seq = (s.seq + bool(s.flags & SYN)) % WRAP
        if s.flags & SYN and not self.syn and self.edge is None:
            self.edge = self.first = (1 << 40) + seq
            self.direction.base = self.edge
        self.syn |= bool(s.flags & SYN)
        if s.flags & RST and not s.payload:
            return
        if s.claim == 0 and self.edge is None:
            return
        if s.claim and self.is_far(seq):
            last = self.far[-1] if self.far else None
            if last is not None and (last.seq + last.claim) % WRAP != seq:
                self.far = []
            self.far.append(replace(s, seq=seq))
            if len(self.far) == 3:
                self.believe_far()
            return
        if s.claim == 0 and self.is_far(seq):
            return
        at = self.place(seq)
        if s.claim and self.far and (self.edge is None or at + len(s.payload) > self.edge):
            if self.far[0].payload == s.payload:
                self.shift = (self.far[0].seq - seq) % WRAP
            self.far = []
        self.put(s, at)
        if s.flags & FIN and self.fin is None:
            self.fin = at + s.claim

    def acknowledged(self, ack: int, by_copy: bool) -> None:
        """What the other side has; `by_copy`: a copy with other numbers says so."""
        if self.shift is not None and self.is_far(ack):
            ack = (ack - self.shift) % WRAP
        if self.edge is None:
            return
        covers = (
            self.far
            and (ack - self.far[0].seq) % WRAP
            <= (self.far[-1].seq + self.far[-1].claim - self.far[0].seq) % WRAP
        )
        if by_copy and self.shift is None:
            self.far = [] if covers else self.far
        elif covers:
            self.believe_far()
        elif not self.is_far(ack):
            self.top = max(self.top, self.place(ack))

    def result(self) -> tuple[int, list[tuple[int, bytes]], list[tuple[int, int]], int]:
        """(length, runs of bytes, gaps, conflicts)."""
        found = self.direction.bytes
        base = self.direction.base
        if base is None:
            base = min(found, default=0)
        end = max([base, *(place + 1 for place in found)])
        # nothing stands behind a FIN, and what is missing in front of it is a gap
        last = end if self.fin is None else max(end, self.fin)
        claims = [claim for claim in self.claims if claim <= self.top]
        end = max([last, *(claim for claim in claims if self.fin is None or claim <= last)])
        runs: list[tuple[int, bytearray]] = []
        for place in sorted(place for place in found if place >= base):
            if runs and runs[-1][0] + len(runs[-1][1]) == place - base:
                runs[-1][1].append(found[place][0])
            else:
                runs.append((place - base, bytearray([found[place][0]])))
        gaps, at = [], 0
        for start, data in [*runs, (end - base, bytearray())]:
            if start > at:
                gaps.append((at, start - at))
            at = start + len(data)
        return end - base, [(a, bytes(b)) for a, b in runs], gaps, self.direction.conflicts


class Connection:
    """Two sides, and where the connection ends."""

    def __init__(self, s: Seen) -> None:
        self.ends = s.src, s.dst
        self.scopes = [s.scope, s.scope]
        self.sides = Side(), Side()
        self.order: list[int] = []
        self.closed: set[int] = set()
        self.attempt: tuple[int, Seen] | None = None

    def side_of(self, s: Seen) -> int | None:
        """Which side sends the segment, None where it is of another connection."""
        if (s.src, s.dst) == self.ends and s.scope == self.scopes[0]:
            return 0
        if (s.dst, s.src) == self.ends and s.scope == self.scopes[1]:
            return 1
        return None

    def is_closed(self, side: int) -> bool:
        return len(self.closed) == 2 or bool(self.closed and not self.sides[1 - side].packets)

    def take(self, side: int, s: Seen) -> None:
        """One of its segments."""
        mine, peer = self.sides[side], self.sides[1 - side]
        if side not in self.order:
            self.order.append(side)
            mine.isn = s.seq if s.flags & SYN else (s.seq - 1) % WRAP
        mine.packets += 1
        in_stream = mine.renumbered(s)
        near = mine.near(in_stream.seq)
        if s.flags & SYN and not mine.syn:
            mine.isn = s.seq
        if s.flags & FIN and near:
            self.closed.add(side)
        if s.flags & RST and (near or s.seq == 0):
            self.closed = {0, 1}
        known = mine.edge is None or near
        mine.take(s)
        if s.flags & ACK and not s.flags & RST and known:
            peer.acknowledged(s.ack, by_copy=in_stream is not s)

    # ---- where another one begins

    def begins_other(self, side: int, s: Seen) -> str:
        """ "same", "other", or "asked" for a SYN that something has to prove."""
        if s.flags & RST:
            return "same"
        if s.flags & SYN:
            return self.judge_syn(side, s)
        mine = self.sides[side]
        if self.attempt is not None:
            who, kept = self.attempt
            behind = (kept.seq + 1) % WRAP
            number = s.seq if who == side else s.ack
            edge = self.sides[who].edge
            if s.flags & ACK and not (edge is not None and edge % WRAP == behind) \
                    and (number - behind) % WRAP <= kept.claim \
                    and not self.answer_only(who, kept):  # fmt: skip
                return "other"
            if who == side and s.claim and mine.edge is not None and s.seq == mine.edge % WRAP:
                self.attempt = None
        if s.claim and mine.edge is not None and self.is_closed(side):
            if mine.is_far(mine.renumbered(s).seq):
                self.attempt = None
                return "other"
            if mine.fin is not None and not mine.is_far(s.seq) and mine.place(s.seq) > mine.fin + 1:
                self.attempt = None
                return "other"
        return "same"

    def answer_only(self, who: int, kept: Seen) -> bool:
        mine = self.sides[who]
        first = mine.direction.base
        if first is None:
            first = min(mine.direction.bytes, default=None)
        return not mine.syn and first is not None and signed(first - kept.seq - 1) > 0

    def judge_syn(self, side: int, s: Seen) -> str:
        mine, peer = self.sides[side], self.sides[1 - side]
        closed = self.is_closed(side)
        answers = bool(s.flags & ACK)
        if answers and peer.syn and s.ack == (peer.isn + 1) % WRAP:
            return "same"
        if mine.packets and s.seq == mine.isn:
            return "same"
        if self.attempt is not None and self.attempt[0] != side:
            kept = self.attempt[1]
            if (
                answers and not kept.flags & ACK and (s.ack - kept.seq - 1) % WRAP <= kept.claim
            ) or (kept.flags & ACK and not answers and kept.ack == (s.seq + 1) % WRAP):
                return "other"  # fmt: skip
        if mine.edge is None:
            return "other" if (mine.packets or not answers) and closed else "same"
        if not mine.syn:
            first = min(mine.direction.bytes)
            below = signed(first - s.seq - 1)
            if below == 0:
                return "same"
            if 0 < below < AHEAD:
                return "asked"
        if closed:
            return "other"
        if not mine.direction.bytes and not peer.direction.bytes:
            return "same" if answers else "other"
        return "asked"


class Connections:
    """All connections of a capture."""

    def __init__(self) -> None:
        self.open: list[Connection] = []
        self.all: list[tuple[Connection, int]] = []  # flows in order of their first segments

    def segment(self, s: Seen) -> None:
        """The next one of the capture."""
        for c in self.open:
            side = c.side_of(s)
            if side is not None:
                break
        else:
            self.take(*self.paired(s), s)
            return
        verdict = c.begins_other(side, s)
        if verdict == "asked":
            c.attempt = side, s
            c.sides[side].packets += 1
            return
        if verdict == "other":
            c, side = self.begin_behind(c, side, s)
        self.take(c, side, s)

    def begin_behind(self, old: Connection, side: int, s: Seen) -> tuple[Connection, int]:
        """Another connection on the ports of an old one, whose scopes it has."""
        self.open.remove(old)
        if old.attempt is None:
            c, _ = self.begin(s)
            c.scopes[1] = old.scopes[1 - side]
            return c, 0
        who, kept = old.attempt
        c, _ = self.begin(kept)
        c.scopes[1] = s.scope if who != side else old.scopes[1 - side]
        self.take(c, 0, kept)
        return c, int(who != side)

    def begin(self, s: Seen) -> tuple[Connection, int]:
        self.open.append(Connection(s))
        return self.open[-1], 0

    def paired(self, s: Seen) -> tuple[Connection, int]:
        """The newest connection of another scope whose SYN this answers, or a new one."""
        if s.flags & (SYN | ACK) == SYN | ACK:
            for c in reversed(self.open):
                if c.attempt is not None and self.answers_kept(c, s):
                    return self.begin_behind(c, 1 - c.attempt[0], s)
            for c in reversed(self.open):
                mine, peer = c.sides
                if (s.dst, s.src) == c.ends and mine.syn and not peer.packets \
                        and s.ack == (mine.isn + 1) % WRAP:  # fmt: skip
                    c.scopes[1] = s.scope
                    return c, 1
        return self.begin(s)

    @staticmethod
    def answers_kept(c: Connection, s: Seen) -> bool:
        """Is it the answer to a SYN that was kept, whatever the scope?"""
        assert c.attempt is not None
        kept = c.attempt[1]
        return (s.dst, s.src) == (kept.src, kept.dst) and not kept.flags & ACK \
            and s.ack == (kept.seq + 1) % WRAP  # fmt: skip

    def take(self, c: Connection, side: int, s: Seen) -> None:
        if (c, side) not in self.all:
            self.all.append((c, side))
        c.take(side, s)

    def flows(self) -> list[tuple[Any, ...]]:
        """(sender, receiver, length, runs, gaps, conflicts) of each direction."""
        return [
            (*(c.ends if side == 0 else c.ends[::-1]), *c.sides[side].result())
            for c, side in self.all
        ]
