"""The logs of the test server again, after the captures were cut anew in every way."""

import random
from dataclasses import replace
from functools import cache

import pytest

import mmscodec
from tests.capture import build, recut, truth

NAMES = truth.NAMES
#: Without the long ones, for cuts that make very many packets.
SHORT = ["ffmpeg_auth.pcap", "libmms_notfound.pcap", "libmms_seek.pcap", "vlc_noudp.pcap"]

#: A datagram that comes twice is two datagrams; one that is lost moves those behind it.
TCP_ONLY = [name for name in NAMES if name != "vlc_udp.pcap"]


@cache
def packets_of(name):
    return recut.read(truth.FOLDER / name)


@cache
def log_of(name):
    return truth.log(name)


def decoded(packets, **options):
    return opened(build.pcap(recut.ethernet(packets), magic=build.NANO), **options)


def opened(raw, **options):
    with mmscodec.open(raw, **options) as capture:
        capture.flows  # noqa: B018
        return capture


def agree(capture, name, *, ordered=True):
    """Every row of the log, none invented; datagrams in the order in which they came."""
    c2s, s2c, data = truth.found(capture)
    want_c2s, want_s2c, want = log_of(name)
    assert c2s == want_c2s
    assert s2c == want_s2c
    if ordered:
        assert data == want
    else:
        assert sorted(data) == sorted(want)
    assert len(capture.gaps) == 0
    assert len(capture.faults) == 0


@pytest.mark.parametrize("name", NAMES)
def test_packets_read_by_hand_are_those_of_the_capture(name):
    agree(decoded(packets_of(name)), name)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NAMES)
def test_segments_in_another_order(name, seed):
    packets = recut.reordered(packets_of(name), seed, window=2 + 2 * seed)
    agree(decoded(packets), name, ordered="udp" not in name)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", TCP_ONLY)
def test_segments_sent_again(name, seed):
    packets = recut.duplicated(packets_of(name), seed)
    capture = decoded(packets)
    agree(capture, name)
    before = decoded(packets_of(name)).flows["retransmissions"].sum()
    assert capture.flows["retransmissions"].sum() == before + len(packets) - len(packets_of(name))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_segments_that_overlap(name, seed):
    capture = decoded(recut.overlapping(packets_of(name), seed))
    agree(capture, name)
    assert capture.flows["conflicts"].sum() == 0


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", TCP_ONLY)
def test_segments_sent_again_overlapping_and_in_another_order(name, seed):
    packets = recut.overlapping(recut.split(packets_of(name), 333), seed)
    agree(decoded(recut.reordered(recut.duplicated(packets, seed), seed)), name)


@pytest.mark.parametrize("size", [7, 48, 536])
@pytest.mark.parametrize("name", SHORT)
def test_segments_in_small_pieces(name, size):
    agree(decoded(recut.split(packets_of(name), size)), name)


@pytest.mark.parametrize("name", ["ffmpeg_auth.pcap", "libmms_notfound.pcap", "vlc_noudp.pcap"])
def test_segments_of_a_single_byte(name):
    packets = recut.split(packets_of(name), 1)
    agree(decoded(packets), name)
    agree(decoded(recut.reordered(packets, 1)), name)


def test_media_segments_of_a_single_byte():
    agree(decoded(recut.split(packets_of("libmms_seek.pcap"), 1)), "libmms_seek.pcap")


@pytest.mark.parametrize("name", NAMES)
def test_segments_of_64_kilobytes(name):
    packets = recut.merged(packets_of(name), 60_000)
    assert len(packets) < len(packets_of(name)) or name == "vlc_udp.pcap"
    capture = decoded(packets)
    c2s, s2c, data = truth.found(capture)
    assert (c2s, s2c, data) == log_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_sequence_numbers_that_wrap(name):
    packets = packets_of(name)
    first = next(p for p in packets if p.protocol == 6 and p.src_port == 1755)
    agree(decoded(recut.shifted(packets, -first.seq - 2000)), name)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", [n for n in TCP_ONLY if n not in SHORT])
def test_lost_segments_cost_the_rows_they_held_and_no_others(name, seed):
    packets = packets_of(name)
    rng = random.Random(seed)
    at = recut.offsets(packets)
    inside = [
        i for i, p in enumerate(packets)
        if p.bare and p.payload and p.src_port == 1755 and at[i] and i < len(packets) - 40
    ]  # fmt: skip
    lost = set(rng.sample(inside, 1 + seed)) if inside else set()
    whole = decoded(packets)
    holes = [(at[i], at[i] + len(packets[i].payload)) for i in lost]
    kept = [  # without retransmissions of what was lost
        p for i, p in enumerate(packets)
        if not p.payload or p.dst_port == 1755
        or not any(a < at[i] + len(p.payload) and at[i] < b for a, b in holes)
    ]  # fmt: skip
    cut = decoded(kept)
    for table in ("packets", "messages", "data"):
        rows, left = getattr(whole, table), getattr(cut, table)
        server = {i for i, flow in enumerate(whole.flows) if flow["src_port"] == 1755}
        expected = [
            (int(r["offset"]), int(r["length"]), int(r["flow"]))
            for r in rows
            if r["flow"] not in server
            or not any(a < r["offset"] + r["length"] and r["offset"] < b for a, b in holes)
        ]
        found = [(int(r["offset"]), int(r["length"]), int(r["flow"])) for r in left]
        assert sorted(found) == sorted(expected), table
    missing = sum(b - a for a, b in holes)
    assert cut.gaps["length"].sum() == missing
    assert bool(len(cut.faults)) == bool(lost)


@pytest.mark.parametrize("seed", range(3))
def test_lost_datagrams_cost_their_own_rows(seed):
    packets = packets_of("vlc_udp.pcap")
    rng = random.Random(seed)
    kept = [p for p in packets if p.protocol == 6 or rng.random() < 0.8]
    c2s, s2c, data = truth.found(decoded(kept))
    want_c2s, want_s2c, want = log_of("vlc_udp.pcap")
    datagrams = [p for p in packets if p.protocol == 17]
    times = {p.time for p in kept}
    assert (c2s, s2c) == (want_c2s, want_s2c)
    assert data == [row for row, p in zip(want, datagrams) if p.time in times]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_the_server_sent(name):
    packets = [p for p in packets_of(name) if p.src_port == 1755]
    _, s2c, data = truth.found(decoded(packets))
    assert (s2c, data) == log_of(name)[1:]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_the_client_sent(name):
    packets = [p for p in packets_of(name) if p.dst_port == 1755]
    assert truth.found(decoded(packets))[0] == log_of(name)[0]


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in SHORT])
def test_capture_that_begins_in_the_middle(name, part):
    packets = packets_of(name)
    start = int(len(packets) * part)
    whole, late = decoded(packets), decoded(packets[start:])
    at = recut.offsets(packets)
    for table in ("packets", "data"):
        rows = getattr(whole, table)
        found = getattr(late, table)
        for number, flow in enumerate(whole.flows):
            ends = (flow["src"], flow["src_port"], flow["dst"], flow["dst_port"])
            same = [
                i for i, f in enumerate(late.flows)
                if (f["src"], f["src_port"], f["dst"], f["dst_port"]) == ends
            ]  # fmt: skip
            first = next(
                (at[i] for i, p in enumerate(packets)
                 if i >= start and p.payload and p.flow[:4] == tuple(map(plain, ends))),
                None,
            )  # fmt: skip
            if first is None:
                continue
            expected = [
                int(r["length"]) for r in rows if r["flow"] == number and r["offset"] >= first
            ]
            lengths = [int(r["length"]) for r in found if r["flow"] in same]
            assert lengths == expected, (table, ends)


def plain(value):
    return value.item() if hasattr(value, "item") else value


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("name", NAMES)
def test_datagrams_in_fragments(name, seed):
    frames = recut.fragmented(packets_of(name), seed=seed)
    agree(opened(build.pcap(frames, magic=build.NANO)), name)


@pytest.mark.parametrize("link", recut.LINKS)
@pytest.mark.parametrize("name", ["libmms_seek.pcap", "ffmpeg_ipv6.pcapng", "vlc_udp.pcap"])
def test_other_links(name, link):
    number, wrap = recut.LINKS[link]
    frames = [(p.time, wrap(p.datagram)) for p in packets_of(name)]
    agree(opened(build.pcap(frames, linktype=number, magic=build.NANO)), name)


@pytest.mark.parametrize("kind", sorted(build.files(build.frames())))
def test_other_formats_and_byte_orders(kind):
    name = "vlc_udp.pcap"
    agree(opened(build.files(recut.ethernet(packets_of(name)))[kind]), name)


@pytest.mark.parametrize("kind", sorted(build.COMPRESSORS))
@pytest.mark.parametrize("spool", [True, False])
def test_compressed(kind, spool):
    name = "libmms_playlist.pcap"
    raw = build.pcap(recut.ethernet(packets_of(name)), magic=build.NANO)
    with mmscodec.open(build.COMPRESSORS[kind](raw), spool=spool) as capture:
        agree(capture, name)
        for i in range(0, len(capture.data), 20):
            assert len(capture.payload(i)) == capture.data["length"][i] - 8


@pytest.mark.parametrize("count", [2, 7, 60])
def test_rotated_files_are_one_capture(tmp_path, count):
    name = "libmms_playlist.pcap"
    frames = recut.ethernet(packets_of(name))
    size = -(-len(frames) // count)
    parts = [frames[i : i + size] for i in range(0, len(frames), size)]
    order = list(range(len(parts)))
    random.Random(count).shuffle(order)
    for i, number in enumerate(order):
        raw = build.pcap(parts[number], magic=build.NANO)
        if i % 3 == 1:
            raw = build.COMPRESSORS["gzip"](raw)
        (tmp_path / f"part{i:03}.pcap").write_bytes(raw)
    with mmscodec.open(tmp_path) as capture:
        agree(capture, name)
        whole = decoded(packets_of(name))
        for i in range(len(capture.data)):
            assert capture.payload(i) == whole.payload(i)


def test_ports_used_again_make_new_flows():
    packets = list(packets_of("libmms_tcp.pcap"))
    length = packets[-1].time - packets[0].time + 10**9
    again = [replace(p, time=p.time + length) for p in recut.shifted(packets, 123_456_789)]
    capture = decoded(packets + again)
    assert len(capture.flows) == 4
    c2s, s2c, data = log_of("libmms_tcp.pcap")
    assert truth.found(capture) == (c2s * 2, s2c * 2, data * 2)


def test_equal_addresses_in_other_vlans_are_other_flows():
    packets = packets_of("libmms_notfound.pcap")
    frames = []
    for p in packets:
        frames += [(p.time, recut.f.vlan(p.datagram, tag)) for tag in (1, 2)]
    capture = opened(build.pcap(frames, magic=build.NANO))
    assert len(capture.flows) == 4
    c2s, s2c, _ = truth.found(capture)
    assert sorted(c2s) == sorted(log_of("libmms_notfound.pcap")[0] * 2)
    assert sorted(s2c) == sorted(log_of("libmms_notfound.pcap")[1] * 2)


def test_batches_while_reading_hold_the_same_rows():
    name = "libmms_playlist.pcap"
    whole = decoded(packets_of(name))
    raw = build.pcap(recut.ethernet(packets_of(name)), magic=build.NANO)
    rows, payload = [], []
    with mmscodec.open(raw) as capture:
        for batch in capture.iter_batches(rows=50):
            rows += batch.data[["offset", "length", "time", "flow"]].tolist()
            payload += [bytes(batch.payload(i)) for i in range(len(batch.data))]
    assert rows == whole.data[["offset", "length", "time", "flow"]].tolist()
    assert payload == [bytes(whole.payload(i)) for i in range(len(whole.data))]
