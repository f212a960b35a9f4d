import struct

import numpy as np
import pytest

from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.mapped import MemorySource, Source
from mmscodec.schema.faults import FaultCode
from tests.capture import build

FRAMES = build.frames(6)
FILES = build.files(FRAMES)


class Pieces(Source):
    """A source that shows the stream grown by a few bytes each time it is asked."""

    def __init__(self, data, step):
        self.data, self.step, self.end = data, step, 0

    def window(self, position, need):
        self.end = min(max(self.end + self.step, position + 1), len(self.data))
        return self.data[position : self.end], position, self.end == len(self.data)

    def mapping(self):
        return self.data, 0


def walk(data):
    walker = RecordReader(MemorySource(data))
    return walker, walker.rows()


def frames_of(data, rows):
    return [
        (int(row["time"]), bytes(data[row["position"] :][: row["caplen"]]), int(row["wire_len"]))
        for row in rows
    ]


def codes(walker):
    return [FaultCode(code).name for code in walker.faults["code"].tolist()]


def expected(items):
    return [build.parts(item) for item in items]


@pytest.mark.parametrize("name", FILES)
def test_every_variant_gives_the_same_frames(name):
    walker, rows = walk(FILES[name])
    assert frames_of(FILES[name], rows) == expected(FRAMES)
    assert len(walker.faults) == 0
    assert set(rows["linktype"].tolist()) == {1}
    assert walker.format == ("pcapng" if "pcapng" in name else "pcap")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_stream_in_pieces_gives_the_same_rows(name, step):
    whole = walk(FILES[name])[1]
    walker = RecordReader(Pieces(FILES[name], step))
    assert np.array_equal(walker.rows(), whole)
    assert len(walker.faults) == 0


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_gives_the_whole_records_and_one_fault(name):
    data = FILES[name]
    rows = walk(data)[1]
    ends = (rows["position"] + rows["caplen"]).tolist()
    borders = borders_of(data)
    for cut in range(len(data)):
        walker, some = walk(data[:cut])
        if "pcapng" not in name:
            assert len(some) == sum(end <= cut for end in ends), cut
        assert np.array_equal(some, rows[: len(some)]), cut
        assert codes(walker) == ([] if cut in borders else ["FILE_TRUNCATED"]), cut
        pieces = RecordReader(Pieces(data[:cut], 11))
        assert np.array_equal(pieces.rows(), some), cut
        assert np.array_equal(pieces.faults, walker.faults), cut


def borders_of(data):
    """Where a file may end without harm."""
    at, found = 0, []
    pcap = True
    while at < len(data):
        word = data[at : at + 4]
        if word == b"\n\r\r\n":
            pcap, order = False, "<" if data[at + 8] == 0x4D else ">"
        elif word in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d", b"\xa1\xb2\xcd\x34"):
            pcap, order, head = True, ">", 24 if word[2] == 0xCD else 16
            at += 24
            found.append(at)
            continue
        elif word[::-1] in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d", b"\xa1\xb2\xcd\x34"):
            pcap, order, head = True, "<", 24 if word[1] == 0xCD else 16
            at += 24
            found.append(at)
            continue
        if pcap:
            a, b = struct.unpack(order + "II", data[at + 8 : at + 16])
            at += head + min(a, b)
        else:
            at += struct.unpack(order + "I", data[at + 4 : at + 8])[0]
        found.append(at)
    return found


def test_an_empty_file_is_reported():
    walker, rows = walk(b"")
    assert len(rows) == 0
    assert codes(walker) == ["FILE_TRUNCATED"]


@pytest.mark.parametrize(
    "magic", [0xA1B234CD, 0xA12B3C4D, 0xA1B2C3CB, 0x12345678], ids=lambda m: f"{m:x}"
)
def test_other_magics_are_refused(magic):
    walker, rows = walk(struct.pack("<I", magic) + bytes(100))
    assert len(rows) == 0
    assert codes(walker) == ["UNKNOWN_STRUCTURE"]
    assert walker.faults["length"].tolist() == [104]


@pytest.mark.parametrize("version", [(2, 5), (3, 0), (1, 4), (0, 0), (65535, 65535)])
def test_other_pcap_versions_are_refused(version):
    walker, rows = walk(build.pcap(FRAMES, version=version))
    assert len(rows) == 0
    assert codes(walker) == ["UNKNOWN_STRUCTURE"]


def test_flags_of_the_link_type_are_masked_and_kept():
    walker, rows = walk(build.pcap(FRAMES, linktype=0x30000001))
    assert set(rows["linktype"].tolist()) == {1}
    assert walker.interfaces[0]["link_flags"] == 0x30000000


def test_old_versions_have_both_lengths_swapped():
    items = [(10**18, b"x" * 40, 1500)]
    for version in ((2, 0), (2, 2), (2, 3), (543, 0)):
        data = build.pcap_header(version=version) + build.pcap_record(
            items[0], swapped_lengths=True
        )
        assert frames_of(data, walk(data)[1]) == items


def test_a_record_longer_than_the_snap_length_is_kept_whole():
    items = [(10**18 + i, b"y" * 200) for i in range(3)]
    data = build.pcap(items, snaplen=68)
    walker, rows = walk(data)
    assert rows["caplen"].tolist() == [200] * 3
    assert len(walker.faults) == 0


@pytest.mark.parametrize("snaplen", [0, 1, 2**31, 2**32 - 1])
def test_absurd_snap_lengths_do_no_harm(snaplen):
    data = build.pcap(FRAMES, snaplen=snaplen)
    assert frames_of(data, walk(data)[1]) == expected(FRAMES)


def test_odd_times_are_kept_as_they_are():
    head = build.pcap_header()
    cases = [(2**32 - 1, 999_999), (2**31, 0), (5, 1_000_000), (5, 2**32 - 1), (0, 0)]
    data = head + b"".join(struct.pack("<IIII", s, u, 4, 4) + b"abcd" for s, u in cases)
    walker, rows = walk(data)
    assert rows["time"].tolist() == [s * 10**9 + u * 1000 for s, u in cases]
    assert len(walker.faults) == 0


def test_empty_and_cut_frames_are_good_records():
    items = [(10**18, b"", 0), (10**18, b"", 60), (10**18, b"ab", 60), (10**18, b"abc", 1)]
    data = build.pcap(items)
    walker, rows = walk(data)
    assert frames_of(data, rows) == items
    assert len(walker.faults) == 0


# ---- damage in pcap


@pytest.mark.parametrize("caplen", [0x7FFFFFFF, 0xFFFFFFFF, 262145, 10**6])
@pytest.mark.parametrize("place", [0, 3, 39])
def test_a_damaged_record_costs_itself_only(caplen, place):
    items = build.frames(40)
    data = bytearray(build.pcap(items))
    rows = walk(bytes(data))[1]
    at = int(rows["position"][place]) - 16
    data[at + 8 : at + 12] = struct.pack("<I", caplen)
    walker, some = walk(bytes(data))
    assert np.array_equal(some, np.delete(rows, place))
    fault = walker.faults[0]
    assert (fault["offset"], fault["length"]) == (at, 16 + rows["caplen"][place])
    pieces = RecordReader(Pieces(bytes(data), 13))
    assert np.array_equal(pieces.rows(), some)
    assert np.array_equal(pieces.faults, walker.faults)


def test_a_captured_length_off_by_a_few_costs_one_record():
    items = build.frames(40)
    good = build.pcap(items)
    rows = walk(good)[1]
    for wrong in (-1, 1, 5, 700):
        data = bytearray(good)
        at = int(rows["position"][10]) - 16
        caplen = int(rows["caplen"][10]) + wrong
        data[at + 8 : at + 12] = struct.pack("<I", caplen)
        walker, some = walk(bytes(data))
        lost = [row for row in rows.tolist() if row not in some.tolist()]
        assert len(lost) <= 1 + (wrong == 700) * 10, wrong
        assert all(row in rows.tolist() for row in some.tolist()), wrong
        assert codes(walker) == ["BAD_RECORD"]


def test_garbage_between_records_is_skipped():
    items = build.frames(40)
    rng = np.random.default_rng(3)
    for size in (1, 15, 16, 100, 5000):
        noise = rng.bytes(size)
        data = build.pcap(items[:20]) + noise + build.pcap(items[20:])[24:]
        walker, rows = walk(data)
        got = frames_of(data, rows)
        assert [item for item in got if item in expected(items)] == expected(items), size
        assert len(got) - len(items) <= 1
        assert len(walker.faults) >= 1


def test_zero_padding_gives_no_records():
    data = build.pcap(FRAMES) + bytes(4096)
    walker, rows = walk(data)
    assert len(rows) == len(FRAMES)
    assert codes(walker) == ["BAD_RECORD"]
    assert walker.faults["length"].tolist() == [4096]


def test_a_file_header_is_found_behind_a_cut_record():
    first, second = build.pcap(FRAMES)[:-5], build.pcap(FRAMES, ">", build.NANO)
    walker, rows = walk(first + bytes(300000) + second)
    assert frames_of(first + bytes(300000) + second, rows)[-6:] == expected(FRAMES)
    assert len(walker.faults) >= 1


@pytest.mark.parametrize(
    "unit",
    [
        struct.pack("<IIII", 1_700_000_000, 5, 60, 60),
        struct.pack("<IIII", 1_700_000_000, 5, 1, 1),
        b"\xff" * 16,
        struct.pack("<II", 6, 48) + bytes(4),
        b"\n\r\r\n" + struct.pack("<II", 28, 0x1A2B3C4D),
    ],
)
def test_hostile_repeats_are_linear_and_end(unit):
    for head in (build.pcap_header(), build.section() + build.interface()):
        for size in (1 << 12, 1 << 18):
            data = head + b"\xfe" * 17 + unit * (size // len(unit))
            walker, rows = walk(data)
            assert len(rows) + len(walker.faults) <= len(data) // 12
            assert walker.position == len(data)


# ---- pcapng


def ng(*blocks, order="<"):
    return walk(build.section(order) + b"".join(blocks))


def test_link_type_time_unit_and_number_come_from_the_interface():
    data = (
        build.section()
        + build.interface(linktype=1)
        + build.interface(linktype=113, tsresol=9)
        + build.enhanced(FRAMES[0])
        + build.enhanced(FRAMES[1], number=1, ticks=FRAMES[1][0])
        + build.section(">")
        + build.interface(">", linktype=101)
        + build.enhanced(FRAMES[2], ">")
    )
    walker, rows = walk(data)
    assert rows["linktype"].tolist() == [1, 113, 101]
    assert rows["interface"].tolist() == [0, 1, 2]
    assert rows["time"].tolist() == [frame[0] for frame in FRAMES[:3]]
    assert [item["linktype"] for item in walker.interfaces] == [1, 113, 101]


@pytest.mark.parametrize("tsresol", [*range(23), 30, 127, *(0x80 | v for v in (*range(66), 127))])
@pytest.mark.parametrize("tsoffset", [None, 0, 3600, -3600, 2**62, -(2**62), 2**63 - 1, -(2**63)])
def test_times_in_every_unit_and_offset(tsresol, tsoffset):
    for ticks in (0, 1, 12345678901234567, 2**63, 2**64 - 1):
        unit = 2 ** (tsresol & 127) if tsresol & 0x80 else 10**tsresol
        wanted = ticks * 10**9 // unit + (tsoffset or 0) * 10**9
        walker, rows = ng(
            build.interface(tsresol=tsresol, tsoffset=tsoffset),
            build.enhanced(FRAMES[0], ticks=ticks),
        )
        time = int(rows["time"][0])
        if abs(wanted) > 9223372035 * 10**9:
            assert abs(time) == 2**63 - 1 or abs(time - wanted) <= 1
            assert (time > 0) == (wanted > 0)
        else:
            assert abs(time - wanted) <= 1, ticks
        assert len(walker.faults) == 0


def test_simple_packets_take_the_first_interface_and_its_snap_length():
    walker, rows = ng(
        build.interface(linktype=101, snaplen=40),
        build.simple((0, b"z" * 40, 1500)),
        build.simple((0, b"z" * 11)),
    )
    assert rows["caplen"].tolist() == [40, 11]
    assert rows["wire_len"].tolist() == [1500, 11]
    assert rows["time"].tolist() == [0, 0]
    assert len(walker.faults) == 0


def test_unknown_blocks_and_secrets_are_skipped():
    walker, rows = ng(
        build.interface(),
        build.block(0x7FFF0001, bytes(100)),
        build.block(10, b"secrets!" * 9),
        build.block(0xBAD, bytes(1 << 16)),
        build.enhanced(FRAMES[0]),
        build.block(4, bytes(4)),
    )
    assert len(rows) == 1
    assert len(walker.faults) == 0


def test_comments_are_kept_with_their_record_or_section():
    long = "c" * 65535
    for order in "<>":
        data = (
            build.section(order, build.option(1, b"of the section", order))
            + build.interface(order, options=build.option(1, b"of the interface", order))
            + build.enhanced(FRAMES[0], order)
            + build.enhanced(
                FRAMES[1],
                order,
                options=build.option(1, "\u00e9ins".encode(), order)
                + build.option(2, bytes(4), order)
                + build.option(1, long.encode(), order)
                + build.option(0, b"", order),
            )
        )
        walker, rows = walk(data)
        assert len(rows) == 2
        assert [(record, kind, text) for record, kind, _, text in walker.comments] == [
            (-1, 0x0A0D0D0A, "of the section"),
            (-1, 1, "of the interface"),
            (1, 6, "\u00e9ins"),
            (1, 6, long),
        ]
        assert len(walker.faults) == 0


def test_comments_have_a_ceiling():
    option = build.option(1, b"x" * 65532)
    data = build.section() + build.interface() + build.enhanced(FRAMES[0], options=option) * 300
    walker, rows = walk(data)
    assert len(rows) == 300
    assert len(walker.comments) == 256
    assert walker.dropped_comments == 44


def test_an_unknown_interface_costs_its_packet_only():
    walker, rows = ng(
        build.enhanced(FRAMES[0]),
        build.simple(FRAMES[0]),
        build.interface(),
        build.enhanced(FRAMES[1]),
        build.enhanced(FRAMES[2], number=1),
        build.enhanced(FRAMES[2], number=2**32 - 1),
        build.enhanced(FRAMES[3]),
    )
    assert rows["time"].tolist() == [FRAMES[1][0], FRAMES[3][0]]
    assert codes(walker) == ["BAD_BLOCK"] * 4


def test_a_captured_length_over_its_block_costs_its_packet_only():
    broken = bytearray(build.enhanced(FRAMES[0]))
    for caplen in (len(broken) - 31, 2**31, 2**32 - 1):
        broken[20:24] = struct.pack("<I", caplen)
        walker, rows = ng(build.interface(), bytes(broken), build.enhanced(FRAMES[1]))
        assert rows["time"].tolist() == [FRAMES[1][0]]
        assert codes(walker) == ["BAD_BLOCK"]


def test_options_that_overrun_the_block_leave_the_packet_good():
    options = struct.pack("<HH", 1, 1000) + b"abcd"
    walker, rows = ng(
        build.interface(), build.enhanced(FRAMES[0], options=options), build.enhanced(FRAMES[1])
    )
    assert len(rows) == 2
    assert codes(walker) == ["BAD_BLOCK"]


def test_the_first_of_two_time_units_counts():
    both = build.option(9, b"\x09") + build.option(9, b"\x03")
    rows = ng(build.interface(options=both), build.enhanced(FRAMES[0], ticks=77))[1]
    assert rows["time"].tolist() == [77]


@pytest.mark.parametrize("length", [0, 4, 8, 11, 13, 30, 2**31, 2**32 - 4, 2**32 - 1])
def test_a_block_length_that_lies_is_searched_past(length):
    broken = bytearray(build.enhanced(FRAMES[0]))
    broken[4:8] = struct.pack("<I", length)
    data = (
        build.section()
        + build.interface()
        + bytes(broken)
        + b"".join(map(build.enhanced, FRAMES[1:]))
    )
    walker, rows = walk(data)
    assert frames_of(data, rows) == expected(FRAMES[1:])
    assert codes(walker) == ["BAD_BLOCK"]
    assert walker.faults["length"].tolist() == [len(broken)]
    pieces = RecordReader(Pieces(data, 5))
    assert np.array_equal(pieces.rows(), rows)
    assert np.array_equal(pieces.faults, walker.faults)


def test_lengths_at_head_and_tail_that_differ_are_searched_past():
    broken = bytearray(build.enhanced(FRAMES[0]))
    broken[-4:] = struct.pack("<I", 2**32 - 1)
    walker, rows = ng(build.interface(), bytes(broken), build.enhanced(FRAMES[1]))
    assert rows["time"].tolist() == [FRAMES[1][0]]
    assert codes(walker) == ["BAD_BLOCK"]


@pytest.mark.parametrize("length", [0, 4, 11, 24, 2**32 - 1])
def test_a_section_header_that_lies_is_reported(length):
    head = bytearray(build.section())
    head[4:8] = struct.pack("<I", length)
    walker, rows = walk(bytes(head) + build.interface() + build.enhanced(FRAMES[0]))
    assert len(rows) <= 1
    assert "BAD_BLOCK" in codes(walker)


def test_a_section_of_another_version_is_left_out():
    data = (
        build.section(version=(2, 0))
        + build.interface()
        + build.enhanced(FRAMES[0])
        + build.pcapng(FRAMES[1:])
    )
    walker, rows = walk(data)
    assert frames_of(data, rows) == expected(FRAMES[1:])
    assert codes(walker) == ["BAD_BLOCK"]


def test_more_interfaces_than_the_ceiling_are_refused():
    many = build.interface() * (131072 + 2)
    walker, rows = ng(many, build.enhanced(FRAMES[0], number=131071))
    assert len(rows) == 1
    assert codes(walker) == ["TOO_LONG"] * 2


def test_interfaces_of_endless_sections_do_not_grow_without_bound():
    one = build.section() + build.interface() * 5000 + build.enhanced(FRAMES[0], number=4999)
    walker, rows = walk(one * 60)
    assert len(rows) == 60
    assert rows["interface"].tolist() == [5000 * (i + 1) - 1 for i in range(60)]
    assert len(walker.interfaces) <= 2 * 131072


def test_faults_have_a_ceiling():
    walker, rows = ng(build.simple((0, b"")) * 70000)
    assert len(rows) == 0
    assert len(walker.faults) == 65536
    assert walker.dropped_faults == 70000 - 65536


def test_pcap_and_pcapng_follow_each_other_in_one_stream():
    data = build.pcap(FRAMES) + build.pcapng(FRAMES, ">") + build.pcap(FRAMES, ">")
    walker, rows = walk(data)
    assert frames_of(data, rows) == expected(FRAMES) * 3
    assert len(walker.faults) == 0
