"""Sessions of every kind, damaged in every way, by one who knows what is intact.

A session is a list of units: what one side sends, packet by packet. Damage is a list of edits of
its bytes; a unit that no edit touches is intact and must come out as a row, and a row that is
neither an intact unit nor begins where a damaged one does was invented.
"""

import random
import struct
from typing import NamedTuple

GUID = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
READ_BLOCK, STARTED, STRIDING, CHANGE = 0x00040011, 0x00040005, 0x0004000A, 0x00040020
PING, END, SWITCH, OPENED = 0x0004001B, 0x0004001E, 0x00040021, 0x00040006


class Unit(NamedTuple):
    data: bytes
    table: str  # "packets" or "data"


class Edit(NamedTuple):
    offset: int
    removed: int
    inserted: bytes


class Damaged(NamedTuple):
    data: bytes
    intact: frozenset[tuple[int, int, str]]  # rows that must come out
    units: frozenset[bytes]  # what was sent
    hurt: dict[int, int]  # where the others begin, and where they end


def text(value: str) -> bytes:
    return value.encode("utf-16-le")


class Sender:
    """One side of a connection: packs messages and Data packets, counts seq and AFFlags."""

    def __init__(self, rng: random.Random, counting: bool = True) -> None:
        self.rng = rng
        self.units: list[Unit] = []
        self.flags = 0
        self.counting = counting

    def send(self, mid: int, body: bytes) -> None:
        size = -(-(len(body) + 8) // 8) * 8
        message = struct.pack("<II", size // 8, mid) + body.ljust(size - 8, b"\0")
        seq = sum(unit.table == "packets" for unit in self.units) & 0xFFFF
        head = struct.pack(
            "<IIIIIHHQ", 1, 0xB00BFACE, size + 16, 0x20534D4D, (size + 16) // 8, seq, 0, seq * 700
        )
        self.units.append(Unit(head + message, "packets"))

    def data(self, location: int, incarnation: int, flags: int, payload: bytes) -> None:
        head = struct.pack(
            "<IBBH", location & 0xFFFFFFFF, incarnation, flags & 255, len(payload) + 8
        )
        self.units.append(Unit(head + payload, "data"))

    def media(self, location: int, incarnation: int, size: int) -> None:
        payload = b"\x82\0\0" + self.rng.randbytes(max(0, size - 3))
        self.data(location, incarnation, self.flags, payload[:size])
        self.flags += self.counting

    def header(self, incarnation: int, size: int = 1456) -> None:
        whole = GUID + self.rng.randbytes(self.rng.randrange(600, 5000))
        parts = [whole[at : at + size] for at in range(0, len(whole), size)]
        for i, part in enumerate(parts):
            self.data(i, incarnation, 0x0C if i == len(parts) - 1 else 0x04, part)

    def ping(self) -> None:
        self.send(PING, bytes(8))

    def answer(self, mid: int, incarnation: int) -> None:
        body = struct.pack("<II", 0, incarnation)
        body += {STARTED: struct.pack("<II12s", 1, 0, bytes(12)), CHANGE: struct.pack(
            "<IIII", 1456, 3000, 200_000, 0)}.get(mid, bytes(4))  # fmt: skip
        self.send(mid, body)


def sizes(rng: random.Random, kind: str) -> int:
    """Payload bytes of the next media packet."""
    if kind == "constant":
        return 1448
    if kind == "small":
        return rng.randrange(8, 200)
    if kind == "mixed":
        return 1448 if rng.random() < 0.7 else rng.randrange(40, 1448)
    return rng.randrange(200, 1449)


def play(
    sender: Sender, way: str, incarnation: int, location: int, count: int, size: str, pings: float
) -> int:
    """`count` Data packets of one way of playing; returns the LocationId behind them."""
    rng = sender.rng
    for _ in range(count):
        sender.media(location, incarnation, sizes(rng, size))
        if way == "rewind":
            location -= 1 if rng.random() < 0.8 else rng.randrange(2, 9)
        elif way == "thinned":
            jump = rng.randrange(20, 900) * rng.choice([1, 1, 1, -1] if pings else [1])
            location = abs(location + jump)
        else:
            location += 1 if rng.random() < 0.9 else rng.randrange(2, 8)
        if rng.random() < pings:
            sender.ping()
    return location & 0xFFFFFFFF


WAYS = ("forward", "rewind", "thinned", "live", "pushed", "seeks", "unannounced")


def server(seed: int, way: str, *, count: int = 60) -> list[Unit]:
    """What a server sends over TCP in one way of playing."""
    rng = random.Random(f"{seed} {way}")
    sender = Sender(rng, counting=rng.random() < 0.7)
    size = rng.choice(["constant", "varying", "small", "mixed"])
    pings = rng.choice([0.0, 0.03, 0.1])
    told = way != "unannounced"
    sender.send(0x00040001, struct.pack("<III", 0, 0xF0F0F0EF, 0x4000B) + rng.randbytes(80))
    sender.send(OPENED, struct.pack("<IIII", 0, 9, 1, 0) + bytes(96))
    incarnation = rng.randrange(1, 9)
    if told:
        sender.answer(READ_BLOCK, incarnation)
    sender.header(incarnation)
    sender.send(SWITCH, bytes(4))
    incarnation = rng.randrange(9, 0xE0)
    location = {"live": rng.randrange(1 << 24, 1 << 31), "rewind": 60_000}.get(way, 0)
    rounds = {"forward": 1, "live": 1}.get(way, 3)
    for turn in range(rounds):
        if told:
            sender.answer(STRIDING if way in ("thinned", "rewind") else STARTED, incarnation)
        location = play(sender, way, incarnation, location, count // rounds, size, pings)
        if way == "pushed":
            sender.send(END, struct.pack("<II", 1, incarnation))
            sender.answer(CHANGE, 0xFF)
            sender.header(0xFF)
            incarnation, location = 0xFF, 0
            told = False
        elif turn < rounds - 1:
            if way in ("seeks", "unannounced"):
                location = rng.randrange(100_000)
            incarnation += 1
    sender.send(END, struct.pack("<II", 0, incarnation))
    return sender.units


def over_udp(seed: int, *, count: int = 80) -> list[Unit]:
    """Datagrams of one stream: some lost, some sent again late."""
    rng = random.Random(f"{seed} udp")
    sender = Sender(rng)
    size = rng.choice(["constant", "varying", "small"])
    for place, payload in ((0xF0F0F000, rng.randbytes(1464)), (0xF0F0F001, rng.randbytes(1464))):
        sender.data(place, 0xFF, 0x10, payload)
    sender.header(2)
    first = len(sender.units)
    play(sender, "forward", 10, rng.randrange(50_000), count, size, 0)
    out, late = sender.units[:first], []
    for unit in sender.units[first:]:
        fate = rng.random()
        if fate < 0.05:
            continue
        if fate < 0.12:
            late.append(unit)
        else:
            out.append(unit)
        if late and rng.random() < 0.2:
            out.append(late.pop(0))
    return out + late


def client(seed: int) -> list[Unit]:
    """What a client sends: control packets full of UTF-16 text."""
    rng = random.Random(f"{seed} client")
    sender = Sender(rng)
    name = "NSPlayer/9.0.0.2980; {68c0a090-8797-11d2-a2b3-00a0c9b60551}; Host: example.org\0"
    sender.send(0x00030001, struct.pack("<III", 0xF0F0F0EF, 0x4000B, 0x3001C) + text(name))
    sender.send(0x00030018, struct.pack("<I", 0xF0F0F0EF))
    funnel = rf"\\192.168.{rng.randrange(256)}.85\TCP\{rng.randrange(1024, 65536)}"
    sender.send(
        0x00030002, struct.pack("<IIIII", 0, 0xFFFFFFFF, 0, 0x989680, 2) + text(funnel + "\0")
    )
    title = "".join(rng.choices("abcdefghij /0123", k=rng.randrange(4, 60)))
    sender.send(0x00030005, struct.pack("<IIII", 9, 0, 0, 0) + text(f"media/{title}.asf\0"))
    sender.send(
        0x00030015, struct.pack("<IIIIIIddII", 1, 0, 0, 0x8000, 0xFFFFFFFF, 0, 0.0, 3600.0, 1, 0)
    )
    for i in range(3):
        sender.send(
            0x00030007, struct.pack("<IIdIIII", 1, 0, rng.random(), 0xFFFFFFFF, 0xFFFFFFFF, 0, i)
        )
        for _ in range(rng.randrange(5)):
            sender.send(0x0003001B, bytes(8))
        sender.send(0x00030009, struct.pack("<II", 1, i))
    return sender.units


def apply(units: list[Unit], edits: list[Edit]) -> Damaged:
    """The stream with ascending, disjoint edits made."""
    whole = b"".join(unit.data for unit in units)
    out, last = bytearray(), 0
    for offset, removed, inserted in edits:
        out += whole[last:offset] + inserted
        last = offset + removed
    out += whole[last:]
    intact, hurt, start = set(), {}, 0
    for data, table in units:
        end = start + len(data)
        shift = sum(len(e.inserted) - e.removed for e in edits if e.offset + e.removed <= start)
        if any(
            (e.offset < end and e.offset + e.removed > start)
            or (e.removed == 0 and start < e.offset < end)
            for e in edits
        ):
            hurt[start + shift] = end + sum(
                len(e.inserted) - e.removed for e in edits if e.offset < end
            )
        else:
            intact.add((start + shift, len(data), table))
        start = end
    sent = frozenset(unit.data for unit in units)
    return Damaged(bytes(out), frozenset(intact), sent, hurt)


def rubbish(rng: random.Random, size: int) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return b"\xff" * size
    if kind == 2:
        return text("Funnel Of The Gods, Windows Media Player " * (size // 40 + 1))[:size]
    return rng.randbytes(size)


def starts(units: list[Unit]) -> list[int]:
    out = [0]
    for unit in units:
        out.append(out[-1] + len(unit.data))
    return out


def chosen(rng: random.Random, units: list[Unit], table: str) -> tuple[int, Unit] | None:
    """Start of a unit of one table, and the unit."""
    places = starts(units)
    found = [i for i, unit in enumerate(units) if unit.table == table]
    if not found:
        return None
    i = rng.choice(found)
    return places[i], units[i]


def number(value: int, size: int) -> bytes:
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def rubbish_in_front(rng, units):
    return [Edit(rng.choice(starts(units)), 0, rubbish(rng, rng.choice([1, 2, 5, 7, 8, 40, 900])))]


def rubbish_inside(rng, units):
    total = starts(units)[-1]
    return [Edit(rng.randrange(total), 0, rubbish(rng, rng.choice([1, 3, 8, 60, 2000])))]


def begun_anywhere(rng, units):
    return [Edit(0, rng.randrange(1, starts(units)[-1]), b"")]


def ended_anywhere(rng, units):
    total = starts(units)[-1]
    at = rng.randrange(1, total)
    return [Edit(at, total - at, b"")]


def bytes_missing(rng, units):
    total = starts(units)[-1]
    at = rng.randrange(total)
    return [Edit(at, min(total - at, rng.choice([1, 2, 4, 7, 8, 30, 400, 3000])), b"")]


def bytes_overwritten(rng, units):
    total = starts(units)[-1]
    at = rng.randrange(total)
    size = min(total - at, rng.choice([1, 8, 50, 1000]))
    return [Edit(at, size, rubbish(rng, size))]


def header_bit(rng, units):
    i = rng.randrange(len(units))
    at = rng.randrange(min(40 if units[i].table == "packets" else 8, len(units[i].data)))
    flipped = bytes([units[i].data[at] ^ 1 << rng.randrange(8)])
    return [Edit(starts(units)[i] + at, 1, flipped)]


def packet_size_lies(rng, units):
    found = chosen(rng, units, "data")
    if found is None:
        return []
    start, unit = found
    size = len(unit.data)
    wrong = rng.choice([
        size + 8, size + 48, size * rng.randrange(2, 70), size ^ 1 << rng.randrange(16),
        rng.randrange(65536), size - rng.randrange(1, 9),
    ])  # fmt: skip
    return [Edit(start + 6, 2, number(wrong, 2))] if wrong & 0xFFFF != size else []


def packet_size_of_many(rng, units):
    """PacketSize that says where a later packet begins."""
    found = [i for i, unit in enumerate(units) if unit.table == "data"]
    if not found:
        return []
    i, places = rng.choice(found), starts(units)
    ends = [end for end in places[i + 2 :] if end - places[i] < 65536]
    if not ends:
        return []
    return [Edit(places[i] + 6, 2, number(rng.choice(ends) - places[i], 2))]


def message_length_lies(rng, units):
    found = chosen(rng, units, "packets")
    if found is None:
        return []
    start, unit = found
    length = len(unit.data) - 16
    wrong = rng.choice([length + 8, length + 48, length * rng.randrange(2, 9), length - 8,
                        length ^ 1 << rng.randrange(32), 8 * rng.randrange(2, 200)])  # fmt: skip
    return [Edit(start + 8, 4, number(wrong, 4))] if wrong != length else []


def chunk_len_lies(rng, units):
    found = chosen(rng, units, "packets")
    if found is None:
        return []
    start, unit = found
    units_of_8 = int.from_bytes(unit.data[32:36], "little")
    wrong = rng.choice([units_of_8 + 1, units_of_8 + 6, 0, units_of_8 ^ 1 << rng.randrange(32)])
    return [Edit(start + 32, 4, number(wrong, 4))] if wrong != units_of_8 else []


DAMAGES = (
    rubbish_in_front, rubbish_inside, begun_anywhere, ended_anywhere, bytes_missing,
    bytes_overwritten, header_bit, packet_size_lies, packet_size_of_many, message_length_lies,
    chunk_len_lies,
)  # fmt: skip


def several(rng, units):
    """Two to four places of damage of any kind, none inside of another."""
    edits = []
    for _ in range(rng.randrange(2, 5)):
        damage = rng.choice([d for d in DAMAGES if d not in (begun_anywhere, ended_anywhere)])
        edits += damage(rng, units)
    edits.sort()
    out: list[Edit] = []
    for edit in edits:
        if not out or edit.offset > out[-1].offset + out[-1].removed:
            out.append(edit)
    return out


def damaged(seed: int, units: list[Unit], damage) -> Damaged:
    return apply(units, damage(random.Random(f"{seed} {damage.__name__}"), units))


class Score(NamedTuple):
    """What a decoder made of a damaged session."""

    found: int
    lost: frozenset[tuple[int, int, str]]
    invented: frozenset[tuple[int, int, str]]
    unsaid: int  # bytes in no row and no fault, but for an unfinished packet at the end


def score(case: Damaged, rows: set, faults: list[tuple[int, int]], consumed: int) -> Score:
    """Rows as {(offset, length, table)}, faults as [(offset, length)]."""
    # what is left of a damaged packet may begin later than it did, but ends where it did
    ends = set(case.hurt.values())
    invented = {
        row
        for row in rows - case.intact
        if row[0] not in case.hurt
        and row[0] + row[1] not in ends
        and case.data[row[0] : row[0] + row[1]] not in case.units
    }
    covered = sorted([(offset, offset + length) for offset, length, _ in rows]
                     + [(offset, offset + length) for offset, length in faults])  # fmt: skip
    unsaid = end = 0
    for first, last in covered:
        unsaid += max(0, first - end)
        end = max(end, last)
    unsaid += max(0, consumed - end)
    return Score(len(rows & case.intact), case.intact - rows, frozenset(invented), unsaid)
