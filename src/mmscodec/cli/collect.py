"""`mmscodec collect`: a service that writes what it decodes into rolling Parquet files."""

from __future__ import annotations

import argparse
import errno
import os
from typing import Any

from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import page, port, positive, seconds
from mmscodec.errors import MmsCodecError

#: Flags that are settings of the same name.
_FLAGS = (
    "output", "listen", "follow", "idle", "filter", "port", "ignore_vlan", "tables", "charset",
    "show_secrets", "roll_seconds", "roll_bytes", "policy", "queue_bytes", "max_flows", "max_held",
    "max_streams", "metrics_port", "metrics_address", "log_format", "log_level",
)  # fmt: skip
LIVE = True
THREADS = False  # it has a thread that decodes and one that writes


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.set_defaults(listed=True)
    parser.add_argument("--config", metavar="FILE", help="settings as TOML; flags come over them")
    parser.add_argument("-o", "--output", metavar="DIR", help="where the files go; made if needed")
    parser.add_argument(
        "--listen", action="append", metavar="ADDRESS",
        help="instead of FILE: take raw MMS streams at tcp://HOST:PORT or unix:PATH",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=_listed, metavar="NAME,...", help="only these (default: all with rows)"
    )
    parser.add_argument(
        "--show-secrets", action="store_true", help="write credentials instead of hiding them"
    )
    page(parser)
    _limits(parser.add_argument_group("files, and what waits for them"))
    _watched(parser.add_argument_group("how it is watched"))


def _limits(group: Any) -> None:
    group.add_argument(
        "--roll-seconds", type=seconds, metavar="SECONDS", help="finish files so often (300)"
    )
    group.add_argument(
        "--roll-bytes", type=_size, metavar="SIZE", help="or when one has this size (128M)"
    )
    group.add_argument(
        "--policy", choices=("block", "drop-newest", "drop-oldest"),
        help="when rows come quicker than they are written, or the disk is full (block)",
    )  # fmt: skip
    group.add_argument(
        "--queue-bytes", type=_size, metavar="SIZE", help="rows that may wait for the disk (64M)"
    )
    group.add_argument(
        "--max-flows", type=positive, metavar="N", help="connections kept in mind (65536)"
    )
    group.add_argument(
        "--max-held", type=_size, metavar="SIZE", help="bytes that wait behind holes (64M)"
    )
    group.add_argument(
        "--max-streams", type=positive, metavar="N", help="with --listen: open streams (65536)"
    )


def _watched(group: Any) -> None:
    group.add_argument(
        "--metrics-port", type=port, metavar="N", help="Prometheus metrics at this port"
    )
    group.add_argument(
        "--metrics-address", metavar="HOST", help="of that port (127.0.0.1: this machine alone)"
    )
    group.add_argument("--log-format", choices=("text", "json"), help="of standard error (text)")
    group.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="from where on (info)"
    )
    group.add_argument(
        "-q", "--quiet", dest="log_level", action="store_const", const="warning",
        help="the same as --log-level warning",
    )  # fmt: skip


def _listed(words: str) -> list[str]:
    return [word for word in words.split(",") if word]


def _size(word: str) -> int:
    """Bytes, with K, M or G."""
    from mmscodec.collect.config import size

    try:
        return size(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None


def run(options: argparse.Namespace) -> int:
    """Collect; 0, 1 if it cannot be done, 2 for wrong settings, 3 for damaged input, 130."""
    from mmscodec.collect import collect
    from mmscodec.collect.config import settings

    if len(options.files) > 1:
        say("collect takes one file, folder or stream")
        return 2
    flags: dict[str, Any] = {
        name: getattr(options, name)
        for name in _FLAGS
        if getattr(options, name) not in (None, False)
    }
    if options.files:
        if not options.files[0]:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        flags["input"] = options.files[0]
    damage = Damage()
    try:
        chosen = settings(options.config, flags)
        status = collect(chosen, damage.add)
    except MmsCodecError:
        raise
    except ValueError as error:
        say(str(error))
        return 2
    return status or damage.report()
