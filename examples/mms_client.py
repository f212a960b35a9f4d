"""A small MMS client for tests: plays into a file and says what packaged players never say.

    python -m examples.mms_client mmsu://localhost/file.asf -o file.asf

Logging, SecurityResponse, StartStriding, CancelReadBlock, RequestPacketListResend, StopPlaying,
seeking, redirects and server-side playlists; `--help` lists the options.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from examples.mms_link import Log
from examples.mms_viewer import Client, Redirected, Refused, Wishes


async def play(url: str, wishes: Wishes | None = None, log: Log | None = None) -> Client:
    """Play a URL, following redirects; the client that played it to its end."""
    wishes = wishes or Wishes()
    for _ in range(wishes.redirects + 1):
        client = Client(url, wishes, log or Log())
        try:
            await client.run()
        except Redirected as other:
            url = str(other)
        else:
            return client
    raise ConnectionError(f"more than {wishes.redirects} redirects")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("url")
    add("-o", "--output", type=Path, default=Path("out.asf"), help="further entries: out-2.asf ...")
    add("--position", type=float, default=0.0, help="seconds to start from")
    add("--location", type=int, help="number of the ASF packet to start from")
    add("--until", type=float, default=0.0, help="seconds to stop at")
    add("--stride", type=float, default=0.0, help="rate, -5 to 5")
    add("--stop-after", type=int, default=0, metavar="PACKETS")
    add("--seek", type=float, help="seconds to go on from after --stop-after")
    add("--user", default="")
    add("--password", default="")
    add("--up-front", action="store_true", help="send credentials unasked")
    add("--ntlm-auth", action="store_true", help="NTLM tokens inside NTLM_AUTH")
    add("--packet-pair", action="store_true", help="measure the line")
    add("--no-logging", dest="logging", action="store_false")
    add("--pause", type=float, help="seconds to pause after --stop-after")
    add("--manner", default="wait", choices=["wait", "hasty", "start"],
        help="how to go on: wait for the end, do not wait, or send no Stop")  # fmt: skip
    add("--hang-up", action="store_true", help="close the connection after --stop-after")
    add("--silence", type=float, default=10.0, help="seconds that a server may say nothing")
    add("--most", type=int, default=1 << 30, metavar="BYTES", help="stop after so much media")
    add("--no-resends", dest="resends", action="store_false", help="ask for no lost packets")
    add("--patience", type=float, default=1.0, help="seconds to wait for the header")
    return parser


def main() -> None:
    """Play and write."""
    given = vars(arguments().parse_args())
    url, output = given.pop("url"), given.pop("output")
    try:
        client = asyncio.run(play(url, Wishes(**given)))
    except (OSError, Refused, ValueError) as error:
        sys.exit(str(error))
    for number, entry in enumerate(client.receiver.entries, 1):
        path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        path.write_bytes(entry.flat())
        print(f"{path}: {len(entry.packets)} packets, {len(client.receiver.missing)} missing")


if __name__ == "__main__":
    main()
