"""Captures that are still being written: pipes, and tcpdump itself."""

import os
import resource
import shutil
import socket
import subprocess
import threading
import time

import pytest

import mmscodec
from tests.capture import build, recut, truth


def pipe_of(pieces):
    """A file object that gives the pieces one by one, as a program writes them."""
    reader, writer = os.pipe()

    def write():
        with os.fdopen(writer, "wb", buffering=0) as out:
            for piece in pieces:
                out.write(piece)

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
        assert half.wait(30)
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


def test_memory_stays_while_packets_go_by():
    stream, thread = pipe_of(endless(60_000))
    seen, peak = 0, 0
    with stream, mmscodec.open(stream, spool=False) as capture:
        for batch in capture.iter_batches(rows=5000):
            seen += len(batch.data)
            if seen < 20_000:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    thread.join()
    assert seen > 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 16 << 10  # KiB


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
        found, first = [], []

        def talk():
            time.sleep(0.3)
            client = socket.create_connection(server.getsockname())
            peer, _ = server.accept()
            with client, peer:
                for request, answer in zip(c2s, s2c):
                    client.sendall(request)
                    time.sleep(0.02)
                    peer.sendall(answer)
                    time.sleep(0.02)
            time.sleep(0.5)
            first.append(len(found))
            process.terminate()

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        with process.stdout, mmscodec.open(process.stdout, spool=False) as capture:
            for batch in capture:
                found += batch.messages["mid"].tolist()
        thread.join()
        process.stderr.close()
        process.wait(30)
    pairs = min(len(c2s), len(s2c))
    assert len(found) >= 2 * pairs
    assert first[0] > 0
