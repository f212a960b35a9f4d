"""Raw streams that are sent here, pcap-over-IP, metrics."""

import signal
import socket
import urllib.request

import pytest

from mmscodec import mms
from tests.collect.service import (
    CAPTURES,
    closed,
    differing,
    ended,
    fed,
    finished,
    piped,
    started,
    truth,
    until,
    written,
)

pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
PING = mms.encode("LinkMacToViewerPing")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def metrics(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    return dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")


def test_raw_streams_hostile_ones_among_them_and_what_metrics_say(tmp_path):
    out, port, place = tmp_path / "out", free_port(), tmp_path / "mms.sock"
    process = started("-o", out, "--listen", f"unix:{place}", "--metrics-port", port)
    until(lambda: metrics(port))
    for number in range(40):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(place))
            stream.sendall(b"\xff" * 500 if number % 4 == 0 else PING * 10)
    total = 10 * 500 + 30 * 10 * len(PING)
    until(lambda: float(metrics(port)["mmscodec_collect_bytes_total"]) == total)
    until(lambda: float(metrics(port)["mmscodec_collect_streams"]) == 0)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    rows = written(out)
    assert len(rows["messages"]) == 300
    assert len(rows["streams"]) == 40
    assert len(rows["faults"]) >= 10
    assert not place.exists()


def test_pcap_over_ip_that_ends_in_the_middle_is_sought_again_and_counters_go_on(tmp_path):
    capture = CAPTURES / "mms" / "ffmpeg_tcp.pcap"
    raw, port = capture.read_bytes(), free_port()
    cut = len(raw) // 2 + 7  # inside of a record
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        process = started("-o", tmp_path / "out", "--metrics-port", port, address)
        for run, part in enumerate((raw[:cut], raw), 1):
            connection, _ = server.accept()
            with connection:
                connection.sendall(part)
            until(lambda run=run: list((tmp_path / "out").glob(f"messages/run={run}/part-*")))
        found = metrics(port)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] in (0, 3)
    records = len(ends(raw[:cut])) + len(ends(raw))
    about = {
        "bytes_total": cut + len(raw), "records_total": records,
        "runs_total": 2,
    }  # fmt: skip
    assert {name: float(found[f"mmscodec_collect_{name}"]) for name in about} == about
    assert float(found["mmscodec_collect_reconnects_total"]) in (1, 2)  # the second one ends too
    rows = written(tmp_path / "out")
    for name, wanted in truth(capture).items():  # the second run has all, the first one a part
        assert set(wanted) <= set(rows[name])
    assert len(rows["data"]) > len(truth(capture)["data"])


def ends(raw):
    """Where each whole record of a capture ends."""
    at, found = 24, []
    while at + 16 <= len(raw):
        at += 16 + int.from_bytes(raw[at + 8 : at + 12], "little")
        if at <= len(raw):
            found.append(at)
    return found


@pytest.mark.parametrize("follow", [False, True])
def test_a_file_that_ends_in_the_middle_of_a_record(follow, tmp_path):
    raw = (CAPTURES / "mms" / "ffmpeg_tcp.pcap").read_bytes()
    path, out = tmp_path / "a.pcap", tmp_path / "out"
    path.write_bytes(raw[: len(raw) // 2 + 7])
    words = ("--follow", "--idle", "0.3") if follow else ()
    status, events = ended(started("-o", out, *words, path))
    assert status == 3  # which says that something was not understood
    assert events[-1]["rows"] > 50
    assert differing(written(out), truth(path)) == []


def test_a_pipe_that_says_nothing_more_has_its_rows_finished_in_time(tmp_path):
    raw = (CAPTURES / "mms" / "ffmpeg_tcp.pcap").read_bytes()
    out = tmp_path / "out"
    process = piped(out, "--roll-seconds", "0.3")
    fed(process, raw[: len(raw) // 2 + 7])
    until(lambda: finished(out))
    found = written(out)
    assert len(found["data"]) > 40
    assert process.poll() is None  # it waits for the rest of the record
    fed(process, raw[len(raw) // 2 + 7 :])
    assert closed(process)[0] == 0
    assert differing(written(out), truth(CAPTURES / "mms" / "ffmpeg_tcp.pcap")) == []
