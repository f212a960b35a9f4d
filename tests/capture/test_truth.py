"""Captures of real clients, row for row against the logs of the server they talked to."""

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from tests.capture import truth


@pytest.mark.parametrize("name", truth.NAMES)
def test_every_packet_and_data_packet_of_the_log_is_found_and_none_invented(name):
    capture = mmscodec.open(truth.FOLDER / name)
    assert truth.found(capture) == truth.log(name)
    assert len(capture.faults) == 0
    assert len(capture.gaps) == 0


@pytest.mark.parametrize("name", truth.NAMES)
def test_streams_of_a_capture_decode_to_the_same_rows_by_themselves(name):
    capture = mmscodec.open(truth.FOLDER / name)
    for number, flow in enumerate(capture.flows):
        if flow["transport"] != "tcp":
            continue
        batch = mms.decode(capture.stream(number))
        for table in ("packets", "messages", "data"):
            mine = getattr(capture, table)
            mine = mine[mine["flow"] == number]
            other = getattr(batch, table)
            for column in set(other.dtype.names) - {"packet", "first_message"}:
                assert np.array_equal(mine[column], other[column]), (table, column)


@pytest.mark.parametrize("name", truth.NAMES)
def test_rows_stand_in_the_order_of_time_and_within_their_flow(name):
    capture = mmscodec.open(truth.FOLDER / name)
    flows = capture.flows
    for table in (capture.packets, capture.messages, capture.data):
        assert np.all(np.diff(table["time"]) >= 0)
        assert np.all(table["time"] >= flows["first_time"][table["flow"]])
        assert np.all(table["time"] <= flows["last_time"][table["flow"]])


@pytest.mark.parametrize("name", truth.NAMES)
def test_flows_know_their_other_direction(name):
    flows = mmscodec.open(truth.FOLDER / name).flows
    for number, flow in enumerate(flows):
        if flow["transport"] == "udp":
            continue
        peer = flows[flow["peer"]]
        assert peer["peer"] == number
        assert (peer["src"], peer["src_port"]) == (flow["dst"], flow["dst_port"])
        assert flow["protocol"] == "mms"


def test_udp_flow_is_tied_to_the_session_that_announced_it():
    capture = mmscodec.open(truth.FOLDER / "vlc_udp.pcap")
    (number,) = np.flatnonzero(capture.flows["transport"] == "udp")
    flow = capture.flows[number]
    client = capture.flows[flow["control"]]
    assert flow["dst_port"] == 7000
    assert client["dst_port"] == 1755
    assert client["src"] == flow["dst"]


@pytest.mark.parametrize("name", truth.NAMES)
def test_payload_of_each_data_packet_is_in_the_stream_where_the_row_says(name):
    capture = mmscodec.open(truth.FOLDER / name)
    for i, row in enumerate(capture.data):
        stream = memoryview(capture.stream(int(row["flow"]))) if i < 5 else None
        payload = capture.payload(i)
        assert len(payload) == row["length"] - 8
        if stream is not None:
            at = int(row["offset"])
            assert payload == stream[at + 8 : at + int(row["length"])]


def test_messages_of_a_capture_have_fields_time_and_flow():
    capture = mmscodec.open(truth.FOLDER / "libmms_tcp.pcap")
    connect = capture["LinkViewerToMacConnect"]
    assert len(connect) == 1
    assert connect["time"][0] == capture.messages["time"][0]
    assert capture.flows["dst_port"][connect["flow"][0]] == 1755
    (name,) = capture.column("LinkViewerToMacConnect", "subscriber_name")
    assert name.startswith("NSPlayer/")
