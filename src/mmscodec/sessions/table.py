"""The table of sessions."""

from __future__ import annotations

import numpy as np

from mmscodec.schema.dtypes import table

_COLUMNS = {
    # which flows; rows of `flows`, -1 = none
    "client_flow": "i4", "server_flow": "i4", "data_flow": "i4", "resend_flow": "i4",
    "start": "i8", "end": "i8",
    "transport": "U3",  # of Data: "tcp", "udp", "" not known
    "auth_scheme": "u1", "auth_result": "i1", "end_reason": "u1",
    "ended_by": "u1", "played_out": "i1", "udp_story": "u1",
    "partial": "u2", "challenges": "u2",
    "end_hr": "i8", "end_message": "i8", "reached": "f8",
    # the file, by ReportOpenFile
    "attributes": "u4", "packet_size": "u4", "bit_rate": "u4", "header_size": "u4",
    "packet_count": "u8", "duration": "f8", "open_file_id": "i8", "client_id": "i8",
    # what was done
    "requests": "u4", "unanswered": "u4", "seeks": "u4", "pauses": "u4", "strides": "u4",
    "entries": "u4", "stream_switches": "u4", "redirected_to": "i4", "reconnect_of": "i4",
    "retried_as": "i4",
    # times in ns, -1 = not known
    "connect_time": "i8", "start_up": "i8", "first_data": "i8",
    "pings": "u4", "unanswered_pings": "u4",
    "ping_min": "i8", "ping_mean": "i8", "ping_max": "i8",
    # Data packets
    "media_packets": "u8", "media_bytes": "u8", "received_bit_rate": "f8",
    "playing_bit_rate": "f8", "longest_gap": "i8", "stalls": "u4", "stalled": "i8",
    # the player's buffer, by the send times of ASF packets
    "preroll": "i8", "preroll_reached": "i8", "first_key_frame": "i8", "lowest_buffer": "i8",
    "underruns": "u4", "late_packets": "u4", "dry": "i8",
    "location_jumps": "u8", "locations_left_out": "u8",
    "lost": "u8", "longest_loss": "u8", "lost_at_start": "u8", "lost_at_end": "u8",
    "reordered": "u8", "duplicates": "u8",
    "resend_requests": "u4", "resends_asked": "u4", "resends_delivered": "u4",
    # what was wrong
    "violations": "i4", "deviations": "i4", "faults": "u4", "gaps": "u4", "unread": "u8",
    # its TCP connection: what the server sent again or in another order, windows of the client
    "retransmissions": "u4", "out_of_order": "u4", "zero_windows": "u4",
    "handshake": "i8", "rtt_min": "i8", "rtt_mean": "i8", "rtt_max": "i8",
    "copies": "u4",  # how often its TCP bytes were captured
    # what the client itself says, by its last CLIENT_LOG; -1 = it says nothing
    "log_packets": "i8", "log_bytes": "i8", "log_lost": "i8", "log_resent": "i8",
    "log_bufferings": "i8", "log_played": "i8",
}  # fmt: skip


def _dtype() -> np.dtype:
    # in the order of the names, each column aligned to its size
    columns, at = {}, 0
    for name, kind in _COLUMNS.items():
        size = np.dtype(kind).itemsize
        at += -at % size
        columns[name] = (kind, at)
        at += size
    return table(at + -at % 8, **columns)


#: Rows of `cap.sessions`.
SESSIONS = _dtype()

#: Texts of a session that `cap.session_column` gives.
TEXTS = (
    "client_address", "server_address", "url", "file_name", "player", "player_version", "guid",
    "host", "via", "server_version", "authen_package", "funnel_name", "redirect_location",
    "auth", "end_text", "partial_text",
)  # fmt: skip

#: Columns and the fields of CLIENT_LOG that they hold, numbers up to `MOST`.
LOG = (
    ("log_packets", "dw_packets_received"), ("log_bytes", "qw_bytes_received"),
    ("log_lost", "dw_packets_lost_client"), ("log_resent", "dw_packets_recovered_resent"),
    ("log_bufferings", "dw_buffering_count"), ("log_played", "ms_played"),
)  # fmt: skip
MOST = (1 << 63) - 1

NO_START, NO_CLIENT, NO_SERVER, MISSING, NO_END, FAULTS, UNREAD = 1, 2, 4, 8, 16, 32, 64
#: Bits of `sessions["partial"]`; 0 = the session was captured whole.
PARTIAL = {
    NO_START: "start not captured",
    NO_CLIENT: "client's direction not captured",
    NO_SERVER: "server's direction not captured",
    MISSING: "bytes missing",
    NO_END: "end not captured",
    FAULTS: "malformed bytes skipped",
    UNREAD: "bytes that nothing interpreted",
}
