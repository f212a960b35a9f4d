"""Captures that are still being written: pipes, and tcpdump itself."""

import os
import shutil
import socket
import subprocess
import threading

import numpy as np
import pytest

import mmscodec
from tests import fresh
from tests.capture import build, recut, truth


def pipe_of(pieces):
    """A file object that gives the pieces one by one, as a program writes them."""
    reader, writer = os.pipe()

    def write():
        with os.fdopen(writer, "wb", buffering=0) as out:
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    left = left[out.write(left) :]

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return os.fdopen(reader, "rb", buffering=0), thread


@pytest.mark.parametrize("spool", [True, False])
def test_rows_come_before_the_pipe_is_closed(spool):
    packets = recut.read(truth.FOLDER / "libmms_tcp.pcap")
    raw = build.pcap(recut.ethernet(packets), magic=build.NANO)
    half = threading.Event()

    def pieces():
        yield raw[: len(raw) // 2]
        assert half.wait(300)
        yield raw[len(raw) // 2 :]

    stream, thread = pipe_of(pieces())
    rows = []
    with stream, mmscodec.open(stream, spool=spool) as capture:
        for batch in capture:
            rows += batch.data["location_id"].tolist()
            if rows:
                half.set()
    thread.join()
    assert rows == [row[0] for row in truth.log("libmms_tcp.pcap")[2]]


def test_payload_of_a_live_batch_is_there():
    packets = recut.read(truth.FOLDER / "libmms_seek.pcap")
    raw = build.pcap(recut.ethernet(packets), magic=build.NANO)
    whole = mmscodec.open(raw)
    stream, thread = pipe_of(raw[i : i + 1000] for i in range(0, len(raw), 1000))
    payload = []
    with stream, mmscodec.open(stream, spool=False) as capture:
        for batch in capture:
            payload += [bytes(batch.payload(i)) for i in range(len(batch.data))]
    thread.join()
    assert payload == [bytes(whole.payload(i)) for i in range(len(whole.data))]


def endless(packets):
    """Pieces of a capture of so many packets: one flow that plays forever."""
    session = recut.read(truth.FOLDER / "libmms_seek.pcap")
    last = max(i for i, p in enumerate(session) if p.src_port == 1755 and p.payload)
    start, model = session[: last + 1], session[last]
    yield build.pcap(recut.ethernet(start), magic=build.NANO)
    seq = model.seq + len(model.payload)
    made = 0
    while made < packets:
        frames = []
        for _ in range(1000):
            location = (10_000 + made).to_bytes(4, "little")
            payload = location + b"\x04\x00" + (1408).to_bytes(2, "little") + bytes(1400)
            frame = recut.replace(model, seq=seq & 0xFFFFFFFF, payload=payload)
            frames.append((model.time + made, recut.f.ethernet(frame.datagram)))
            seq += len(payload)
            made += 1
        yield b"".join(build.pcap_record(frame, magic=build.NANO) for frame in frames)


def read_on(packets, keep):
    """(Data packets, by how many KiB memory grew behind the first third) of an endless flow.

    `keep` is what a leak would do: payload stays.
    """
    stream, thread = pipe_of(endless(packets))
    seen, first, kept = 0, 0, []
    with stream, mmscodec.open(stream, spool=False) as capture:
        for batch in capture.iter_batches(rows=5000):
            seen += len(batch.data)
            if keep:
                kept += [bytes(batch.payload(i)) for i in range(len(batch.data))]
            if seen < packets // 3:
                first = fresh.peak()
    thread.join()
    return seen, fresh.peak() - first


@fresh.linux
@pytest.mark.parametrize("keep", [False, True])
def test_memory_stays_while_packets_go_by(keep):
    seen, grown = fresh.run(read_on, 60_000, keep)
    assert seen > 60_000
    assert (grown > 16 << 10) is keep


def short_connections(count):
    """Pieces of a capture of so many MMS connections, five packets each, that end and are gone."""
    session = recut.read(truth.FOLDER / "libmms_notfound.pcap")
    model = next(p for p in session if p.payload and p.dst_port == 1755)
    start, size = model.time // 1000 * 1000, len(model.payload)
    yield build.pcap_header(magic=build.NANO)
    steps = [
        (True, recut.SYN, 0, 0, b""),
        (False, recut.SYN | 16, 0, 1, b""),
        (True, 24, 1, 1, model.payload),
        (False, 17, 1, 1 + size, b""),
        (True, 17, 1 + size, 2, b""),
    ]
    models = []
    for up, flags, seq, ack, payload in steps:
        ends = (model.src, 1024, model.dst, 1755) if up else (model.dst, 1755, model.src, 1024)
        src, src_port, dst, dst_port = ends
        packet = recut.Packet(start, src, dst, 6, src_port, dst_port, seq, ack, flags, payload)
        frame = recut.f.ethernet(packet.datagram)
        at = (26 if up else 30) + 16, (34 if up else 36) + 16  # of the client's address and port
        models.append((bytearray(build.pcap_record((start, frame), magic=build.NANO)), at))
    for first in range(0, count, 200):
        out = []
        for i in range(first, min(first + 200, count)):
            address = (0x0A000000 + i // 60000).to_bytes(4, "big")
            port = (2000 + i % 60000).to_bytes(2, "big")
            for step, (record, (place, where)) in enumerate(models):
                time = start + (i * 5 + step) * 1000
                record[0:4] = (time // 10**9).to_bytes(4, "little")
                record[4:8] = (time % 10**9).to_bytes(4, "little")
                record[place : place + 4] = address
                record[where : where + 2] = port
                out.append(bytes(record))
        yield b"".join(out)


def test_flows_that_have_ended_are_not_kept():
    count = 12_000
    stream, thread = pipe_of(short_connections(count))
    messages, ended, most = [], set(), 0
    with stream, mmscodec.open(stream, spool=False, max_flows=500) as capture:
        for batch in capture.iter_batches(rows=1000):
            flows = batch.flows
            assert (np.diff(flows["flow"]) > 0).all()
            rows = batch.flow_rows(batch.messages["flow"])
            assert (rows >= 0).all()
            assert (flows["src_port"][rows] != 1755).all()
            assert (flows["peer"][rows] == batch.messages["flow"] + 1).all()
            for i in range(0, len(batch.packets), 50):
                flow = int(batch.packets["flow"][i])
                assert len(batch.stream(flow)) == batch.packets["length"][i]
            messages += batch.messages["flow"].tolist()
            ended.update(flows["flow"].tolist())
            most = max(most, len(flows))
            assert len(batch.faults) == 0  # what was closed lacks nothing
        assert capture.counts["evicted"] == 0
    thread.join()
    assert messages == list(range(0, 2 * count, 2))
    assert ended == set(range(2 * count))
    assert most < 4000
    # a flow that is not there any more
    assert batch.flow_rows([0]).tolist() == [-1]
    with pytest.raises(IndexError):
        batch.read(0, 0, 10)


#: Payload is kept to compare retransmissions with, of ended connections too, up to this ceiling.
HELD = 2_000_000


def read_short(connections, keep):
    """The same of connections that end; `keep` is what a connection takes while it is open."""
    stream, thread = pipe_of(short_connections(connections))
    seen, first, kept = 0, 0, []
    with stream, mmscodec.open(stream, spool=False, max_flows=1000, max_held=HELD) as capture:
        for batch in capture.iter_batches(rows=2000):
            seen += len(batch.messages)
            kept += [bytes([1]) * keep for _ in range(len(batch.messages))]
            if seen < connections // 3:
                first = fresh.peak()
    thread.join()
    return seen, fresh.peak() - first


@fresh.linux
@pytest.mark.parametrize("keep", [0, 700])
def test_memory_stays_while_connections_go_by(keep):
    seen, grown = fresh.run(read_short, 40_000, keep)
    assert seen == 40_000
    assert (grown > 8 << 10) is bool(keep)


def capturing(port):
    """tcpdump on loopback, or the reason why not."""
    program = shutil.which("tcpdump")
    if program is None:
        pytest.skip("tcpdump is not installed")
    command = [program, "-i", "lo", "-U", "-s", "0", "-w", "-", "tcp", "port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = process.stderr.readline()
    if b"listening" not in said:
        process.kill()
        process.communicate()
        pytest.skip(f"tcpdump may not capture here: {said.decode(errors='replace').strip()}")
    return process


def test_tcpdump_is_decoded_while_it_runs():
    c2s, s2c, _ = truth.log("libmms_tcp.pcap")
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = capturing(server.getsockname()[1])
        found, wanted, arrived = [], 2 * min(len(c2s), len(s2c)), threading.Event()

        def talk():
            client = socket.create_connection(server.getsockname())
            peer, _ = server.accept()
            with client, peer:
                for request, answer in zip(c2s, s2c):
                    client.sendall(request)
                    assert peer.recv(len(request), socket.MSG_WAITALL) == request
                    peer.sendall(answer)
                    assert client.recv(len(answer), socket.MSG_WAITALL) == answer
            arrived.wait(300)  # tcpdump goes on until its rows are here
            process.terminate()

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        with process.stdout, mmscodec.open(process.stdout, spool=False) as capture:
            for batch in capture:
                found += batch.messages["mid"].tolist()
                if len(found) >= wanted:
                    arrived.set()
        thread.join()
        process.stderr.close()
        process.wait(300)
    assert arrived.is_set()
    assert len(found) >= wanted
