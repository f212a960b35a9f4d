"""What an MMS server streams: from where to where, playlist entries one after another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from examples.asf_file import AsfFile, without_padding
from examples.mms_delivery import Delivery
from examples.mms_link import Message

if TYPE_CHECKING:
    from examples.mms_server import Options

PUSHED = 0xFF  # incarnation of a playlist entry that the client did not ask for
UNUSED = (0, 0xFFFFFFFF)


class Stream:
    """READY or STREAMING: the files of a session and the task that sends them.

    Attributes
    ----------
    files : list of AsfFile
        The entry that is played, then those that follow it.
    incarnation : int
        Of the latest StartPlaying or StartStriding; `PUSHED` while a next entry has none.
    """

    def __init__(self, delivery: Delivery, options: Options) -> None:
        self.delivery, self.link, self.options = delivery, delivery.link, options
        self.files: list[AsfFile] = []
        self.incarnation = 0
        self.task: asyncio.Task | None = None
        self.switched = asyncio.Event()  # the client has chosen streams of a pushed entry
        self.patience: asyncio.TimerHandle | None = None

    def expect_idle(self) -> None:
        """Start the Idle-Timeout: its end closes the connection."""
        if self.patience is not None:
            self.patience.cancel()
        loop = asyncio.get_running_loop()
        # what the client has not read by then does not matter any more
        self.patience = loop.call_later(self.options.idle, self.link.writer.transport.abort)

    def to_play(self, message: Message) -> range:
        """Numbers of the packets that a StartPlaying asks for: up to a time, or to the end."""
        first = self.first_packet(message)
        limit = message.number("frame_offset")
        until = limit & 0x7FFFFFFF
        file = self.files[0]
        if limit >> 31:  # from the start of playback, not from that of the file
            until += file.times[first] if first < len(file.packets) else 0
        return range(first, file.packets_until(until) if until else len(file.packets))

    def to_stride(self, message: Message, rate: float) -> range:
        """Numbers of the packets that a StartStriding asks for: every n-th, either way."""
        first = self.first_packet(message)
        step = max(1, round(abs(rate)))
        if rate < 0:
            return range(first, -1, -step)
        return range(first, len(self.files[0].packets), step)

    def first_packet(self, message: Message) -> int:
        """Where to start. Players give locationId together with position 0.0, so it goes first."""
        file = self.files[0]
        location, byte = message.number("location_id"), message.number("asf_offset")
        last = max(len(file.packets) - 1, 0)
        if location not in UNUSED:
            return min(location, last)
        if float(message["position"]) < 1e9:  # DBL_MAX hands over to the other two
            return file.packet_at(float(message["position"]))
        number = (byte - len(file.header)) // file.packet_size if byte not in UNUSED else 0
        return min(max(number, 0), last)

    async def start(self, incarnation: int, numbers: Iterable[int]) -> None:
        """Begin to stream; an entry that is being pushed only takes the new incarnation.

        By 3.2.5.11 positions are ignored whenever the server is streaming, but libmms seeks without
        StopPlaying and real servers follow it.
        """
        if self.incarnation == PUSHED and self.task and not self.task.done():
            self.incarnation = incarnation
            self.switched.set()
            return
        await self.stop()
        self.patience.cancel()
        self.incarnation = incarnation
        self.delivery.restart()
        self.task = asyncio.create_task(self.run(numbers))

    async def stop(self) -> None:
        """End what is under way."""
        self.expect_idle()
        if self.task is not None:
            task, self.task = self.task, None
            task.cancel()
            (end,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(end, Exception):
                raise end

    async def run(self, numbers: Iterable[int]) -> None:
        """Send packets, then what comes after them: the next entry of a playlist, or the end."""
        try:
            while True:
                await self.send_packets(numbers)
                await self.delivery.settle()
                following = self.files[1:]
                self.link.send(
                    "LinkMacToViewerReportEndOfStream", hr=1 if following else 0,
                    play_incarnation=self.incarnation,
                )  # fmt: skip
                if not following:
                    self.expect_idle()
                    return
                self.files = following
                file = following[0]
                self.link.send(
                    "LinkMacToViewerReportStreamChange", cb_packet_size=file.packet_size,
                    cb_header_size=len(file.header), dw_bit_rate=file.bit_rate,
                )  # fmt: skip
                if self.delivery.udp is not None:
                    self.expect_idle()
                    return  # READY: the client asks for the new header
                self.incarnation = PUSHED
                self.switched.clear()
                await self.send_header(PUSHED)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.switched.wait(), self.options.push_wait)
                numbers = range(len(file.packets))
        except OSError:
            pass  # the connection has gone

    async def send_packets(self, numbers: Iterable[int]) -> None:
        """Media of the current file, with a Ping now and then."""
        file = self.files[0]
        for count, number in enumerate(numbers, 1):
            whole = file.packets[number]
            packet = whole
            if self.options.strip:
                packet = without_padding(whole, self.options.keep_padding_length)
            place = (self.options.first_location + number) & 0xFFFFFFFF
            await self.delivery.media(place, self.incarnation & 0xFF, packet)
            if self.options.ping_every and count % self.options.ping_every == 0:
                self.link.send("LinkMacToViewerPing")

    async def send_header(self, incarnation: int, whole: bool = True) -> None:
        """The header of the current file."""
        file = self.files[0]
        largest = max(min(self.options.fragment or file.packet_size, file.packet_size), 1)
        await self.delivery.header(file.header, incarnation, largest, whole)
