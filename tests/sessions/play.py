"""MMS sessions made by hand and put into a capture: who says what, when, and what gets lost."""

import io
import struct
from pathlib import Path

import mmscodec
from mmscodec import mms
from tests.capture import build, frames

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
SYN, FIN, RST, ACK = 2, 1, 4, 16
START = 1_795_000_000_000_000_000
MS = 1_000_000
GUID = "{3300AD50-2C39-46C0-AE0A-1F2D3E4B5C6D}"


class Play:
    """One connection. Times are in ms from the start; every frame comes 1 ms after the last."""

    def __init__(self, client=CLIENT, server=SERVER, port=40000, server_port=1755, start=0):
        self.ends = {"c": (client, port), "s": (server, server_port)}
        self.next = {"c": 1000, "s": 5000}
        self.count = {"c": 0, "s": 0}
        self.clock = start
        self.frames = []  # (ms, who, kind, frame)
        self.at = start

    # ---- frames

    def at_ms(self, ms):
        self.clock = ms
        return self

    def _add(self, who, kind, inner, protocol):
        src, dst = (
            (self.ends["c"], self.ends["s"]) if who == "c" else (self.ends["s"], self.ends["c"])
        )
        packet = frames.ipv4(inner, src=src[0], dst=dst[0], protocol=protocol)
        self.frames.append((self.clock, who, kind, frames.ethernet(packet)))
        self.clock += 1

    def tcp(self, who, payload=b"", flags=ACK, kind="tcp"):
        src, dst = (
            (self.ends["c"], self.ends["s"]) if who == "c" else (self.ends["s"], self.ends["c"])
        )
        other = "s" if who == "c" else "c"
        segment = frames.tcp(
            payload, src_port=src[1], dst_port=dst[1], seq=self.next[who] & 0xFFFFFFFF,
            ack=self.next[other] & 0xFFFFFFFF, flags=flags,
        )  # fmt: skip
        self.next[who] += len(payload) + bool(flags & (SYN | FIN))
        self._add(who, kind, segment, 6)

    def udp(self, who, payload, src_port, dst_port):
        self._add(who, "udp", frames.udp(payload, src_port=src_port, dst_port=dst_port), 17)

    # ---- the protocol

    def open(self):
        self.tcp("c", flags=SYN, kind="syn")
        self.tcp("s", flags=SYN | ACK, kind="syn")
        return self

    def close(self):
        self.tcp("c", flags=FIN | ACK, kind="fin")
        self.tcp("s", flags=FIN | ACK, kind="fin")
        return self

    def say(self, name, **fields):
        who = "c" if name.startswith("LinkViewer") else "s"
        self.tcp(who, mms.encode(name, seq=self.count[who], **fields), kind=name)
        self.count[who] += 1
        return self

    def data(self, location, payload, incarnation=10, af_flags=0, udp=None):
        packet = mms.encode(
            "Data", location_id=location, play_incarnation=incarnation, af_flags=af_flags & 0xFF,
            payload=payload,
        )  # fmt: skip
        if udp is None:
            self.tcp("s", packet, kind="data")
        else:
            self.udp("s", packet, 1755, udp)
        return self

    def connect(
        self, *, udp=None, guid=GUID, server_version="9.1.0.3841", funnel=None, package="", refuse=0
    ):  # fmt: skip
        """`refuse` = the HRESULT by which UDP is refused; TCP is asked for then."""
        self.say(
            "LinkViewerToMacConnect",
            subscriber_name=f"NSPlayer/9.0.0.2991; {guid}; Host: media.example",
        )
        self.say(
            "LinkMacToViewerReportConnectedEX", server_version_info=server_version,
            authen_package=package,
        )  # fmt: skip
        self.say("LinkViewerToMacFunnelInfo", play_incarnation=0xF0F0F0EF)
        self.say("LinkMacToViewerReportFunnelInfo", play_incarnation=0xF0F0F0EF, n_cubs=77)
        where = funnel or f"\\\\{self.ends['c'][0]}\\{'UDP' if udp else 'TCP'}\\{udp or 1037}"
        self.say("LinkViewerToMacConnectFunnel", funnel_name=where)
        if refuse:
            self.say("LinkMacToViewerReportDisconnectedFunnel", hr=refuse)
            where = f"\\\\{self.ends['c'][0]}\\TCP\\1037"
            self.say("LinkViewerToMacConnectFunnel", funnel_name=where)
        self.say("LinkMacToViewerReportConnectedFunnel", funnel_name="Funnel Of The Gods")
        return self

    def open_file(self, asf, *, name="clip.wmv", incarnation=9, attributes=0x01800000, **fields):
        self.say("LinkViewerToMacOpenFile", file_name=name, play_incarnation=incarnation)
        values = {
            "open_file_id": 5, "file_attributes": attributes, "file_duration": 10.0,
            "file_packet_size": asf.packet_size, "file_packet_count": len(asf.packets),
            "file_bit_rate": 64000, "file_header_size": len(asf.header),
        }  # fmt: skip
        self.say("LinkMacToViewerReportOpenFile", play_incarnation=incarnation, **values | fields)
        return self

    def read_header(self, asf, *, incarnation=1, pieces=1, udp=None):
        self.say("LinkViewerToMacReadBlock", open_file_id=5, play_incarnation=incarnation)
        self.say("LinkMacToViewerReportReadBlock", play_incarnation=incarnation)
        return self.header(asf, incarnation, pieces, udp)

    def header(self, asf, incarnation, pieces=1, udp=None):
        size = -(-len(asf.header) // pieces)
        for i in range(pieces):
            flags = (0x04 if i == 0 and pieces > 1 else 0) | (0x0C if i == pieces - 1 else 0)
            self.data(i, asf.header[i * size : (i + 1) * size], incarnation, flags, udp)
        return self

    def start(self, incarnation=10, **fields):
        self.say(
            "LinkViewerToMacStartPlaying", open_file_id=5, play_incarnation=incarnation, **fields
        )
        return self.say("LinkMacToViewerReportStartedPlaying", play_incarnation=incarnation)

    def packets(self, asf, locations, *, incarnation=10, sequence=0, udp=None):
        for i, location in enumerate(locations):
            self.data(location, asf.packets[location], incarnation, sequence + i, udp)
        return self

    def stop(self, incarnation=10):
        self.say("LinkViewerToMacStopPlaying", open_file_id=5, play_incarnation=incarnation)
        return self.say("LinkMacToViewerReportEndOfStream", hr=0, play_incarnation=incarnation)

    def close_file(self):
        return self.say("LinkViewerToMacCloseFile", open_file_id=5)


def whole(asf, *, udp=None, pieces=1, **options):
    """A session that is as it should be."""
    play = Play(**options).open().connect(udp=udp).open_file(asf)
    play.read_header(asf, pieces=pieces, udp=udp)
    play.say("LinkViewerToMacStreamSwitch", a_stream_entries=[(0xFFFF, 1, 0)])
    play.say("LinkMacToViewerReportStreamSwitch")
    play.start().packets(asf, range(len(asf.packets)), udp=udp)
    play.say("LinkMacToViewerReportEndOfStream", hr=0, play_incarnation=10)
    return play.close_file().close()


def capture(tmp_path, *plays, keep=lambda i, frame: True, name="play.pcap"):
    """`mmscodec.open` of the frames of all plays by time, those that `keep` keeps."""
    all_frames = sorted((f for play in plays for f in play.frames), key=lambda f: f[0])
    kept = [
        (START + ms * MS, frame)
        for i, (ms, who, kind, frame) in enumerate(all_frames)
        if keep(i, (who, kind))
    ]
    path = Path(tmp_path) / name
    path.write_bytes(build.pcap(kept))
    return mmscodec.open(path)


def in_memory(data):
    """A file object over bytes."""
    return io.BytesIO(data)


def u32(value):
    return struct.pack("<I", value)
