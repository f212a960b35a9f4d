"""The README's first command in a bare copy, in a folder with an odd name, with another CC."""

import os
import time

from tools.compilers.places import CACHE, copy_checkout, run, zig

FOLDER = "a copy (ü 漢字) of mmscodec"
CAPTURE = "tests/captures/mms/ffmpeg_tcp.pcap"


def decode() -> str:
    """Set up and decode there; a line of figures. `./run test` sets up in the same way."""
    started = time.monotonic()
    folder = CACHE / "odd" / FOLDER
    copy_checkout(folder)
    log = CACHE / "logs" / "readme.log"
    log.unlink(missing_ok=True)
    environment = dict(os.environ, CC=" ".join(zig()))
    run(["./run", "decode", CAPTURE], log, cwd=folder, env=environment)
    if "LinkViewerToMacConnect" not in log.read_text(errors="replace"):
        raise OSError(f"`./run decode` did not show the messages of {CAPTURE}")
    return (
        f"readme: './run decode' in '{FOLDER}' with zig as CC: {time.monotonic() - started:.0f} s"
    )
