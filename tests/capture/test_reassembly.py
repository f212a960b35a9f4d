"""One direction of a TCP connection against a dictionary of bytes."""

import itertools
import random

import pytest

from tests.bindings.reassembler import Reassembler

SYN, FIN, RST, ACK = 2, 1, 4, 16


class Model:
    """Offset -> byte, the first copy wins."""

    def __init__(self):
        self.bytes = {}
        self.conflicts = 0

    def push(self, offset, payload):
        if len(payload) == 1 and offset + 1 == self.edge():
            return  # as a keep-alive has it: one byte again, of any value
        for i, byte in enumerate(payload, offset):
            if self.bytes.setdefault(i, byte) != byte:
                self.conflicts += 1

    def edge(self):
        """End of what is there without a gap."""
        at = 0
        while at in self.bytes:
            at += 1
        return at

    def runs(self, start):
        at, out = start, []
        for i in sorted(self.bytes):
            if i > at:
                out.append(("gap", at - start, i - at))
            at = i + 1
            if out and out[-1][0] == "data" and out[-1][1] + len(out[-1][2]) == i - start:
                out[-1][2].append(self.bytes[i])
            else:
                out.append(("data", i - start, bytearray([self.bytes[i]])))
        return out


def merged(runs):
    """Neighbouring data runs joined, old ones left out."""
    out = []
    for kind, offset, value, _ in runs:
        if kind == "data" and out and out[-1][0] == "data":
            out[-1][2].extend(value)
        elif kind == "data":
            out.append(("data", offset, bytearray(value)))
        elif kind == "gap":
            out.append((kind, offset, value))
    return out


def stream_of(runs):
    total = bytearray()
    for kind, offset, value, _ in runs:
        if kind == "data":
            assert offset == len(total)
            total += value
        elif kind == "gap":
            assert offset == len(total)
            total += bytes(value)
    return bytes(total)


def old_conflicts(runs):
    """Bytes of late copies that differ from what was delivered."""
    total, count = bytearray(), 0
    for kind, offset, value, _ in runs:
        if kind == "old":
            count += sum(a != b for a, b in zip(total[offset : offset + len(value)], value))
        else:
            total += value if kind == "data" else bytes(value)
    return count


SEGMENTS = [(start, length) for start in range(5) for length in (1, 2, 3)]


@pytest.mark.parametrize("with_syn", [True, False])
@pytest.mark.parametrize("base", [0, 1, 2**31 - 2, 2**32 - 2])
def test_every_triple_of_overlapping_segments_agrees_with_the_model(base, with_syn):
    for triple in itertools.product(SEGMENTS, repeat=3):
        model, flow, runs = Model(), Reassembler(), []
        if with_syn:
            runs += flow.push(base - 1, flags=SYN)
        for number, (start, length) in enumerate(triple):
            payload = bytes(16 * (number + 1) + start + i for i in range(length))
            runs += flow.push(base + start, payload, time=number)
            model.push(start, payload)
        runs += flow.finish()
        first = 0 if with_syn else min(start for start, _ in triple)
        assert merged(runs) == model.runs(first), triple
        if with_syn and not any(kind == "gap" for kind, *_ in runs):
            assert flow.conflicts + old_conflicts(runs) == model.conflicts, triple
        assert flow.held == 0
        assert flow.pending == 0


@pytest.mark.parametrize("seed", range(20))
def test_random_overlaps_agree_with_the_model(seed):
    rng = random.Random(seed)
    base = rng.choice([0, 5, 2**32 - 300])
    model, flow, runs = Model(), Reassembler(), []
    runs += flow.push(base - 1, flags=SYN)
    for _ in range(400):
        start, payload = rng.randrange(600), rng.randbytes(rng.randrange(1, 40))
        runs += flow.push(base + start, payload)
        model.push(start, payload)
    runs += flow.finish()
    assert merged(runs) == model.runs(0)


def test_segments_in_order_become_data_at_once():
    flow = Reassembler()
    assert flow.push(99, flags=SYN) == []
    assert flow.push(100, b"abc", time=5) == [("data", 0, b"abc", 5)]
    assert flow.push(103, b"de", time=6) == [("data", 3, b"de", 6)]
    assert flow.next == 5


def test_segments_behind_a_hole_are_complete_when_it_is_filled():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    assert flow.push(103, b"def", time=1) == []
    assert flow.push(106, b"g", time=2) == []
    assert flow.push(100, b"abc", time=3) == [
        ("data", 0, b"abc", 3), ("data", 3, b"def", 3), ("data", 6, b"g", 3),
    ]  # fmt: skip


def test_first_copy_wins_and_the_disagreement_is_counted():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(102, b"CD")
    runs = flow.push(100, b"abxd")
    assert stream_of(runs) == b"abCD"
    assert flow.conflicts == 2
    assert flow.push(100, b"zb") == [("old", 0, b"zb", 0)]
    assert flow.retransmissions == 2


def test_sequence_numbers_wrap():
    flow = Reassembler()
    runs = flow.push(2**32 - 4, flags=SYN)
    runs += flow.push(2**32 - 3, b"abc")
    runs += flow.push(2, b"fg")
    runs += flow.push(0, b"de")
    assert stream_of(runs) == b"abcdefg"


def test_wrap_of_a_long_stream_keeps_64_bit_offsets():
    flow = Reassembler()
    flow.push(0, flags=SYN)
    block = bytes(1 << 24)
    for i in range(300):  # 5 GB
        ((kind, offset, _, _),) = flow.push(1 + (i << 24), block)
        assert kind == "data"
        assert offset == i << 24
    assert flow.next == 300 << 24


def test_stream_without_syn_begins_at_its_lowest_byte():
    flow = Reassembler()
    assert flow.push(110, b"klm") == []
    assert flow.push(100, b"abcdefghij", time=1) == []
    runs = []
    for i in range(6):
        runs += flow.push(113 + i, b"n", time=2 + i)
    assert stream_of(runs) == b"abcdefghijklmnnnnnn"
    assert [run[3] for run in runs] == [1, 0, 2, 3, 4, 5, 6, 7]


def test_acknowledgement_settles_where_a_stream_without_syn_begins():
    flow = Reassembler()
    assert flow.push(110, b"klm", time=6) == []
    runs = []
    for _ in range(8):
        assert runs == []
        runs = flow.ack(113, time=7)
    assert runs == [("data", 0, b"klm", 6)]


def test_syn_after_the_first_data_still_sets_the_start():
    flow = Reassembler()
    assert flow.push(103, b"def") == []
    assert flow.push(99, flags=SYN) == []
    assert stream_of(flow.push(100, b"abc")) == b"abcdef"


def test_data_in_the_syn_is_the_start_of_the_stream():
    flow = Reassembler()
    runs = flow.push(99, b"ab", flags=SYN)
    runs += flow.push(100, b"abc")
    assert runs == [("data", 0, b"ab", 0), ("old", 0, b"ab", 0), ("data", 2, b"c", 0)]


def test_repeated_syn_changes_nothing():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(100, b"abc")
    flow.push(99, flags=SYN)
    assert flow.push(103, b"d") == [("data", 3, b"d", 0)]


@pytest.mark.parametrize("probe", [b"", b"\0", b"x"])
def test_keep_alives_and_zero_window_probes_are_no_retransmissions(probe):
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(100, b"abc")
    assert flow.push(102, probe) == []
    assert flow.retransmissions == 0
    assert flow.push(103, b"d") == [("data", 3, b"d", 0)]


def test_hole_that_the_other_side_acknowledged_becomes_a_gap_after_some_patience():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(103, b"def", time=0)
    assert flow.ack(102, time=10) == []
    assert flow.ack(106, time=20) == []
    assert flow.ack(106, time=2_000_000_000) == [
        ("gap", 0, 3, 2_000_000_000), ("data", 3, b"def", 2_000_000_000),
    ]  # fmt: skip
    assert flow.push(100, b"abc") == [("old", 0, b"abc", 0)]


def test_data_captured_shortly_after_its_acknowledgement_is_no_gap():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(103, b"def", time=0)
    flow.ack(106, time=20)
    assert stream_of(flow.push(100, b"abc", time=30)) == b"abcdef"


def test_end_of_the_capture_turns_each_hole_into_a_gap():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(102, b"c", time=1)
    flow.push(106, b"g", time=2)
    assert flow.finish() == [
        ("gap", 0, 2, 1), ("data", 2, b"c", 1), ("gap", 3, 3, 2), ("data", 6, b"g", 2),
    ]  # fmt: skip


def test_bytes_cut_off_by_the_snapshot_length_are_a_gap():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    assert flow.push(100, b"ab", wire_len=5) == [("data", 0, b"ab", 0)]
    assert flow.push(110, b"kl", wire_len=4) == [("gap", 2, 3, 0)]
    assert merged(flow.push(105, b"fg", wire_len=5)) == [
        ("data", 5, b"fg"), ("gap", 7, 3), ("data", 10, b"kl"),
    ]  # fmt: skip
    assert flow.push(114, b"o") == [("gap", 12, 2, 0), ("data", 14, b"o", 0)]


def test_bytes_that_were_cut_off_may_come_again():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    assert flow.push(100, b"", wire_len=5) == []
    assert flow.push(100, b"abcde") == [("data", 0, b"abcde", 0)]
    assert flow.push(105, b"f", wire_len=9) == [("data", 5, b"f", 0)]
    assert flow.push(106, b"gh") == [("data", 6, b"gh", 0)]
    assert flow.finish() == []  # nothing stands behind what was claimed


def test_bytes_that_were_cut_off_are_a_gap_once_the_other_side_has_them():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(100, b"ab", wire_len=5)
    assert flow.ack(104) == []
    assert flow.ack(105) == [("gap", 2, 3, 0)]


def test_absurd_sequence_number_is_dropped_unless_it_goes_on_by_itself():
    flow = Reassembler()
    flow.push(0, flags=SYN)
    flow.push(1, b"abc")
    assert flow.push(2**31 + 1000, b"zzz") == []
    assert flow.push(4, b"d") == [("data", 3, b"d", 0)]
    assert flow.dropped == 3
    far = 1 << 30
    assert flow.push(far, b"xx") == []
    assert flow.push(far + 2, b"yy") == []
    assert flow.push(far + 4, b"zz") == [
        ("gap", 4, far - 5, 0), ("data", far - 1, b"xx", 0), ("data", far + 1, b"yy", 0),
        ("data", far + 3, b"zz", 0),
    ]  # fmt: skip


def test_payload_of_a_reset_is_taken_at_the_edge_only():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    for seq in (0, 99, 101, 108, 2**31 + 100):
        assert flow.push(seq, b"go away", flags=RST) == []
    assert flow.push(100, b"", flags=RST) == []
    assert flow.push(100, b"abc", flags=SYN | RST) == []
    assert flow.push(100, b"go away", flags=RST) == [("data", 0, b"go away", 0)]
    flow.push(109, b"c")
    assert flow.push(107, b"ab", flags=RST) == []  # something waits: this is not its edge
    assert flow.finish() == [("gap", 7, 2, 0), ("data", 9, b"c", 0)]


def test_payload_of_a_reset_without_anything_before_it_is_all_there_is():
    flow = Reassembler()
    assert flow.push(100, b"no such port", flags=RST) == []
    assert flow.finish() == [("data", 0, b"no such port", 0)]


def test_reset_at_the_edge_settles_where_a_stream_without_syn_begins():
    flow = Reassembler()
    assert flow.push(100, b"abc") == []
    assert flow.push(2**31, b"zz", flags=RST) == []
    assert stream_of(flow.push(103, b"de", flags=RST)) == b"abcde"


def test_second_syn_before_any_data_counts_where_the_data_follows_it():
    flow = Reassembler()
    flow.push(2**31, flags=SYN)
    flow.push(99, flags=SYN)
    flow.push(2**31, flags=SYN)
    assert flow.push(100, b"abc") == [("data", 0, b"abc", 0)]
    assert flow.push(103, b"d") == [("data", 3, b"d", 0)]
    assert flow.dropped == 0


@pytest.mark.parametrize("other", [2**31, 120, 80, 2**32 - 5])
def test_second_syn_counts_when_the_first_data_is_late_as_well(other):
    for isns in ((other, 99), (99, other)):
        flow = Reassembler()
        for isn in isns:
            flow.push(isn, flags=SYN)
        assert flow.push(103, b"de") == []
        assert stream_of(flow.push(100, b"abc")) == b"abcde"


def test_second_syn_changes_nothing_after_data():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    flow.push(100, b"abc")
    flow.push(2**31, flags=SYN)
    assert flow.push(2**31 + 1, b"zz") == []
    assert flow.push(103, b"d") == [("data", 3, b"d", 0)]


def test_ceiling_on_held_bytes_gives_up_the_oldest_hole():
    flow = Reassembler(held_limit=1000)
    flow.push(99, flags=SYN)
    runs = []
    for i in range(20):
        runs += flow.push(200 + i * 200, bytes([i]) * 100)
        assert flow.held <= 1000
    assert merged(runs)[:2] == [("gap", 0, 100), ("data", 100, bytearray(bytes(100)))]
    runs += flow.finish()
    assert len(stream_of(runs)) == 200 + 19 * 200


def test_ceiling_on_pieces_gives_up_the_oldest_hole():
    flow = Reassembler(pending_limit=10)
    flow.push(99, flags=SYN)
    for i in range(50):
        flow.push(200 + i * 2, b"x")
        assert flow.pending <= 10


@pytest.mark.parametrize("order", ["reversed", "shuffled", "sorted"])
def test_many_pieces_in_bad_order_are_delivered_whole(order):
    count = 100_000
    numbers = list(range(count))
    if order == "reversed":
        numbers.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(numbers)
    flow = Reassembler(pending_limit=count + 1, held_limit=1 << 30)
    flow.push(-2, flags=SYN)
    runs = []
    for i in numbers:
        runs += flow.push(i + 1, bytes([i & 255]))
    runs += flow.push(-1, b"\xff\xff")
    assert stream_of(runs) == b"\xff\xff" + bytes(i & 255 for i in range(count))
    assert flow.pending == 0


def test_places_of_pieces_are_used_again():
    flow = Reassembler()
    flow.push(99, flags=SYN)
    for i in range(10_000):
        flow.push(101 + 2 * i, b"b")
        flow.push(100 + 2 * i, b"a")
    assert flow.nodes < 10
