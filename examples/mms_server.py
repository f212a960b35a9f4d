"""A small MMS server for tests: serves the ASF files of a folder to real players.

    python -m examples.mms_server FOLDER --port 1755
    ffplay mmst://localhost/file.asf

What it does besides playing is chosen by options; `--help` lists them. The messages themselves
are answered in `mms_session`, Data is sent by `mms_delivery`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from examples.asf_file import AsfFile, shared
from examples.mms_link import Link, Log, Message, received
from examples.mms_session import Session
from mmscodec import mms


@dataclass
class Options:
    """What the server does, and what it does wrong on purpose."""

    folder: Path
    rate: float = 0  # Data packets a second; 0 = as fast as TCP takes them, 1,000 over UDP
    fragment: int = 0  # largest fragment of a header; 0 = the packet size
    playlists: dict[str, list[str]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    scheme: str = ""  # BASIC or NTLM
    user: str = "user"
    password: str = "secret"
    packet_pair: bool = False
    ping_every: int = 0  # media packets between two Pings; 0 = none
    udp: bool = True  # False refuses UDP delivery
    lose: int = 0  # each n-th media packet over UDP is lost the first time; 0 = none
    lost: range = range(0)  # numbers of media packets over UDP that are lost the first time
    hold_headers: int = 0  # so many headers lack their last fragment
    live: bool = False  # the file is said to be a live source
    first_location: int = 0  # LocationId of the first packet, as a live source that runs long has
    strip: bool = False  # send packets without their padding, as Windows servers do
    keep_padding_length: bool = False  # and leave the Padding Length as it was, as some do
    push_wait: float = 0.5  # seconds from a pushed header to its media, unless the client is sooner
    idle: float = 3600  # seconds until a connection that does not stream is closed


class Server(asyncio.DatagramProtocol):
    """TCP and UDP under one port number.

    Parameters
    ----------
    options : Options
    log : Log, optional

    Attributes
    ----------
    port : int
    sessions : dict of int to Session
        By client id. A session is forgotten when its connection ends, and its file with it.
    """

    def __init__(self, options: Options, log: Log | None = None) -> None:
        self.options, self.log = options, log or Log()
        self.sessions: dict[int, Session] = {}
        self.tasks: set[asyncio.Task] = set()
        self.numbers = itertools.count(0x1000)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; with port 0 on a free port."""
        loop = asyncio.get_running_loop()
        for attempt in range(20):
            self.tcp = await asyncio.start_server(self.serve, host, port)
            self.port = self.tcp.sockets[0].getsockname()[1]
            try:
                self.udp, _ = await loop.create_datagram_endpoint(
                    lambda: self, local_addr=(host, self.port)
                )
            except OSError:  # that number is taken for UDP: try the next one
                self.tcp.close()
                await self.tcp.wait_closed()
                if port or attempt == 19:
                    raise
            else:
                return

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its end."""
        with contextlib.suppress(OSError):  # the client has gone already
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(reader, writer, self.log, patience=self.options.idle)
        session = Session(self, link, client_id=next(self.numbers) & 0xFFFFFFFF)
        self.sessions[session.client_id] = session
        task = asyncio.current_task()
        self.tasks.add(task)
        self.log("-", "connect", link.peer)
        try:
            await session.run()
        except asyncio.CancelledError:
            pass  # the server is closing
        finally:
            self.tasks.discard(task)
            self.sessions.pop(session.client_id, None)
            await link.close()
            self.log("-", "close", link.peer)

    def datagram_received(self, data: bytes, address: tuple) -> None:
        """RequestPacketListResend: the only datagram a client sends."""
        for message in received(mms.decode(data, transport="udp")):
            if isinstance(message, Message) and message.name == "RequestPacketListResend":
                self.log("c2s", "resend", f"{address[0]}:{address[1]}", hex=data.hex())
                session = self.sessions.get(message.number("dw_client_id"))
                if session is not None and session.link.host == address[0]:
                    session.resend(message)

    def find(self, name: str) -> list[AsfFile]:
        """The files behind a name: one, several of a playlist, or none.

        None too if a name is no name (30,000 letters, a NUL), leads out of the folder, or is that
        of something else than an ASF file.
        """
        names = self.options.playlists.get(name, [name])
        try:
            folder = self.options.folder.resolve()
            paths = [(folder / item).resolve() for item in names]
            if not all(path.is_file() and path.parent == folder for path in paths):
                return []
            return [shared(path) for path in paths]
        except (OSError, ValueError):
            return []

    async def close(self) -> None:
        """Close all connections and both sockets."""
        self.tcp.close()
        self.udp.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.tcp.wait_closed()


def folder(word: str) -> Path:
    """A folder that is there."""
    path = Path(word)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{word} is no folder")
    return path


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=folder, help="folder of the ASF files")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=1755)
    add("--rate", type=float, default=0, help="Data packets a second; 0 = what TCP takes")
    add("--fragment", type=int, default=0, help="largest header fragment, bytes")
    add("--playlist", nargs="+", action="append", default=[], metavar=("NAME", "FILE"))
    add("--redirect", nargs=2, action="append", default=[], metavar=("NAME", "URL"))
    add("--scheme", default="", choices=["", "BASIC", "NTLM"], help="ask for credentials")
    add("--user", default="user")
    add("--password", default="secret")
    add("--packet-pair", action="store_true", help="offer to measure the line")
    add("--ping-every", type=int, default=0, metavar="PACKETS")
    add("--no-udp", dest="udp", action="store_false", help="refuse UDP delivery")
    add("--lose", type=int, default=0, metavar="N", help="lose each N-th media datagram once")
    add("--live", action="store_true", help="say that files are live sources")
    add("--first-location", type=int, default=0, metavar="N", help="number of the first packet")
    add("--keep-padding-length", action="store_true", help="leave it as it was with --strip")
    add("--hold-headers", type=int, default=0, help="so many headers lack their end")
    add("--strip", action="store_true", help="send ASF packets without their padding")
    add("--push-wait", type=float, default=0.5, help="seconds from a pushed header to its media")
    add("--idle", type=float, default=3600, help="seconds until an idle connection is closed")
    add("--log", type=argparse.FileType("w"), help="write JSON lines of all that is sent")
    return parser


async def main() -> None:
    """Serve until interrupted."""
    given = vars(arguments().parse_args())
    host, port, log = given.pop("host"), given.pop("port"), Log(given.pop("log"))
    given["playlists"] = {name: files for name, *files in given.pop("playlist")}
    given["redirects"] = dict(given.pop("redirect"))
    server = Server(Options(**given), log)
    await server.start(host, port)
    print(f"mms://{host}:{server.port}/", file=sys.stderr, flush=True)
    await server.tcp.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
