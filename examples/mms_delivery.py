"""How an MMS server sends Data: over TCP or UDP, numbered, paced, lost on purpose, sent again."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict

from examples.mms_link import Link
from mmscodec import mms

KEPT = 512  # packets that can be sent again
SETTLE = 0.2  # seconds that UDP gets before TCP says that the stream has ended
LARGEST_TCP = 0xFFFF - 8  # payload of a Data packet: PacketSize has two bytes
LARGEST_UDP = 65_507 - 8  # of one in a datagram, which IPv4 limits
WAITING = 1 << 20  # bytes that wait for the network behind the socket of all clients
MORE, LAST, PACKET_PAIR = 0x04, 0x0C, 0x10  # AFFlags of what is no media


class Delivery:
    """Data packets of one session.

    Parameters
    ----------
    link : Link
        Connection that carries Data over TCP.
    rate : float
        Packets a second; 0 = as fast as the network takes them.
    udp : asyncio.DatagramTransport, optional
        Socket to send from when Data goes over UDP.
    address : (host, port), optional
        Where the client listens.
    lose : int
        Over UDP each `lose`-th media packet is not sent the first time; 0 = all are.
    lost : range
        Numbers of media packets that are not sent over UDP the first time either.

    Attributes
    ----------
    sequence : int
        32-bit number of the next media packet; AFFlags carries its low byte.
    """

    def __init__(
        self, link: Link, rate: float, udp=None, address=None, lose: int = 0,
        lost: range = range(0),
    ) -> None:  # fmt: skip
        self.link, self.rate, self.udp, self.address = link, rate, udp, address
        self.lose, self.lost = lose, lost
        self.sequence = 0
        self.sent: OrderedDict[int, bytes] = OrderedDict()
        self.due = 0.0

    async def header(self, header: bytes, incarnation: int, largest: int, whole: bool) -> None:
        """The ASF file header in fragments of at most `largest` bytes.

        `whole` = False leaves out the last one, as if it were lost.
        """
        starts = range(0, len(header), largest)
        for index, start in enumerate(starts):
            last = index == len(starts) - 1
            if last and not whole:
                return
            flags = LAST if last else MORE
            self.put(index, incarnation, flags, header[start : start + largest])
            await self.pause()

    async def media(self, number: int, incarnation: int, packet: bytes | memoryview) -> None:
        """One ASF data packet, under the next sequence number."""
        sequence = self.sequence
        self.sequence += 1
        lost = bool(self.lose) and sequence % self.lose == self.lose - 1
        lost = self.udp is not None and (lost or sequence in self.lost)
        data = self.put(number, incarnation, sequence & 0xFF, packet, lost=lost)
        if self.udp is not None:
            self.sent[sequence] = data
            if len(self.sent) > KEPT:
                self.sent.popitem(last=False)
        await self.pause()

    def restart(self) -> None:
        """A new Start*: a sequence whose last AFFlags was 0xFE goes on at 0x00, not 0xFF."""
        if self.sequence & 0xFF == 0xFF:
            self.sequence += 1

    def packet_pair(self) -> None:
        """Two datagrams of 1,472 random bytes: the client measures the time between them."""
        for number in (0xF0F0F000, 0xF0F0F001):
            self.put(number, 0xFF, PACKET_PAIR, os.urandom(1464))

    def resend(self, sequences: list[int]) -> None:
        """Identical copies of what was asked for, as far as it is kept."""
        for sequence in sequences:
            if sequence in self.sent:
                self.write(self.sent[sequence])

    def put(self, location, incarnation, flags, payload, lost=False) -> bytes:
        """Encode one Data packet and, unless it is to be lost, send it."""
        data = mms.encode(
            "Data", location_id=location, play_incarnation=incarnation, af_flags=flags,
            payload=payload,
        )  # fmt: skip
        if lost:
            self.link.log("s2c", "lost", self.link.peer, loc=location, af=flags)
        else:
            self.write(data)
        return data

    def write(self, data: bytes) -> None:
        """One Data packet onto the wire."""
        self.link.log(
            "s2c", "data", self.link.peer, loc=int.from_bytes(data[:4], "little"), inc=data[4],
            af=data[5], size=len(data), via="udp" if self.udp else "tcp",
        )  # fmt: skip
        if self.udp is None:
            self.link.write(data)
        elif not self.udp.is_closing() and self.udp.get_write_buffer_size() < WAITING:
            self.udp.sendto(data, self.address)  # else it is lost, as on any full line

    @property
    def largest(self) -> int:
        """Bytes of payload that one Data packet can carry."""
        return LARGEST_TCP if self.udp is None else LARGEST_UDP

    async def settle(self) -> None:
        """Let datagrams arrive: nothing orders UDP and TCP, and players stop at EndOfStream."""
        if self.udp is not None:
            await asyncio.sleep(SETTLE)

    async def pause(self) -> None:
        """Wait until the next packet is due, and until the network has room."""
        if self.udp is None:
            await self.link.drain()
        now = asyncio.get_running_loop().time()
        self.due = max(self.due, now - 0.01) + (1 / self.rate if self.rate else 0)
        await asyncio.sleep(max(0.0, self.due - now))
