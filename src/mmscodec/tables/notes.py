"""What columns are that no structure of the wire describes: one line each, by table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmscodec.frozen import replace
from mmscodec.tables.column import Column

_ENDS = {"client_port": "port of the client", "server_port": "port of the server"}
_RTT = "from the last segment with payload to the acknowledgment of all that was sent"

NOTES: Mapping[str, Mapping[str, str]] = {
    "flows": {
        "src": "address of the sender",
        "src_port": "its port",
        "dst": "address of the receiver",
        "dst_port": "its port",
        "transport": "tcp or udp",
        "protocol": "mms, winmx, or null where it is neither",
        "gaps": "rows of gaps",
        "retransmissions": "segments with bytes seen before",
        "faults": "rows of faults",
        "first_time": "of its first segment or datagram",
        "last_time": "of its last one",
        "out_of_order": "segments with new bytes below others seen before",
        "zero_windows": "acknowledgments that say that nothing more is taken",
        "rtt_count": "round trips that were measured",
        "rtt_min": "the shortest round trip, " + _RTT,
        "rtt_max": "the longest round trip",
    },
    "findings": {
        "severity": "how much it matters",
        "seen": "the value that is there",
        "expected": "the value that the rule wants",
    },
    "nodes": {
        "ip": "address of the node",
        "udp_port": "its UDP port",
        "tcp_port": "its TCP port",
        "free_primary_slots": "how many more primaries it takes",
        "free_secondary_slots": "how many more secondaries it takes",
        "x": "meaning unknown: 0, 1 or 2",
        "reserved": "always 0 in records that peers are known to send",
    },
    "winmx_packets": {"type_name": "name of the packet"},
    "sessions": {
        **_ENDS,
        "url": "what was asked for, put together from server and file name",
        "file_name": "as OpenFile has it",
        "player": "from subscriberName of Connect",
        "player_version": "from subscriberName of Connect",
        "guid": "from subscriberName of Connect: the player's own number",
        "host": "from subscriberName of Connect: the server that the player means",
        "via": "from subscriberName of Connect: who stands between",
        "server_version": "as ReportConnectedEX has it",
        "authen_package": "as ReportConnectedEX has it",
        "funnel_name": "as ConnectFunnel has it: where Data is to go",
        "redirect_location": "as ReportRedirect has it",
        "end_text": "why it ended, in words",
        "start": "its first segment",
        "end": "its last segment",
        "auth_scheme": "how the client showed who it is",
        "ended_by": "who ended it",
        "udp_story": "what became of the wish for UDP",
        "challenges": "SecurityChallenges of the server",
        "end_hr": "the last HRESULT that failed, else that of the last EndOfStream",
        "attributes": "as ReportOpenFile has them",
        "packet_size": "as ReportOpenFile has it",
        "bit_rate": "as ReportOpenFile has it",
        "header_size": "as ReportOpenFile has it",
        "packet_count": "as ReportOpenFile has it",
        "open_file_id": "as ReportOpenFile has it",
        "client_id": "nCubs of ReportFunnelInfo",
        "requests": "requests of both sides that want an answer, Pings not counted",
        "unanswered": "those that have none",
        "seeks": "new starts of playback elsewhere",
        "pauses": "new starts of playback that go on where the server stopped",
        "strides": "starts of fast playback",
        "entries": "ASF files in it",
        "stream_switches": "StreamSwitch messages",
        "connect_time": "Connect to its answer",
        "start_up": "Connect to the first media packet",
        "first_data": "first start of playback to the first media packet",
        "pings": "Ping messages",
        "unanswered_pings": "those without a Pong",
        "ping_min": "the shortest time from Ping to Pong",
        "ping_mean": "the mean of these times",
        "ping_max": "the longest of them",
        "media_packets": "ASF data packets, each LocationId as often as it came",
        "media_bytes": "payload of the media packets",
        "received_bit_rate": "from the first media packet to the last",
        "playing_bit_rate": "the same without pauses, seeks and stalls",
        "longest_gap": "longest time between two media packets while playing",
        "stalls": "gaps above 1 s",
        "stalled": "all of them together",
        "preroll": "content that the header asks a player to collect before it begins",
        "preroll_reached": "first media packet until the preroll was there",
        "first_key_frame": "first media packet to the first key frame of a video stream",
        "lowest_buffer": "the least content in the player's buffer when a packet came",
        "underruns": "how often the player's buffer ran empty",
        "late_packets": "packets that came when they were needed already",
        "dry": "how long the player's buffer was empty, in all",
        "location_jumps": "holes in LocationId within segments, which are no loss",
        "locations_left_out": "LocationIds in these holes",
        "lost": "Data packets of UDP that never came",
        "longest_loss": "the longest run of them",
        "lost_at_start": "of them, before the first packet that arrived",
        "lost_at_end": "of them, behind the last packet that arrived",
        "reordered": "Data packets of UDP that came late, without those that were asked for again",
        "duplicates": "Data packets of UDP that came more than once",
        "resend_requests": "RequestPacketListResend datagrams",
        "resends_asked": "packet numbers in them",
        "resends_delivered": "of these, packets that came afterwards",
        "violations": "findings of its flows that break a MUST rule",
        "deviations": "findings of its flows that real peers are known for",
        "faults": "malformed places in its flows",
        "gaps": "holes in its TCP flows",
        "retransmissions": "segments of its TCP connection with bytes seen before",
        "out_of_order": "segments with new bytes below others seen before",
        "zero_windows": "acknowledgments by which the client takes nothing more",
        "handshake": "from the SYN to the acknowledgment of the SYN-ACK",
        "rtt_min": "the shortest round trip of TCP, " + _RTT,
        "rtt_mean": "the mean of the round trips",
        "rtt_max": "the longest of them",
        "copies": "how often its TCP bytes were captured",
    },
    "exchanges": {
        **_ENDS,
        "request_mid": "which message asks; null where no request was captured",
        "response_mid": "which message answers; null where none was captured",
        "time": "of the request, or of an answer without one",
        "latency": "from the request to its answer",
        "hr": "result in the answer",
        "incarnation": "playIncarnation by which they belong together",
        "data_latency": "from the request to the first Data packet that it brought",
    },
    "transitions": {
        **_ENDS,
        "side": "whose state it is",
        "before": "state until then",
        "after": "state from then on",
        "time": "of the change",
    },
}


def noted(table: str, columns: Iterable[Column]) -> list[Column]:
    """Columns with their notes; a column of names has that of the number before it."""
    notes = NOTES.get(table, {})
    out = []
    for column in columns:
        note = notes.get(column.name) or notes.get(column.name.removesuffix("_name"))
        note = note or notes.get(column.name.removesuffix("_text"))
        if note and not column.about.get("description"):
            column = replace(column, about={**column.about, "description": note})
        out.append(column)
    return out
