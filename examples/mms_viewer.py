"""The client's side of an MMS session ([MS-MMSP] 3.1), one method for each step."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from examples.mms_auth import answer, basic_credentials
from examples.mms_delivery import LARGEST_TCP
from examples.mms_link import Link, Log, Message, received
from examples.mms_receiver import Receiver
from mmscodec import mms

GUID = "{3300AD50-2C39-46C0-AE0A-3E2A4F2A0C11}"
DBL_MAX = sys.float_info.max
UNASKED = ("ReportEndOfStream", "ReportStreamChange")
MANY = 1000  # messages that wait, files of a playlist: a good server has fewer
ROUNDS = 8  # of challenge and response
ENOUGH = "enough"  # stands in the inbox when as many packets came as were wished for


@dataclass
class Wishes:
    """What to play, and how."""

    position: float = 0.0  # seconds
    location: int | None = None  # number of an ASF packet to start from, instead of `position`
    until: float = 0.0  # seconds; 0 = to the end
    stride: float = 0.0  # rate of fast forward, negative = rewind; 0 = play
    stop_after: int = 0  # StopPlaying after so many packets
    seek: float | None = None  # seconds; play on from here after `stop_after`
    user: str = ""
    password: str = ""
    up_front: bool = False  # Basic credentials already in OpenFile
    ntlm_auth: bool = False  # NTLM tokens inside the structure NTLM_AUTH
    packet_pair: bool = False
    logging: bool = True
    patience: float = 1.0  # seconds until a header is asked for again
    redirects: int = 3
    resends: bool = True  # ask for packets that were lost over UDP
    silence: float = 10.0  # seconds that a server may say nothing that we wait for
    most: int = 1 << 30  # bytes of media after which we stop
    pause: float | None = None  # seconds; play on after `stop_after` where it was stopped
    manner: str = "wait"  # for the end of the last start; "hasty": do not wait; "start": no Stop
    hang_up: bool = False  # close the connection after `stop_after`, without a word


class Refused(Exception):
    """The server said no; `hr` is its HRESULT."""

    def __init__(self, what: str, hr: int) -> None:
        super().__init__(f"{what}: HRESULT 0x{hr:08X}")
        self.hr = hr


class Redirected(Exception):
    """The server named another URL."""


class Unplayable(ConnectionError):
    """The server is silent, says what cannot be, or is not there."""


class Client(asyncio.DatagramProtocol):
    """One connection to a server.

    Parameters
    ----------
    url : str
        ``mmst://`` takes Data over TCP, ``mmsu://`` and ``mms://`` over UDP.
    wishes : Wishes
    log : Log

    Attributes
    ----------
    receiver : Receiver
        What has arrived.
    """

    def __init__(self, url: str, wishes: Wishes, log: Log) -> None:
        try:
            parts = urlsplit(url)
            self.host, self.port = parts.hostname or "", parts.port or 1755
        except ValueError:  # port 70000
            self.host = ""
        if not self.host:
            raise Unplayable(f"{url[:200]}: this is no address of a server")
        self.url, self.wishes, self.log = url, wishes, log
        self.path = unquote(parts.path).lstrip("/")
        self.full = False  # `most` bytes have come
        self.heard = 0.0  # when the server last said something that we wait for
        self.udp = parts.scheme != "mmst"
        self.receiver = Receiver(self.ask_again)
        self.inbox: asyncio.Queue[Message | str | None] = asyncio.Queue()
        self.aside: list[Message | str | None] = []
        self.incarnation, self.header_incarnation = 9, 1
        self.file_id = self.client_id = 0
        self.datagrams: asyncio.DatagramTransport | None = None

    async def run(self) -> None:
        """The whole session, from Connect to CloseFile."""
        reader, writer = await self.reach()
        self.link = Link(
            reader, writer, self.log, sends="c2s", receives="s2c", patience=self.wishes.silence
        )
        listening = asyncio.create_task(self.listen())
        try:
            await self.connect()
            await self.open_file()
            await self.read_header()
            await self.play()
            self.link.send("LinkViewerToMacCloseFile", open_file_id=self.file_id)
        finally:
            await self.link.close()
            if self.datagrams is not None:
                self.datagrams.close()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the server."""
        try:
            return await asyncio.wait_for(
                asyncio.open_connection(self.host, self.port), self.wishes.silence
            )
        except TimeoutError:
            raise Unplayable(f"{self.host}:{self.port} does not answer") from None
        except UnicodeError:  # a part of the name with more than 63 letters
            raise Unplayable(f"{self.host[:200]}: this is no name of a host") from None

    async def listen(self) -> None:
        """Sort what comes over TCP: Data, Ping, and messages that somebody waits for."""
        try:
            async for thing in self.link.receive():
                if not isinstance(thing, Message):
                    self.take(thing)
                elif thing.name == "LinkMacToViewerPing":
                    self.link.send("LinkViewerToMacPong")
                    await self.link.drain()
                else:
                    if thing.name == "LinkMacToViewerReportStreamChange":  # before its Data
                        self.begin_entry(thing, "cb_packet_size", "cb_header_size")
                    self.inbox.put_nowait(thing)
                while self.inbox.qsize() > MANY:  # of messages that nobody waits for
                    await asyncio.sleep(0.01)
        except OSError:
            pass
        finally:
            self.inbox.put_nowait(None)

    def begin_entry(self, message: Message, packet_size: str, header_size: str) -> None:
        """The next file, as ReportOpenFile or StreamChange describes it."""
        size = message.number(packet_size)
        if size > LARGEST_TCP or len(self.receiver.entries) >= MANY:
            raise Unplayable(f"file {len(self.receiver.entries)} with packets of {size} bytes")
        pushed = message.name.endswith("StreamChange") and not self.udp
        self.receiver.begin_entry(size, message.number(header_size), pushed)

    def datagram_received(self, data: bytes, address: tuple) -> None:
        """Data over UDP."""
        for thing in received(mms.decode(data, transport="udp")):
            if not isinstance(thing, Message):
                self.take(thing)

    def take(self, data) -> None:
        """One Data packet, by either way."""
        before = self.receiver.received
        self.receiver.take(data)
        if self.receiver.received == before:
            return
        self.heard = asyncio.get_running_loop().time()
        full = self.receiver.octets >= self.wishes.most and not self.full
        self.full |= full
        if full or self.receiver.received == self.wishes.stop_after:
            self.inbox.put_nowait(ENOUGH)

    async def answer(self, *names: str) -> Message:
        """The next message; it must have one of these names (a part of the name will do)."""
        end = asyncio.get_running_loop().time() + self.wishes.silence
        while (message := await self.next_before(end, names)) == ENOUGH or (
            isinstance(message, Message)
            and message.name.endswith(UNASKED)
            and not message.name.endswith(names)
        ):
            self.aside.append(message)  # a short entry may end before its answers come
            if len(self.aside) > MANY:
                raise Unplayable(f"{len(self.aside)} other messages instead of {names}")
        if not isinstance(message, Message) or not message.name.endswith(names):
            raise ConnectionError(f"{message or 'end of connection'} instead of {names}")
        return message

    async def event(self) -> Message | str | None:
        """The next thing that happens without being asked for; None = connection closed."""
        if self.aside:
            return self.aside.pop(0)
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await self.next_before(self.heard + self.wishes.silence, ("Data",))
            except Unplayable:
                if loop.time() - self.heard >= self.wishes.silence:
                    raise  # no Data has come meanwhile either

    async def next_before(self, time: float, names: tuple[str, ...]) -> Message | str | None:
        """What stands next in the inbox, if it comes before this time of the loop."""
        try:
            if asyncio.get_running_loop().time() >= time:
                raise TimeoutError
            async with asyncio.timeout_at(time):
                return await self.inbox.get()
        except TimeoutError:
            raise Unplayable(f"the server is silent, {names} did not come") from None

    async def connect(self) -> None:
        """Connect, FunnelInfo, ConnectFunnel: say who we are, where Data shall go."""
        pair = "MMS_USE_PACKET_PAIR" if self.wishes.packet_pair else "MMS_DISABLE_PACKET_PAIR"
        self.link.send(
            "LinkViewerToMacConnect", play_incarnation=pair,
            subscriber_name=f"NSPlayer/9.0.0.2980; {GUID}; Host: {self.host}",
        )  # fmt: skip
        await self.answer("ReportConnectedEX")
        mode = "MMS_DISABLE_PACKET_PAIR"
        if self.wishes.packet_pair:
            mode = f"MMS_PACKET_PAIR_{'UDP' if self.udp else 'TCP'}_HIGH_ENTROPY"
        self.link.send("LinkViewerToMacFunnelInfo", play_incarnation=mode)
        report = await self.answer("ReportFunnelInfo")
        self.client_id = report.number("n_cubs")
        if report.number("play_incarnation") == 0xF0F0F0F1:
            await self.answer("ReportFunnelInfo")
            await self.answer("ReportFunnelInfo")
        if self.udp and not await self.funnel("UDP", await self.bind()):
            self.udp = False
        if not self.udp and not await self.funnel("TCP", 1037):
            raise ConnectionError("the server takes neither UDP nor TCP")

    async def bind(self) -> int:
        """A port for Data over UDP."""
        local = self.link.writer.get_extra_info("sockname")[0]
        loop = asyncio.get_running_loop()
        self.datagrams, _ = await loop.create_datagram_endpoint(lambda: self, (local, 0))
        endpoint = self.datagrams.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return endpoint.getsockname()[1]

    async def funnel(self, transport: str, port: int) -> bool:
        """Ask for Data over this transport; False = refused."""
        local = self.link.writer.get_extra_info("sockname")[0]
        self.link.send("LinkViewerToMacConnectFunnel", funnel_name=rf"\\{local}\{transport}\{port}")
        report = await self.answer("ReportConnectedFunnel", "ReportDisconnectedFunnel")
        return report.name.endswith("ReportConnectedFunnel")

    async def open_file(self) -> None:
        """OpenFile, with as many rounds of SecurityResponse as the server wants."""
        wishes, token = self.wishes, None
        if wishes.up_front:
            token = basic_credentials(wishes.user, wishes.password)
        self.link.send(
            "LinkViewerToMacOpenFile", play_incarnation=self.next_incarnation(),
            file_name=self.path, token_data=token,
        )  # fmt: skip
        names = ("ReportOpenFile", "SecurityChallenge", "ReportRedirect")
        rounds = 0
        while (report := await self.answer(*names)).name.endswith("SecurityChallenge"):
            if (rounds := rounds + 1) > ROUNDS:
                raise Unplayable(f"{rounds} challenges")
            self.link.send(
                "LinkViewerToMacSecurityResponse", cookie=report.number("cookie"),
                play_incarnation=report.number("play_incarnation"),
                p_token=answer(report["p_token"], wishes.user, wishes.password, wishes.ntlm_auth),
            )  # fmt: skip
        if report.name.endswith("ReportRedirect"):
            raise Redirected(report["wsz_location"] or "")
        if report.number("hr") >> 31:
            raise Refused(self.path, report.number("hr"))
        self.file_id = report.number("open_file_id")
        self.duration = float(report["file_duration"])
        self.begin_entry(report, "file_packet_size", "file_header_size")

    def next_incarnation(self) -> int:
        """9 to 0xFE, for OpenFile and Start*."""
        self.incarnation = self.incarnation + 1 if self.incarnation < 0xFE else 9
        return self.incarnation

    async def read_header(self) -> None:
        """ReadBlock; a header that does not come is cancelled and asked for again."""
        for _ in range(5):
            self.header_incarnation = self.header_incarnation % 8 + 1
            self.receiver.begin_header(self.header_incarnation)
            self.link.send(
                "LinkViewerToMacReadBlock", open_file_id=self.file_id,
                play_incarnation=self.header_incarnation,
            )  # fmt: skip
            await self.answer("ReportReadBlock")
            if await self.within(self.wishes.patience, lambda: self.receiver.entry.header):
                return
            self.link.send(
                "LinkViewerToMacCancelReadBlock", play_incarnation=self.header_incarnation
            )
        raise ConnectionError("no ASF header came")

    async def within(self, seconds: float, condition) -> bool:
        """Wait until something has become true; False if it has not in time."""
        for _ in range(max(1, round(seconds / 0.01))):
            if condition():
                return True
            await asyncio.sleep(0.01)
        return bool(condition())

    async def play(self) -> None:
        """Choose all streams, start, and follow the stream through playlist entries and seeks."""
        await self.start(self.wishes.position, self.wishes.location)
        while (event := await self.event()) is not None:
            if isinstance(event, str):  # ENOUGH
                if not await self.go_on():
                    return
            elif event.name.endswith("ReportEndOfStream") and event.number("hr") != 1:
                if event.number("play_incarnation") != self.incarnation:
                    continue  # of a start that was stopped without waiting
                await self.within(0.3, lambda: self.udp and not self.receiver.missing)
                self.report()
                return
            elif event.name.endswith("ReportStreamChange"):
                if self.udp:
                    await self.read_header()
                    self.report()
                else:
                    await self.within(self.wishes.patience, lambda: self.receiver.entry.header)
                await self.start(0.0)
        raise ConnectionError("the server closed the connection")

    async def go_on(self) -> bool:
        """After `stop_after` packets: seek, pause, or stop for good; False = that was all."""
        wishes, location = self.wishes, None
        self.wishes = replace(wishes, stop_after=0, seek=None, pause=None)
        ends = self.full or (wishes.seek is None and wishes.pause is None)
        if wishes.hang_up:
            raise Unplayable("hung up, as was wished for")
        if wishes.manner == "wait" or ends:
            await self.stop()
            self.report()
        elif wishes.manner == "hasty":
            self.send_stop()
        if ends:
            return False
        if wishes.pause is not None:
            await asyncio.sleep(wishes.pause)
            location = self.receiver.next_location
        await self.start(wishes.seek or 0.0, location)
        return True

    async def start(self, position: float, location: int | None = None) -> None:
        """StreamSwitch and StartPlaying or StartStriding."""
        entries = [(0xFFFF, stream, 0) for stream in self.receiver.entry.streams]
        self.link.send("LinkViewerToMacStreamSwitch", a_stream_entries=entries)
        await self.answer("ReportStreamSwitch")
        incarnation = self.next_incarnation()
        self.receiver.begin_media(incarnation)
        where = {"position": position if location is None else DBL_MAX}
        if location is not None:
            where["location_id"] = location
        common = {"open_file_id": self.file_id, "play_incarnation": incarnation, **where}
        if self.wishes.stride:
            self.link.send("LinkViewerToMacStartStriding", rate=self.wishes.stride, **common)
            report = await self.answer("ReportStartStriding")
        else:
            limit = round(self.wishes.until * 1000)
            self.link.send("LinkViewerToMacStartPlaying", frame_offset=limit, **common)
            report = await self.answer("ReportStartedPlaying")
        self.heard = asyncio.get_running_loop().time()
        if report.number("hr") >> 31:
            raise Refused("start", report.number("hr"))

    async def stop(self) -> None:
        """StopPlaying, and wait until the server confirms it."""
        self.send_stop()
        for _ in range(MANY):
            if (await self.answer("ReportEndOfStream")).number("hr") == 0:
                break

    def send_stop(self) -> None:
        """StopPlaying of the latest start."""
        self.link.send(
            "LinkViewerToMacStopPlaying", open_file_id=self.file_id,
            play_incarnation=self.incarnation,
        )  # fmt: skip

    def ask_again(self, sequences: list[int]) -> None:
        """RequestPacketListResend for what a gap in the numbers has revealed."""
        if self.datagrams is None or not self.wishes.resends:
            return
        for start in range(0, len(sequences), 32):
            wanted = sequences[start : start + 32]
            self.receiver.asked += len(wanted)
            self.datagrams.sendto(
                mms.encode(
                    "RequestPacketListResend", dw_client_id=self.client_id,
                    w_source_id=self.file_id & 0xFFFF, dw_begin_packet_list=wanted,
                ),
                (self.link.host, self.port),
            )  # fmt: skip

    def report(self) -> None:
        """Logging: how it went."""
        if not self.wishes.logging:
            return
        got = self.receiver
        info = {
            "sz_url": self.url, "sz_lang": "en-US", "sz_unique_pid": GUID,
            "sz_host_exe": "mms_client", "qw_client_version": 9 << 48 | 2980,
            "ms_file_duration": round(self.duration * 1000),
            "ms_start_time": round(self.wishes.position * 1000),
            "rate": round(self.wishes.stride) or 1,
            "qw_bytes_received": got.octets, "dw_packets_received": got.received,
            "dw_packets_lost_client": len(got.missing), "dw_min_reception_quality": 100,
        }  # fmt: skip
        self.link.send("LinkViewerToMacLogging", log={
            "info": info, "dw_source_id": self.file_id, "sz_os": "example",
            "sz_transport": "UDP" if self.udp else "TCP",
            "dw_packets_lost_net": len(got.missing) + got.recovered,
            "dw_resend_requests": got.asked, "dw_packets_recovered_resent": got.recovered,
            "dw_packets_resent": got.recovered,
        })  # fmt: skip
