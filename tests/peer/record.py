"""Record tests/captures/own: python -m tests.peer.record (needs tcpdump and port 1755).

What the example client and server say that no packaged client or test server says, on small media.
"""

import asyncio
import gzip
import json
import struct
import sys
from pathlib import Path

from examples.asf_file import FILE_PROPERTIES, AsfFile
from examples.mms_client import Wishes, play
from examples.mms_link import Log
from tests.peer.loopback import LIMIT, MEDIA, Serving, captured

FOLDER = Path(__file__).parents[1] / "captures" / "own"
PLAYLISTS = {"list": ["tiny.asf", "tiny3200.asf"]}
LOGIN = {"user": "user", "password": "secret"}

GO_ON = {"stop_after": 6, "pause": 0.3}
SEEK = {"stop_after": 6, "seek": 2.0}

PUSH = {"playlists": PLAYLISTS, "rate": 200, "push_wait": 0}
AGAIN = {"fragment": 300, "hold_headers": 2}

#: name: (what the server does, what the client wishes, scheme, name of the file)
RECORDINGS = {
    "own_seek": ({"rate": 100}, {"stop_after": 6, "seek": 0.5}, "mmst", "tiny.asf"),
    "own_stride": ({}, {"stride": 3.0}, "mmst", "tiny.asf"),
    "own_rewind": ({}, {"stride": -2.0, "location": 15}, "mmst", "tiny.asf"),
    "own_until": ({}, {"location": 8, "until": 0.6}, "mmst", "tiny.asf"),
    "own_losses": ({"lose": 6}, {}, "mmsu", "tiny.asf"),
    "own_tail_lost": ({"lose": 4}, {}, "mmsu", "tiny.asf"),
    "own_pair_udp": ({"packet_pair": True}, {"packet_pair": True}, "mmsu", "tiny.asf"),
    "own_pair_tcp": ({"packet_pair": True}, {"packet_pair": True}, "mmst", "tiny.asf"),
    "own_header_again": (AGAIN, {"patience": 0.1}, "mmsu", "tiny.asf"),
    "own_basic": ({"scheme": "BASIC"}, LOGIN, "mmst", "tiny.asf"),
    "own_basic_up_front": ({"scheme": "BASIC"}, {**LOGIN, "up_front": True}, "mmst", "tiny.asf"),
    "own_basic_refused": ({"scheme": "BASIC"}, {"user": "user"}, "mmst", "tiny.asf"),
    "own_ntlm": ({"scheme": "NTLM"}, LOGIN, "mmst", "tiny.asf"),
    "own_ntlm_auth": ({"scheme": "NTLM"}, {**LOGIN, "ntlm_auth": True}, "mmst", "tiny.asf"),
    "own_playlist_tcp": (PUSH, {}, "mmst", "list"),
    "own_playlist_udp": ({"playlists": PLAYLISTS, "rate": 200}, {}, "mmsu", "list"),
    "own_redirect": ({"redirects": {"old": "mmst://127.0.0.1:1755/tiny.asf"}}, {}, "mmst", "old"),
    "own_no_udp": ({"udp": False}, {}, "mms", "tiny.asf"),
    "own_stripped": ({"strip": True, "ping_every": 4}, {}, "mmst", "tiny3200.asf"),
    "own_pause": ({"rate": 100}, GO_ON, "mmst", "tiny.asf"),
    "own_pause_udp": ({"rate": 100}, GO_ON, "mmsu", "tiny.asf"),
    "own_seek_hasty": ({"rate": 100}, {**SEEK, "manner": "hasty"}, "mmst", "tiny.asf"),
    "own_seek_no_stop": ({"rate": 100}, {**SEEK, "manner": "start"}, "mmst", "tiny.asf"),
    "own_hung_up": ({"rate": 100}, {"stop_after": 6, "hang_up": True}, "mmst", "tiny.asf"),
    "own_lost_start": ({"lost": range(4)}, {"resends": False}, "mmsu", "tiny.asf"),
    "own_lost_middle": ({"lost": range(8, 11)}, {"resends": False}, "mmsu", "tiny.asf"),
    "own_lost_end": ({"lost": range(15, 20)}, {"resends": False}, "mmsu", "tiny.asf"),
    "own_lost_all": ({"lost": range(20)}, {"resends": False}, "mmsu", "tiny.asf"),
    "own_live": ({"live": True, "first_location": 123456}, {}, "mmst", "tiny.asf"),
    "own_padding_left": (
        {"strip": True, "keep_padding_length": True}, {}, "mmst", "tiny3200.asf",
    ),
    "own_ipv6": ({"host": "::1", "lose": 6}, {}, "mmsu", "tiny.asf"),
}  # fmt: skip


def cut(name: str, count: int) -> bytes:
    """A file of the first packets of another, with true numbers in its header."""
    file = AsfFile(MEDIA / name)
    header = bytearray(file.header)
    size = len(header) + count * file.packet_size
    at = header.find(FILE_PROPERTIES)
    struct.pack_into("<Q", header, at + 40, size)
    struct.pack_into("<Q", header, at + 56, count)
    struct.pack_into("<Q", header, len(header) - 34, size - len(header) + 50)
    struct.pack_into("<Q", header, len(header) - 10, count)
    return bytes(header) + b"".join(file.packets[:count])


def record(name: str) -> None:
    """One recording with its log."""
    options, wishes, scheme, file = RECORDINGS[name]
    with (
        Serving(folder=FOLDER / "media", port=1755, **options) as server,
        captured(FOLDER / f"{name}.pcap", 1755),
    ):
        client = play(server.url(file, scheme), Wishes(**wishes), Log())
        try:
            asyncio.run(asyncio.wait_for(client, LIMIT))
        except Exception as error:
            print(f"{name}: {error}")
        server.run(server.finished())
    text = "".join(json.dumps(line) + "\n" for line in server.truth)
    with gzip.GzipFile(FOLDER / "truth" / f"{name}.jsonl.gz", "wb", mtime=0) as log:
        log.write(text.encode())


def main() -> None:
    """All of them, or those named on the command line."""
    for folder in ("media", "truth"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    (FOLDER / "media" / "tiny.asf").write_bytes(cut("small1400.asf", 20))
    (FOLDER / "media" / "tiny3200.asf").write_bytes(cut("sample.asf", 8))
    for name in sys.argv[1:] or RECORDINGS:
        record(name)


if __name__ == "__main__":
    main()
