"""A small WinMX peer: really talks over TCP and UDP, in pieces as small as wished.

python examples/winmx_peer.py SCENARIO [--port N] [--seed N] [--truth FILE]

plays both ends of one scenario over loopback: `secondary`, `patched`, `chat`, `primary` or `cache`.
Every frame sent is written to the truth file, one JSON object a line, so that a capture of the
traffic can be checked against what was said.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import threading
import time
from collections.abc import Iterable

import numpy as np

from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role, Stream

HOST = "127.0.0.1"
ROLES = {
    "secondary": (Role.SECONDARY_CLIENT, Role.SECONDARY_SERVER),
    "patched": (Role.SECONDARY_CLIENT, Role.SECONDARY_SERVER),
    "chat": (Role.CHAT_CLIENT, Role.CHAT_SERVER),
    "primary": (Role.PRIMARY_CLIENT, Role.PRIMARY_SERVER),
}


class Side:
    """One end of a connection: enciphers what it sends and cuts it into random pieces."""

    def __init__(self, sock: socket.socket, name: str, rng: random.Random, truth: list) -> None:
        self.sock, self.name, self.rng, self.truth = sock, name, rng, truth
        self.sent = 0
        self.out: Stream | None = None
        self.into: Stream | None = None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        """Send plain bytes in pieces of 1 to 60 bytes, now and then all at once."""
        while data:
            size = len(data) if self.rng.random() < 0.2 else self.rng.randint(1, 60)
            self.sock.sendall(data[:size])
            data = data[size:]
            time.sleep(0.001)

    def say(self, frame: bytes) -> None:
        """Send one plain frame enciphered, and note it."""
        assert self.out is not None
        self.truth.append({"side": self.name, "offset": self.sent, "frame": frame.hex()})
        self.sent += len(frame)
        self.write(self.out.encipher(frame))

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise ConnectionError("the other side left")
            data += piece
        return data


def shake_hands(server: Side, client: Side, link: str) -> None:
    """Greeting, both key blocks, and the states that the server's block yields."""
    client_role, server_role = ROLES[link]
    server.write(b"1")
    client.read(1)
    block = cipher.key_block(client_role, server.rng.randbytes(16))
    client.write(block)
    assert cipher.check_key_block(server.read(16)) is client_role
    block = cipher.key_block(server_role, server.rng.randbytes(16))
    server.write(cipher.mask(block) if link == "patched" else block)
    received = client.read(16)
    plain = cipher.mask(received) if cipher.check_key_block(received) is None else received
    to_client, to_server = cipher.stream_keys(plain)
    server.out, client.into = Stream(to_client), Stream(to_client)
    client.out, server.into = Stream(to_server), Stream(to_server)
    server.sent, client.sent = 17, 16


def records(count: int, rng: random.Random) -> np.ndarray:
    """Made-up nodes of a documentation range."""
    nodes = np.zeros(count, winmx.RECORD_DTYPE)
    for i in range(count):
        nodes[i] = (0xC0000200 + rng.randrange(256), 6257, 6699, rng.randrange(10),
                    rng.randrange(120), rng.randrange(3), 0)  # fmt: skip
    return nodes


def secondary_talk(rng: random.Random) -> Iterable[tuple[str, bytes]]:
    """What a secondary and its primary say to each other."""
    say = winmx.encode
    handle = "WinMX b8a1797a1871"
    who = {"user_handle": handle, "user_name": "Gumdrop609_21270"}
    media = {"bitrate": 128, "sample_rate": 44100, "play_time_seconds": 201}
    file = {"hash": rng.randbytes(20), "size": 22925}
    yield "client", say("UserInfo", base_user_name="Gumdrop609", line_type=8,
                        tcp_transfer_port=2378)  # fmt: skip
    yield "server", say("UserInfoAcknowledgement", session_id=21270)
    yield "client", say("QueueStatus", status_text="9006 6 of 6 available")
    yield "client", say("UserNameNotification", full_user_name="Gumdrop609_21270")
    for count in (8, 8, 7, 8, 9, 0, 8):
        yield "server", say(records(count, rng))
        yield "client", say("QueueStatus", status_text=b"9006 6 of 6 available\0")
    yield "server", say(records(8, rng)) * 3
    yield "server", b"\xa1\x03\x1d\0" + records(2, rng).tobytes() + b"extra"
    yield "client", say("ShareFile", full_path="C:\\a.txt", **file)
    yield "client", say("ShareFile", full_path="C:\\b.mp3", **file, **media)
    yield "client", say("ShareFolder", folder="C:\\music", files=[
        {"file_name": f"{i}.mp3", **file, **media} for i in range(5)
    ])  # fmt: skip
    yield "client", say("UnshareFile", data=b"layout unknown")
    yield "client", say("WhoIsRequest", **who)
    yield "server", say("WhoIsAnswer", **who, line_type=7, online_seconds=773, files=3000,
                        queue_status="8995 5 in queue (0 of 3 available)")  # fmt: skip
    yield "server", say("WhoIsFailed", **who, message="No response from remote host")
    yield "client", say("SendPrivateMessage", **who, text="hello")
    yield "server", say("PrivateMessageReceived", message_id=bytes(12), **who, text="hi")
    yield "client", say("AcknowledgePrivateMessage", **who, message_id=bytes(12), result="SENT")
    yield "client", say("HashSearch", search_id=12, minimum_line_type=0, file_type=2,
                        digest=rng.randbytes(16))  # fmt: skip
    yield "server", say("SearchResult", search_id=12, primary_ip="192.0.2.9",
                        primary_udp_port=6257, path="a\\b.mp3", **file, **media, line_type=7,
                        ping_ip="192.0.2.77", user_name="other_00017",
                        queue_status="9003 3 of 3 available")  # fmt: skip
    yield "client", say("BrowseRequest", **who)
    for i in range(12):
        extra = media if i % 2 else {}
        yield "server", say("BrowseEntry", **who, file_path=f"music\\{i}.mp3", **file, **extra)
    yield "server", say("BrowseComplete", **who)
    yield "client", say("DownloadRequest", **who, file_name="music\\1.mp3", option=1)
    yield "server", say("DownloadFailed", **who, file_name="music\\1.mp3",
                        status_text="Request timed out")  # fmt: skip
    yield "server", say("DownloadStart", requesting_user_name="a_00001", **who,
                        file_name="music\\2.mp3", ip="192.0.2.5", tcp_port=6699)  # fmt: skip
    yield "client", say("RoomListRequest", zero=0)
    for i in range(10):
        yield "server", say("RoomListEntry", users=i, limit=500,
                            room_name=f"Room {i}_010200C01A2B", topic="Topic")  # fmt: skip


def chat_talk(rng: random.Random) -> Iterable[tuple[str, bytes]]:
    """What a chat client and a room say to each other."""
    say = winmx.encode
    primary = {"primary_ip": "192.0.2.10", "primary_udp_port": 6257}
    user = {"user_name": "Gumdrop609_21270", **primary, "line_type": 8, "files": 3000}
    yield "client", say("ClientAnnouncement")
    yield "client", say("JoinRequest", room_name="Room_010200C01A2B", **user)
    yield "server", say("JoinAccepted")
    yield "server", say("ProtocolSupported")
    yield "server", say("Topic", topic="all about captures")
    yield "server", say("MessageOfTheDay", text="welcome")
    for i in range(20):
        yield "server", say("UserListEntry", **{**user, "user_name": f"u{i}_{i:05}"}, rank=i % 3)
    yield "server", say("UserEntered", **user, rank=0)
    for i in range(10):
        yield "client", say("Text", text=f"line {i}")
        yield "server", say("TextToClients", user_name="Gumdrop609_21270", text=f"line {i}", rank=0)
        yield "client", say("Ping", payload=b"")
        yield "server", say("Ping", payload=b"\0")
    yield "server", say("UserRenamed331", old_user_name="a", old_primary_ip=1,
                        old_primary_udp_port=2, new_user_name="b", new_primary_ip=3,
                        new_primary_udp_port=4, line_type=1, files=0)  # fmt: skip
    yield "server", say("IpSendEntry", user_name="a", **primary, files=1, line_type=2, rank=1,
                        ip_text="192.0.2.1", host_name="a.example")  # fmt: skip
    yield "client", say("ProgramIdentification", program="mmscodec", version="1")
    yield "client", say("OwnStatus", status=2)
    yield "server", say("UserLeft", user_name="a", **primary)


def primary_talk(rng: random.Random) -> Iterable[tuple[str, bytes]]:
    """Queries that one primary passes on to another."""
    for i in range(12):
        side = ("client", "server")[i % 2]
        rest = rng.randbytes(rng.randrange(20))
        if i % 3:
            yield side, winmx.encode("RoomListQuery", origin_ip="127.0.0.1",
                                     origin_udp_port=6257, request_id=rng.randbytes(4),
                                     payload_rest=rest)  # fmt: skip
        else:
            yield side, winmx.encode("PrimaryPacket", origin_ip="127.0.0.1", origin_udp_port=1,
                                     data=b"\x10" + rest)  # fmt: skip


TALKS = {
    "secondary": secondary_talk,
    "patched": secondary_talk,
    "chat": chat_talk,
    "primary": primary_talk,
}


def advertise(rng: random.Random, truth: list, port: int) -> None:
    """Room advertisements by UDP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind((HOST, port))
        for i in range(4):
            frame = winmx.encode(
                "RoomAdvertisement", random_seed=rng.randbytes(4), request_id=rng.randbytes(4),
                users=i, limit=500, room_tcp_port=6699, room_name=f"Room {i}_010200C01A2B",
                topic="Topic",
            )  # fmt: skip
            sender.sendto(cipher.udp_encipher(frame), receiver.getsockname())
            assert cipher.udp_decipher(receiver.recv(2000)) == frame
            truth.append({"side": "udp", "offset": 0, "frame": frame.hex()})


def connected(port: int, rng: random.Random, truth: list) -> tuple[Side, Side]:
    """Both ends of one loopback connection: server, client."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return Side(server, "server", rng, truth), Side(client, "client", rng, truth)


def check(listener: Side, expected: list[bytes], problems: list[str]) -> None:
    """Read frames as a peer would and compare them with what was said."""
    decoder = winmx.Decoder(link="")
    assert listener.into is not None
    got = 0
    while got < len(expected):
        data = listener.sock.recv(4096)
        if not data:
            break
        batch = decoder.feed(listener.into.decipher(data))
        for i, row in enumerate(batch.packets):
            frame = row["type"].tobytes() + row["data_length"].tobytes() + bytes(batch.payload(i))
            if frame != expected[got]:
                problems.append(f"{listener.name}: frame {got} differs")
            got += 1


def play(link: str, port: int, seed: int) -> list[dict]:
    """Play one scenario; what was said."""
    rng = random.Random(seed)
    truth: list[dict] = []
    server, client = connected(port, rng, truth)
    with server.sock, client.sock:
        if link == "cache":
            reply = winmx.encode_cache_reply(records(10, rng))
            truth.append({"side": "server", "offset": 0, "frame": reply.hex()})
            server.write(reply)
            client.read(149)
            return truth
        shake_hands(server, client, link)
        talk = list(TALKS[link](rng))
        problems: list[str] = []
        threads = []
        if link != "primary":
            for listener, speaker in ((client, "server"), (server, "client")):
                whole = b"".join(frame for side, frame in talk if side == speaker)
                frames = [
                    whole[int(row["offset"]) : int(row["offset"]) + int(row["length"])]
                    for row in winmx.decode(whole).packets
                ]
                threads.append(threading.Thread(target=check, args=(listener, frames, problems)))
        for thread in threads:
            thread.start()
        for side, frame in talk:
            (server if side == "server" else client).say(frame)
        for thread in threads:
            thread.join()
        assert not problems, problems
    if link == "primary":
        advertise(rng, truth, port)
    return truth


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", choices=[*TALKS, "cache"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--truth")
    options = parser.parse_args()
    truth = play(options.scenario, options.port, options.seed)
    lines = "".join(json.dumps(line) + "\n" for line in truth)
    if options.truth:
        with open(options.truth, "w", encoding="ascii") as file:
            file.write(lines)
    else:
        print(lines, end="")


if __name__ == "__main__":
    main()
