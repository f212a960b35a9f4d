"""The command on WinMX captures, against what the peers logged."""

import json
from pathlib import Path

import pytest

from mmscodec.cli import main

FOLDER = Path(__file__).resolve().parent.parent / "captures" / "winmx"
TCP_ONLY = ("secondary", "patched", "chat")


def logged(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def frames(line: dict) -> list[tuple[int, int]]:
    """Offset and length of each frame of one write."""
    content, at, found = bytes.fromhex(line["frame"]), 0, []
    while at < len(content):
        length = 4 + int.from_bytes(content[at + 2 : at + 4], "little")
        found.append((line["offset"] + at, length))
        at += length
    return found


@pytest.mark.parametrize("name", TCP_ONLY)
def test_every_frame_that_was_sent_is_a_row(name, capsys):
    assert main(["decode", "--json", str(FOLDER / f"{name}.pcap")]) in (0, 3)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for side, way in (("client", "C>S"), ("server", "S>C")):
        sent = [pair for f in logged(name) if f["side"] == side for pair in frames(f)]
        seen = [
            (row["offset"], row["length"])
            for row in rows
            if (row["type"], row["direction"]) == ("message", way)
        ]
        assert seen == sent


def test_nodes_are_shown_with_their_addresses(capsys):
    main(["decode", str(FOLDER / "secondary.pcap")])
    assert "nodes=[(192.0.2.63, 6257, 6699, 3, 80, 2, 0)" in capsys.readouterr().out
    main(["decode", str(FOLDER / "cache.pcap")])
    assert "CacheList" in capsys.readouterr().out


def test_statistics_count_packets_and_nodes(capsys):
    main(["stats", "--json", str(FOLDER / "secondary.pcap")])
    counts = json.loads(capsys.readouterr().out)
    assert counts["messages"]["NodeList"] == 11
    assert counts["nodes"] == 74


def test_standard_input_is_decoded_while_it_comes(capsys, monkeypatch):
    for name in ("secondary", "primary"):
        path = FOLDER / f"{name}.pcap"
        main(["decode", "--json", str(path)])
        expected = capsys.readouterr().out
        with path.open("rb") as file:
            monkeypatch.setattr("sys.stdin", file)
            file.buffer = file
            main(["decode", "--json", "-"])
        assert capsys.readouterr().out == expected


def test_datagrams_are_rows(capsys):
    main(["decode", "--json", str(FOLDER / "primary.pcap")])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rooms = [row["fields"]["room_name"] for row in rows if row["name"] == "RoomAdvertisement"]
    assert rooms[0] == "Room 0_010200C01A2B"
    assert [row["time_ns"] for row in rows] == sorted(row["time_ns"] for row in rows)


def test_findings_of_winmx_rows_are_said(capsys):
    main(["decode", "--findings", str(FOLDER / "secondary.pcap")])
    lines = [line for line in capsys.readouterr().out.splitlines() if "deviation" in line]
    assert lines
    assert all("expected" in line for line in lines)
