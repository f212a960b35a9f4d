"""What a collector is told: by a TOML file, by flags, by a program."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from mmscodec.errors import near

_POLICIES = ("block", "drop-newest", "drop-oldest")
_LEVELS = ("debug", "info", "warning", "error")
_MIB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What is read, how it is written, and what is held meanwhile.

    Attributes
    ----------
    input : str
        "-" is standard input; a file or folder of captures; tcp://HOST:PORT sends a capture
        (pcap-over-IP). "" with `listen`.
    output : str
        The folder; it is made if needed.
    listen : sequence of str
        Instead of an input: tcp://HOST:PORT or unix:PATH, where raw MMS streams are taken, one a
        connection.
    follow, idle
        Wait for more at the end of a file or folder; for how many seconds at most.
    filter, port, ignore_vlan
        As `mmscodec.open` has them; `port` may be several.
    tables : sequence of str
        Only these. Default: all that can be had in batches and have rows.
    charset, show_secrets
        As `convert` has them.
    roll_seconds, roll_bytes
        Files are finished after so long, or when one of them is so large.
    policy : str
        What happens when rows come quicker than they are written: "block" makes the input wait,
        "drop-newest" and "drop-oldest" drop rows, which are counted.
    queue_bytes : int
        Rows that may wait to be written.
    max_flows, max_held, max_streams : int
        Ceilings, see `mmscodec.open` and `mms.Decoders`.
    metrics_port, metrics_address
        Where Prometheus finds metrics; port 0 is none.
    log_format : str
        "text" or "json".
    log_level : str
    """

    input: str = ""
    output: str = ""
    listen: Sequence[str] = ()
    follow: bool = False
    idle: float = 0.0
    filter: str = ""
    port: Sequence[int] = ()
    ignore_vlan: bool = False
    tables: Sequence[str] = ()
    charset: str = ""
    show_secrets: bool = False
    roll_seconds: float = 300.0
    roll_bytes: int = 128 * _MIB
    policy: str = "block"
    queue_bytes: int = 64 * _MIB
    max_flows: int = 1 << 16
    max_held: int = 64 * _MIB
    max_streams: int = 1 << 16
    metrics_port: int = 0
    metrics_address: str = "127.0.0.1"
    log_format: str = "text"
    log_level: str = "info"

    def __post_init__(self) -> None:
        if not self.output:
            raise ValueError("output: the folder is not named")
        if bool(self.input) == bool(self.listen):
            raise ValueError("either an input or listen is needed, and not both")
        for name, known in (("policy", _POLICIES), ("log_level", _LEVELS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{spelled(name)} is one of {', '.join(known)}")
        if self.log_format not in ("text", "json"):
            raise ValueError("log-format is text or json")
        for name in ("roll_seconds", "roll_bytes", "queue_bytes", "max_flows", "max_streams"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{spelled(name)} must be more than 0")


def spelled(name: str) -> str:
    """A name as it is written in files and flags."""
    return name.replace("_", "-")


def settings(path: str | None, flags: Mapping[str, Any]) -> Settings:
    """What a file says, and over it what flags say.

    Raises
    ------
    ValueError
        The file is no TOML, has a key that there is not, or a value of another kind.
    """
    return Settings(**{**(_read(path) if path else {}), **flags})


def _read(path: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    known = {spelled(field.name): field.name for field in fields(Settings)}
    kinds = get_type_hints(Settings)
    out = {}
    for key, value in content.items():
        if key not in known:
            raise ValueError(f"{path}: no key is called {key!r}{near(key, known)}")
        name = known[key]
        out[name] = _value(f"{path}: {key}", value, kinds[name])
    return out


def _value(where: str, value: Any, kind: Any) -> Any:
    if kind in (str, bool):
        if type(value) is kind:
            return value
        raise ValueError(f"{where}: {'true or false' if kind is bool else 'text'} is needed")
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind is int and type(value) in (int, str):
        return value if type(value) is int else size(value, where)
    if kind == Sequence[int] and _all(value, int):
        return tuple(value)
    if kind == Sequence[str] and _all(value, str):
        return tuple(value)
    raise ValueError(f"{where}: {'a list' if 'Sequence' in str(kind) else 'a number'} is needed")


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


def size(word: str, where: str = "size") -> int:
    """Bytes, as a number with K, M or G behind it.

    >>> size("64M")
    67108864
    """
    factor = {"K": 1 << 10, "M": _MIB, "G": 1 << 30}.get(word[-1:].upper(), 1)
    digits = word[:-1] if factor > 1 else word
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:20]) < 1 << 40:
        raise ValueError(f"{where}: bytes like 1000000, 512K, 64M or 1G are needed, not {word}")
    return int(digits) * factor
