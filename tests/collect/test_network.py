"""Raw streams that are sent here, pcap-over-IP, metrics."""

import os
import signal
import socket
import urllib.request

import pytest

from mmscodec import mms
from tests.collect.service import CAPTURES, differing, ended, started, truth, until, written

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGTERM is a signal of POSIX")
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


def test_pcap_over_ip(tmp_path):
    capture = CAPTURES / "mms" / "ffmpeg_tcp.pcap"
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        process = started("-o", tmp_path / "out", address)
        connection, _ = server.accept()
        with connection:
            connection.sendall(capture.read_bytes())
        until(lambda: list((tmp_path / "out").glob("messages/run=1/part-*.parquet")))
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    assert differing(written(tmp_path / "out"), truth(capture)) == []
