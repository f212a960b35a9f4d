"""The logs that the test server wrote beside the captures of real clients."""

import gzip
import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "captures" / "mms"
NAMES = sorted(path.name for path in FOLDER.glob("*.pcap*"))


def log(name, folder=FOLDER):
    """(packets client to server, packets server to client, Data rows) in the order of sending."""
    path = folder / "truth" / f"{name.split('.')[0]}.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        return rows_of(json.loads(line) for line in lines)


def rows_of(entries):
    """The same from entries of a log that were read already."""
    sent = {"c2s": [], "s2c": []}
    data = []
    for entry in entries:
        if entry["kind"] == "tcpmsg":
            sent[entry["dir"]].append(bytes.fromhex(entry["hex"]))
        elif entry["kind"] == "data":
            data.append(tuple(entry[key] for key in ("loc", "inc", "af", "size", "via")))
    return sent["c2s"], sent["s2c"], data


def data_times(name):
    """Seconds at which each Data packet was sent, by the server's clock."""
    path = FOLDER / "truth" / f"{name.split('.')[0]}.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        entries = [json.loads(line) for line in lines]
    return [entry["t"] for entry in entries if entry["kind"] == "data"]


def found(capture):
    """The same from a capture."""
    flows, packets = capture.flows, capture.packets
    sent = {"c2s": [], "s2c": []}
    mids = {int(row["packet"]): int(row["mid"]) for row in capture.messages if row["packet"] >= 0}
    for i, row in enumerate(packets):
        flow = int(row["flow"])
        raw = bytes(capture.read(flow, int(row["offset"]), int(row["length"])))
        sent["c2s" if mids[i] >> 16 == 3 else "s2c"].append(raw)
    data = [
        (
            int(row["location_id"]), int(row["play_incarnation"]), int(row["af_flags"]),
            int(row["length"]), str(flows["transport"][row["flow"]]),
        )
        for row in capture.data
    ]  # fmt: skip
    return sent["c2s"], sent["s2c"], data
