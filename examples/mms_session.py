"""One client of the MMS server: what each message does ([MS-MMSP] 3.2)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from examples.mms_auth import Guard
from examples.mms_delivery import LARGEST_TCP, Delivery
from examples.mms_link import Link, Message
from examples.mms_stream import Stream

if TYPE_CHECKING:
    from examples.mms_server import Server

UDP_RATE = 1000  # packets a second when nothing else was asked for: UDP has no brakes of its own
ASKED = 32  # numbers of one request for lost packets
OPEN_FILE_ID = 1  # other numbers confuse players: VLC refuses them, most say 1 whatever is sent
CAN_STRIDE, CAN_SEEK, LIVE, PLAYLIST = 0x00800000, 0x01000000, 0x06000000, 0x40000000
FILE_NOT_FOUND, ACCESS_DENIED = 0xC00D001A, 0x80070005
NOT_SUPPORTED, INVALID = 0x80070032, 0x80070057
TCP_PAIR, UDP_PAIR = (0xF0F0F0F0, 0xF0F0F0F1), 0xF0F0F901
FUNNEL_NAME = re.compile(r"\\\\(.+)\\(TCP|UDP)\\(\d{1,5})")


class Session:
    """The state of one connection: INIT, READY or STREAMING.

    Parameters
    ----------
    server : Server
    link : Link
    client_id : int
        Number that a client puts into its requests for lost packets.
    """

    def __init__(self, server: Server, link: Link, client_id: int) -> None:
        self.server, self.options, self.link = server, server.options, link
        self.client_id = client_id
        options = self.options
        self.delivery = Delivery(link, options.rate, lost=options.lost)
        self.guard = Guard(options.scheme, options.user, options.password)
        self.file_name = ""
        self.pair_mode = 0
        self.held_headers = options.hold_headers
        self.stream = Stream(self.delivery, options)
        self.log: Message | None = None

    async def run(self) -> None:
        """Answer messages until the client goes."""
        self.stream.expect_idle()
        try:
            async for message in self.link.receive():
                if not isinstance(message, Message) or message.name not in ANSWERS:
                    continue
                if message.name in NEED_A_FILE and not self.stream.files:
                    break
                if await ANSWERS[message.name](self, message):
                    break
                await self.link.drain()  # a client that does not read is not read either
        except OSError:
            pass  # players hang up without a word
        finally:
            await self.stream.stop()
            self.stream.patience.cancel()

    async def connect(self, message: Message) -> None:
        """Connect: who the server is, and how it would like to be asked for credentials."""
        mode = "MMS_USE_PACKET_PAIR" if self.options.packet_pair else "MMS_DISABLE_PACKET_PAIR"
        self.link.send(
            "LinkMacToViewerReportConnectedEX", play_incarnation=mode,
            server_version_info="9.00.00.3372", authen_package=self.options.scheme or None,
        )  # fmt: skip

    async def funnel_info(self, message: Message) -> None:
        """FunnelInfo: a number for the client; filler to measure the line, if it asked."""
        mode, fillers = message.number("play_incarnation"), [0]
        if not self.options.packet_pair:
            mode = 0
        if mode in TCP_PAIR:
            self.pair_mode, fillers = 0xF0F0F0F1, [432, 432, 976]
        elif mode == UDP_PAIR:
            self.pair_mode = UDP_PAIR
        for size in fillers:
            self.link.send(
                "LinkMacToViewerReportFunnelInfo", n_cubs=self.client_id,
                play_incarnation=self.pair_mode or "MMS_DISABLE_PACKET_PAIR",
                packet_pair_packet=os.urandom(size) if size else None,
            )  # fmt: skip

    async def connect_funnel(self, message: Message) -> None:
        r"""ConnectFunnel: `\\address\TCP|UDP\port` says how Data is to be sent.

        The address is the client's own idea and not to be trusted; the port is.
        """
        name = FUNNEL_NAME.match(message["funnel_name"] or "")
        there = name is not None and (name[2] == "TCP" or 0 < int(name[3]) < 65_536)
        if not there or (name[2] == "UDP" and not self.options.udp):
            self.link.send("LinkMacToViewerReportDisconnectedFunnel", hr=NOT_SUPPORTED)
            return
        if name[2] == "UDP":
            self.delivery.udp = self.server.udp
            self.delivery.rate = self.options.rate or UDP_RATE
            self.delivery.address = (self.link.host, int(name[3]))
            self.delivery.lose = self.options.lose
        self.link.send("LinkMacToViewerReportConnectedFunnel")

    async def open_file(self, message: Message) -> bool:
        """OpenFile: a redirect, a challenge, an error, or the properties of the file."""
        self.file_name = (message["file_name"] or "").lstrip("/")
        location = self.options.redirects.get(self.file_name)
        if location is not None:
            self.link.send("LinkMacToViewerReportRedirect", redirect_type=1, wsz_location=location)
            return True
        await self.admit(message, message["token_data"])
        return False

    async def security_response(self, message: Message) -> None:
        """SecurityResponse: the client's credentials, or its part of the NTLM exchange."""
        await self.admit(message, message["p_token"])

    async def admit(self, message: Message, token: bytes | None) -> None:
        """Challenge the client, or report the file."""
        incarnation = message.number("play_incarnation")
        try:
            challenge = self.guard.judge(token) if self.options.scheme else None
        except PermissionError:
            self.report_open_file(incarnation, hr=ACCESS_DENIED)
            return
        if challenge is not None:
            self.link.send(
                "LinkMacToViewerSecurityChallenge", play_incarnation=incarnation,
                cookie=self.client_id ^ 0xC00C1E, p_token=challenge,
            )  # fmt: skip
            return
        await self.stream.stop()
        files = self.server.find(self.file_name)
        hr = 0 if files else FILE_NOT_FOUND
        if any(file.packet_size > min(self.delivery.largest, LARGEST_TCP) for file in files):
            files, hr = [], NOT_SUPPORTED  # its packets are too long for a Data packet
        self.stream.files = files
        self.report_open_file(incarnation, hr)

    def report_open_file(self, incarnation: int, hr: int) -> None:
        """ReportOpenFile: the properties of the first file, or an error."""
        if hr:
            self.link.send("LinkMacToViewerReportOpenFile", hr=hr, play_incarnation=incarnation)
            return
        file, live = self.stream.files[0], self.options.live
        attributes = LIVE if live else CAN_SEEK | CAN_STRIDE
        duration = 0.0 if live else file.duration
        self.link.send(
            "LinkMacToViewerReportOpenFile",
            play_incarnation=incarnation, open_file_id=OPEN_FILE_ID,
            file_attributes=attributes | (PLAYLIST if len(self.stream.files) > 1 else 0),
            file_duration=duration, file_blocks=min(int(-(-duration // 1)), 0xFFFFFFFF),
            file_packet_size=file.packet_size,
            file_packet_count=0 if live else len(file.packets),
            file_bit_rate=file.bit_rate, file_header_size=len(file.header),
        )  # fmt: skip

    async def read_block(self, message: Message) -> None:
        """ReadBlock: the ASF file header, tagged with the low byte of its incarnation."""
        incarnation = message.number("play_incarnation")
        if self.pair_mode == UDP_PAIR and self.delivery.udp is not None:
            self.delivery.packet_pair()
            self.pair_mode = 0
        self.link.send("LinkMacToViewerReportReadBlock", play_incarnation=incarnation)
        whole = self.held_headers == 0
        self.held_headers -= not whole
        await self.stream.send_header(incarnation & 0xFF, whole)

    async def stream_switch(self, message: Message) -> None:
        """StreamSwitch: this server sends all streams, whatever is chosen."""
        self.link.send("LinkMacToViewerReportStreamSwitch")

    async def start_playing(self, message: Message) -> None:
        """StartPlaying: from a time, a byte or a packet on, up to a time or the end."""
        incarnation = message.number("play_incarnation")
        self.link.send(
            "LinkMacToViewerReportStartedPlaying", play_incarnation=incarnation,
            tiger_file_id=OPEN_FILE_ID,
        )  # fmt: skip
        await self.stream.start(incarnation, self.stream.to_play(message))

    async def start_striding(self, message: Message) -> None:
        """StartStriding: every n-th packet, forwards or backwards."""
        incarnation = message.number("play_incarnation")
        rate = float(message["rate"])
        valid = 0 < abs(rate) <= 5
        self.link.send(
            "LinkMacToViewerReportStartStriding", play_incarnation=incarnation,
            hr=0 if valid else INVALID,
        )  # fmt: skip
        if not valid:
            return
        await self.stream.start(incarnation, self.stream.to_stride(message, rate))

    async def stop_playing(self, message: Message) -> None:
        """StopPlaying: the end, confirmed with the client's own incarnation."""
        await self.stream.stop()
        self.link.send(
            "LinkMacToViewerReportEndOfStream",
            play_incarnation=message.number("play_incarnation"),
        )

    async def logging(self, message: Message) -> None:
        """Logging: what the client thinks of how it went. No answer."""
        self.log = message

    async def close_file(self, message: Message) -> bool:
        """CloseFile: the end of the session."""
        return True

    def resend(self, message: Message) -> None:
        """RequestPacketListResend, a datagram that names this session."""
        if message.number("w_source_id") == OPEN_FILE_ID & 0xFFFF:
            numbers = message["dw_begin_packet_list"]
            self.delivery.resend([] if numbers is None else numbers.tolist()[:ASKED])


#: A handler that returns True ends the connection.
ANSWERS = {
    "LinkViewerToMacConnect": Session.connect,
    "LinkViewerToMacFunnelInfo": Session.funnel_info,
    "LinkViewerToMacConnectFunnel": Session.connect_funnel,
    "LinkViewerToMacOpenFile": Session.open_file,
    "LinkViewerToMacSecurityResponse": Session.security_response,
    "LinkViewerToMacReadBlock": Session.read_block,
    "LinkViewerToMacStreamSwitch": Session.stream_switch,
    "LinkViewerToMacStartPlaying": Session.start_playing,
    "LinkViewerToMacStartStriding": Session.start_striding,
    "LinkViewerToMacStopPlaying": Session.stop_playing,
    "LinkViewerToMacLogging": Session.logging,
    "LinkViewerToMacCloseFile": Session.close_file,
}
NEED_A_FILE = (
    "LinkViewerToMacReadBlock",
    "LinkViewerToMacStartPlaying",
    "LinkViewerToMacStartStriding",
)
