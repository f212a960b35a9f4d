"""What a capture holds that nothing was made of: counted by reason, said by the command."""

import gzip
import io
import json
import lzma
import os
import random
from pathlib import Path

import pytest

import mmscodec
from mmscodec.capture import compression
from mmscodec.cli import main
from mmscodec.schema.faults import FaultCode
from tests.capture import build, recut, tcp_play, truth
from tests.capture import frames as f
from tests.capture.tcp_play import ACK, RST, SYN
from tests.capture.test_tcp_play import Pipe

CASES = Path(__file__).parents[1] / "captures" / "cases"
MMS = truth.FOLDER / "libmms_tcp.pcap"
START = tcp_play.START
DATAGRAM = f.ipv4(f.tcp(b"hello"))
#: Link types that are not read: USB, CAN, Bluetooth, infrared, private ones.
STRANGE = (147, 169, 189, 220, 227, 201, 144, 65000)


def capture_of(frames, linktype=1):
    items = [(START + i * 1000, frame) for i, frame in enumerate(frames)]
    return build.pcap(items, magic=build.NANO, linktype=linktype)


def forms(raw, tmp_path):
    """The same table, however the capture is read."""
    path = tmp_path / "forms.pcap"
    path.write_bytes(raw)
    found = []
    for options in ({}, {"threads": 2}, {"mapped": False}, {"mapped": False, "spool": False}):
        with mmscodec.open(path, **options) as capture:
            found.append(capture.not_understood)
    with mmscodec.open(path) as capture:
        for _ in capture.iter_batches(1):
            pass
        found.append(capture.not_understood)
    assert all((rows == found[0]).all() and len(rows) == len(found[0]) for rows in found)
    return found[0]


def told(raw, tmp_path, capsys, command="decode"):
    path = tmp_path / "told.pcap"
    path.write_bytes(raw)
    arguments = ["-o", str(tmp_path)] if command == "extract" else []
    status = main([command, *arguments, str(path)])
    return status, capsys.readouterr().err


@pytest.mark.parametrize("linktype", STRANGE)
def test_frames_of_a_link_type_that_is_not_read(linktype, tmp_path, capsys):
    raw = capture_of([b"\1\2\3\4" + DATAGRAM] * 7, linktype)
    (row,) = forms(raw, tmp_path)
    want = ("link type", linktype, 7, 0, START)
    assert row.item()[:5] == want
    for command in ("decode", "stats", "sessions"):
        status, err = told(raw, tmp_path, capsys, command)
        assert status == 3
        assert f"7 frames of link type {linktype}" in err
    status, err = told(raw, tmp_path, capsys, "extract")
    assert status == 1
    assert f"7 frames of link type {linktype}" in err


@pytest.mark.parametrize("linktype", [0, 1, 9, 50, 104, 105, 107, 113, 127, 192, 239, 276])
@pytest.mark.parametrize("datagram", [DATAGRAM, f.ipv6(f.tcp(b"hello"))])
def test_frames_that_are_raw_ip_whatever_their_file_says(linktype, datagram, tmp_path):
    found = forms(capture_of([datagram] * 3, linktype), tmp_path)
    assert [row.item()[:3] for row in found] == [("wrong link type", linktype, 3)]


@pytest.mark.parametrize("linktype", [0, 12, 101, 228, 113, 105])
def test_frames_that_are_ethernet_whatever_their_file_says(linktype, tmp_path):
    found = forms(capture_of([f.ethernet(DATAGRAM)] * 3, linktype), tmp_path)
    assert [row.item()[:3] for row in found] == [("wrong link type", linktype, 3)]


def test_other_kinds_of_frames_are_counted_by_their_number(tmp_path):
    esp = f.ethernet(f.ipv4(bytes(40), protocol=50))
    arp = f.ethernet(bytes(28), 0x0806)
    first, second = f.ipv4_fragments(f.tcp(b"0123456789" * 10), 64)
    frames = [esp, arp, arp, f.ethernet(first), f.ethernet(second), f.ethernet(DATAGRAM)]
    rows = forms(capture_of(frames), tmp_path)
    assert {row.item()[:3] for row in rows} == {
        ("IP protocol", 50, 1), ("Ethernet type", 0x0806, 2), ("not MMS", 0, 2),
    }  # fmt: skip


def test_more_kinds_than_are_told_apart_end_in_one_row(tmp_path):
    rows = forms(capture_of([f.ethernet(bytes(40), 0x9000 + i) for i in range(50)]), tmp_path)
    assert len(rows) == 32
    assert rows["frames"].sum() == 50
    assert rows["reason"][-1] == "other"


def test_a_capture_of_encrypted_tunnels_alone_is_told_by_the_status(tmp_path, capsys):
    esp = capture_of([f.ethernet(f.ipv4(bytes(40), protocol=50))] * 9)
    status, err = told(esp, tmp_path, capsys)
    assert status == 3
    assert "9 frames of IP protocol 50 (ESP, encrypted)" in err


def connection(first, second=b"", *, port=1755, client=40000, answer=SYN | ACK):
    """Frames of a connection: what the client sends, what the server does."""
    ends = {"src_port": client, "dst_port": port}
    back = {"src_port": port, "dst_port": client}
    out = [f.ipv4(f.tcp(b"", seq=10, ack=0, flags=SYN, **ends))]
    if answer is not None:
        out.append(
            f.ipv4(f.tcp(b"", seq=20, ack=11, flags=answer, **back), src=f.SERVER, dst=f.CLIENT)
        )
    if first:
        out.append(f.ipv4(f.tcp(first, seq=11, ack=21, **ends)))
    if second:
        ack = 11 + len(first)
        out.append(f.ipv4(f.tcp(second, seq=21, ack=ack, **back), src=f.SERVER, dst=f.CLIENT))
    return [f.ethernet(datagram) for datagram in out]


HTTP = b"GET /x HTTP/1.1\r\nUser-Agent: NSPlayer/9.0\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.0\r\nContent-Type: application/x-wms-sendevent\r\nUser-Agent: NSPlayer\r\n"
FRAMED = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-mms-framed\r\n\r\n$H\4\0"
COUGAR = b"HTTP/1.1 404 Not Found\r\nServer: Cougar/9.5.6001\r\n\r\n"
RTSP = b"DESCRIBE rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n"
PLAIN = b"GET / HTTP/1.1\r\nHost: example.net\r\nUser-Agent: curl\r\n\r\n"
ATTEMPTS = {
    "unanswered": connection(b"", answer=None),
    "refused": connection(b"", answer=RST | ACK),
    "silent": connection(b""),
    "not MMS": connection(b"\x16\3\1\0\x80 something else", b"and an answer"),
}
SERVED = {
    "HTTP": [connection(HTTP, port=80), connection(POST, port=8080), connection(PLAIN, COUGAR),
             connection(b"GET / HTTP/1.0\r\n\r\n", FRAMED, port=80), connection(HTTP, FRAMED)],
    "RTSP": [connection(RTSP, port=554), connection(b"OPTIONS * RTSP/1.0\r\n\r\n", port=8554),
             connection(b"x" * 30, b"RTSP/1.0 200 OK\r\n\r\n", port=554)],
}  # fmt: skip


@pytest.mark.parametrize("reason", ATTEMPTS)
def test_connections_to_the_port_of_mms_without_mms(reason, tmp_path, capsys):
    raw = capture_of(ATTEMPTS[reason])
    (row,) = forms(raw, tmp_path)
    assert row.item()[:5] == (reason, 0, len(ATTEMPTS[reason]), 1, START)
    assert row.item()[5:] == (f.CLIENT, 40000, f.SERVER, 1755)
    for command in ("decode", "stats", "sessions"):
        status, err = told(raw, tmp_path, capsys, command)
        assert status == 3
        assert f"1 connection to port 1755 {row_words(reason)}" in err


def row_words(reason):
    return {
        "unanswered": "got no answer", "refused": "refused", "silent": "on which nothing was sent",
        "not MMS": "on which no MMS was found",
    }[reason]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "frames"), [(name, made) for name, many in SERVED.items() for made in many]
)
def test_windows_media_over_other_protocols(reason, frames, tmp_path):
    (row,) = forms(capture_of(frames), tmp_path)
    assert (row["reason"], row["frames"], row["connections"]) == (reason, len(frames), 1)


def test_other_http_is_nothing_to_be_said(tmp_path, capsys):
    raw = capture_of(connection(PLAIN, b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", port=80))
    assert len(forms(raw, tmp_path)) == 0
    status, err = told(raw, tmp_path, capsys)
    assert (status, err) == (
        0, "mmscodec: no MMS or WinMX traffic in 4 frames, 4 of them TCP or UDP\n",
    )  # fmt: skip


def test_beside_mms_attempts_are_said_and_are_no_damage(tmp_path, capsys):
    tried = ATTEMPTS["unanswered"] + connection(HTTP, FRAMED, port=80, client=40001)
    mms = [f.ethernet(p.datagram) for p in recut.read(MMS)]
    raw = capture_of(tried + mms)
    for command in ("decode", "stats", "sessions"):
        status, err = told(raw, tmp_path, capsys, command)
        assert status == 0
        assert "1 connection to port 1755 got no answer (1 frame)" in err
        assert "Windows Media was served over HTTP" in err
        assert "no MMS" not in err


def test_stats_as_json_has_the_rows(tmp_path, capsys):
    path = tmp_path / "a.pcap"
    path.write_bytes(capture_of(ATTEMPTS["refused"]))
    main(["stats", "--json", str(path)])
    (row,) = json.loads(capsys.readouterr().out)["not_understood"]
    assert (row["reason"], row["frames"], row["dst_port"]) == ("refused", 2, 1755)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link-type-169.pcap", "46 frames of link type 169"),
        ("frames-are-raw-ip.pcap", "46 frames that are not of link type 1 (Ethernet)"),
        ("syn-without-answer.pcap", "1 connection to port 1755 got no answer (6 frames)"),
        ("served-over-http.pcap", "Windows Media was served over HTTP"),
    ],
)
def test_cases_end_with_a_sentence(name, words, capsys):
    for command in ("decode", "stats", "sessions"):
        assert main([command, str(CASES / name)]) == 3
        assert words in capsys.readouterr().err


# ---- half connections


def test_two_halves_in_different_vlans_are_a_hint(tmp_path, capsys):
    packets = recut.read(MMS)[3:]
    items = [
        (p.time, f.vlan(p.datagram, 7) if p.dst_port == 1755 else f.ethernet(p.datagram))
        for p in packets
    ]
    path = tmp_path / "half.pcap"
    path.write_bytes(build.pcap(items, magic=build.NANO))
    for command in ("decode", "stats", "sessions"):
        main([command, str(path)])
        assert "1 connection was seen in two halves" in (err := capsys.readouterr().err)
        assert "--ignore-vlan" in err
        main([command, "--ignore-vlan", str(path)])
        assert "--ignore-vlan" not in capsys.readouterr().err


# ---- files


def of_files(faults):
    return faults[faults["flow"] < 0]


@pytest.mark.parametrize("seed", range(20))
def test_a_capture_moved_in_text_mode_is_named(seed, tmp_path):
    rng = random.Random(seed)
    count = rng.randrange(8, 60)
    items = [
        (START + i * 10**6, f.ethernet(f.ipv4(f.tcp(rng.randbytes(500))))) for i in range(count)
    ]
    raw = build.pcap(items, rng.choice("<>"), rng.choice([build.MICRO, build.NANO]))
    path = tmp_path / "moved.pcap"
    path.write_bytes(raw)
    mmscodec.open(path).close()
    path.write_bytes(raw.replace(b"\n", b"\r\n"))
    with pytest.raises(mmscodec.errors.CaptureError, match="transfer in text mode"):
        mmscodec.open(path)


@pytest.mark.parametrize("spool", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_capture_moved_in_text_mode_is_named_through_a_pipe(seed, spool):
    rng = random.Random(seed)
    items = [
        (START + i * 10**6, f.ethernet(f.ipv4(f.tcp(rng.randbytes(500)))))
        for i in range(rng.randrange(8, 400))
    ]
    raw = build.pcap(items)
    with mmscodec.open(Pipe(raw), spool=spool) as capture:
        assert len(of_files(capture.faults)) == len(capture.skipped) == 0
    with mmscodec.open(Pipe(raw.replace(b"\n", b"\r\n")), spool=spool) as capture:
        assert len(of_files(capture.faults))
        ((_, why),) = capture.skipped
        assert "transfer in text mode" in why


@pytest.mark.parametrize("command", ["stats", "decode", "sessions"])
@pytest.mark.parametrize("name", ["text-mode-crlf.pcap", "utf16"])
def test_what_a_pipe_brings_is_named_as_a_file_is(name, command, tmp_path, capsys, monkeypatch):
    path = tmp_path / "capture"
    raw = (CASES / "text-mode-crlf.pcap").read_bytes()
    raw = raw if name != "utf16" else "\ufeff\r\n\r\r\n\x1c\0".encode("utf-16-le") + bytes(90)
    path.write_bytes(raw)
    assert main([command, str(path)]) == 1
    of_file = capsys.readouterr().err.partition(": ")[2]
    reading, writing = os.pipe()
    os.write(writing, raw)
    os.close(writing)
    with open(reading, "rb") as pipe:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(pipe))
        assert main([command, "-"]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    words = "is no pcap or pcapng file: "
    assert last.partition(words)[2] == of_file.strip().partition(words)[2] != ""


def test_a_capture_of_text_with_crlf_is_none(tmp_path):
    lines = b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n"
    items = [(START + i * 10**6, f.ethernet(f.ipv4(f.tcp(lines, seq=1)))) for i in range(9)]
    path = tmp_path / "text.pcap"
    path.write_bytes(build.pcap(items, magic=build.NANO))
    with mmscodec.open(path) as capture:
        assert len(of_files(capture.faults)) == 0


def test_case_of_text_mode():
    with pytest.raises(mmscodec.errors.CaptureError, match="transfer in text mode"):
        mmscodec.open(CASES / "text-mode-crlf.pcap")


@pytest.mark.parametrize("kind", ["xz", "zstd"])
def test_our_own_limits_are_not_called_damage(kind, tmp_path, monkeypatch, capsys):
    frame = f.ethernet(f.ipv4(f.tcp(random.Random(1).randbytes(1400), dst_port=80)))
    raw = capture_of([frame] * 800)
    if kind == "xz":
        monkeypatch.setattr(compression, "XZ_MEMORY", 1 << 20)
        packed = lzma.compress(raw)
    else:
        zstd = pytest.importorskip("backports.zstd", reason="backports.zstd is not installed")
        monkeypatch.setattr(compression, "ZSTD_WINDOW", 20)
        options = {zstd.CompressionParameter.window_log: 24}
        packer = zstd.ZstdCompressor(options=options)
        packed = packer.compress(raw[: 1 << 19]) + packer.compress(raw[1 << 19 :]) + packer.flush()
    path = tmp_path / "big"
    path.write_bytes(packed)
    with mmscodec.open(path) as capture:
        (fault,) = of_files(capture.faults)
        assert fault["code"] == FaultCode.BEYOND_LIMIT
        assert fault["need"] > fault["have"] == 1 << 20
    assert main(["decode", str(path)]) == 3
    err = capsys.readouterr().err
    assert "not read any further, for a limit of this program" in err
    assert "damaged" not in err


@pytest.mark.parametrize("form", [{}, {"threads": 2}, {"mapped": False}])
@pytest.mark.parametrize("place", [0, 1, 5])
def test_faults_of_files_have_the_time_of_their_place(form, place, tmp_path):
    """That of the record in front of the damage, or of the first one; no section of MMS."""
    items = [
        (START + i * 10**6, f.ethernet(f.ipv4(f.tcp(b"hello", seq=1000 + 5 * i))))
        for i in range(400)
    ]
    whole = build.pcap(items, magic=build.NANO)
    size = (len(whole) - 24) // 400
    cut = 24 + place * size
    path = tmp_path / "hurt.pcap"
    path.write_bytes(whole[:cut] + b"\xff" * 48 + whole[cut:])
    with mmscodec.open(path, protocols=None, **form) as capture:
        (fault,) = of_files(capture.faults)
        assert fault["time"] == START + max(place - 1, 0) * 10**6
        assert "[" not in of_files(capture.faults).text()[0]
    with mmscodec.open(path, protocols=None, **form) as capture:
        times = [t for batch in capture.iter_batches(10) for t in of_files(batch.faults)["time"]]
        assert times == [START + max(place - 1, 0) * 10**6]


def test_a_file_of_nothing_but_damage_has_a_time(tmp_path):
    path = tmp_path / "hurt.pcap"
    path.write_bytes(build.pcap([]) + b"\xff" * 100)
    with mmscodec.open(path) as capture:
        assert capture.faults["time"].tolist() == [0]
        assert not any("[" in line for line in capture.faults.text())


def test_a_full_disk_of_the_spool_cites_no_section(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmscodec.capture.mapped.SpoolFile.write", full)
    with mmscodec.open(gzip.compress(capture_of([f.ethernet(DATAGRAM)] * 9))) as capture:
        lines = capture.faults.text()
        assert lines
        assert not any("[" in line for line in lines)
