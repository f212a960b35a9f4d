"""The example server in a thread of its own, real players against it, and a capture of it all."""

import asyncio
import contextlib
import gc
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from examples.asf_file import AsfFile
from examples.mms_link import Log
from examples.mms_server import Options, Server

MEDIA = Path(__file__).resolve().parent.parent / "captures" / "mms" / "media"
LIMIT = 300  # seconds: what takes so long hangs
VLC_PORT = 7000  # for Data over UDP
NOBODY = 65534  # VLC does not run as the superuser


class Serving:
    """`with Serving(fragment=300) as server:` serves the media of the tests on a free port."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **options) -> None:
        self.host, self.wanted = host, port
        self.options = Options(**{"folder": MEDIA, "rate": 2000, "idle": 5, **options})
        self.lines = io.StringIO()

    def __enter__(self) -> "Serving":
        self.problems: list[dict] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, problem: self.problems.append(problem))
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = Server(self.options, Log(self.lines))
        try:
            self.run(self.server.start(self.host, self.wanted))
        except OSError as error:
            self.end_loop()
            if self.host == "::1":
                pytest.skip(f"no IPv6 on loopback here: {error}")
            raise
        self.port = self.server.port
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.run(self.finished())
            self.run(self.server.close())
        finally:
            self.end_loop()
        gc.collect()  # exceptions that no task has retrieved
        assert not self.problems

    async def finished(self) -> None:
        """Let the server read the last words of clients that have gone."""
        if self.server.tasks:
            await asyncio.wait(self.server.tasks)

    def end_loop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def run(self, coroutine):
        """Run a coroutine where the server runs."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LIMIT)

    def url(self, name: str = "small1400.asf", scheme: str = "mmst") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{name}"

    @property
    def truth(self) -> list[dict]:
        """What the server's log holds so far."""
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]

    def sent(self, kind: str = "data") -> list[dict]:
        return [line for line in self.truth if line["kind"] == kind]

    @property
    def mids(self) -> list[int]:
        """Message identifiers in the order of the wire, both directions."""
        packets = [bytes.fromhex(line["hex"]) for line in self.sent("tcpmsg")]
        return [int.from_bytes(packet[36:40], "little") for packet in packets]


def flat(name: str = "small1400.asf") -> bytes:
    """All that MMS sends of a file: no index."""
    return AsfFile(MEDIA / name).flat()


def needs(program: str, package: str) -> str:
    """Path of a program, or a skip that says what to install."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (Debian package {package})")
    return path


def play(command: list[str], most: int = 4000, **options) -> str:
    """Run a player to its end; the last `most` bytes of what it says are returned."""
    with tempfile.TemporaryFile() as said:
        player = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **options
        )
        try:
            player.wait(LIMIT)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{Path(command[0]).name} did not end within {LIMIT} s")
        finally:
            if player.poll() is None:
                player.kill()
            player.wait()
        said.seek(max(0, said.seek(0, os.SEEK_END) - most))
        return said.read().decode(errors="replace")


def ffmpeg(url: str, path: Path, size: int) -> None:
    """FFmpeg writes the bytes it receives. It never ends by itself, so `size` is needed."""
    program = needs("ffmpeg", "ffmpeg")
    play([program, "-nostdin", "-v", "fatal", "-f", "data", "-i", url, "-map", "0", "-c", "copy",
          "-f", "data", "-fs", str(size), "-y", str(path)])  # fmt: skip


def libmms(url: str, path: Path, seek: float = -1) -> None:
    """libmms, the library of many players, writes what it reads; seeks after 20,000 bytes."""
    script = Path(__file__).with_name("play_libmms.py")
    said = play([sys.executable, str(script), url, str(path), str(seek)])
    if "libmms.so.0: cannot open" in said:
        pytest.skip("libmms is not installed (Debian package libmms0)")


def mplayer(url: str, path: Path) -> None:
    program = needs("mplayer", "mplayer")
    play([program, "-noconfig", "all", "-nolirc", "-really-quiet", "-dumpstream",
          "-dumpfile", str(path), url])  # fmt: skip


def vlc(url: str, path: Path) -> None:
    program = needs("cvlc", "vlc-bin and vlc-plugin-base")
    with tempfile.TemporaryDirectory() as folder, only_one(VLC_PORT):
        dump, identity = Path(folder, "dump"), {}
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        environment = {**os.environ, "HOME": folder}
        play([program, "--no-dbus", "--demux=dump", f"--demuxdump-file={dump}", url,
              "vlc://quit"], env=environment, **identity)  # fmt: skip
        if dump.exists():
            shutil.copy(dump, path)


@contextlib.contextmanager
def only_one(port: int):
    """Runs of the tests beside this one wait: VLC receives on this port and no other."""
    import fcntl  # not on Windows, where there is no cvlc either

    name = f"mmscodec-port-{port}-{os.geteuid()}.lock"
    with Path(tempfile.gettempdir(), name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def captured(path: Path, *ports: int):
    """Record the traffic of these ports on loopback; skips where that is not permitted.

    All that was sent before the end is in the file: a datagram that is sent last, and is left out,
    tells that tcpdump has come so far.
    """
    program = needs("tcpdump", "tcpdump")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.bind(("127.0.0.1", 0))
        wanted = " or ".join(f"port {port}" for port in (*ports, last.getsockname()[1]))
        command = [program, "-i", "lo", "-n", "-U", "--immediate-mode", "-B", "8192", "-w", "-"]
        with subprocess.Popen(
            [*command, wanted], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as tcpdump:
            assert tcpdump.stdout is not None
            said = heard(tcpdump)
            if "listening on" not in said:
                tcpdump.kill()
                pytest.skip(f"capturing on loopback is not possible here: {said.strip()}")
            mark = b"the last datagram of " + str(path).encode()
            writer = threading.Thread(target=write_until, args=(mark, tcpdump.stdout, path))
            writer.start()
            try:
                yield path
            finally:
                last.sendto(mark, last.getsockname())
                writer.join(LIMIT)
                tcpdump.terminate()
                writer.join()
                tcpdump.stdout.read()  # nothing may fill the pipe
                tcpdump.wait(LIMIT)


def heard(tcpdump: subprocess.Popen) -> str:
    """The line with which tcpdump says that it listens, or why it does not."""
    assert tcpdump.stderr is not None
    line = "?"
    while line and "listening on" not in line and "permi" not in line:
        line = tcpdump.stderr.readline().decode()
    return line


def write_until(mark: bytes, source: BinaryIO, path: Path) -> None:
    """Copy a capture record by record, up to the one that holds `mark`."""
    with path.open("wb") as file:
        file.write(source.read(24))
        while len(head := source.read(16)) == 16:
            frame = source.read(int.from_bytes(head[8:12], sys.byteorder))
            if mark in frame:
                break
            file.write(head + frame)
