"""One session, for people and for `write_asf`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.sessions.control import MID
from mmscodec.sessions.entries import Entry
from mmscodec.sessions.metadata import (
    AUTH_SCHEMES,
    END_REASONS,
    REFUSED,
    Facts,
    hr_name,
    log_in_charset,
)
from mmscodec.sessions.quality import Quality
from mmscodec.sessions.session_flows import Ends
from mmscodec.sessions.table import PARTIAL

#: What a server refuses by a message with an HRESULT that failed.
_REFUSALS = {
    MID["LinkMacToViewerReportConnectedEX"]: "Connect",
    MID["LinkMacToViewerReportFunnelInfo"]: "FunnelInfo",
    MID["LinkMacToViewerReportConnectedFunnel"]: "ConnectFunnel",
    MID["LinkMacToViewerReportDisconnectedFunnel"]: "ConnectFunnel",
    MID["LinkMacToViewerReportOpenFile"]: "OpenFile",
    MID["LinkMacToViewerReportReadBlock"]: "ReadBlock",
    MID["LinkMacToViewerReportStreamSwitch"]: "StreamSwitch",
    MID["LinkMacToViewerReportStartedPlaying"]: "StartPlaying",
    MID["LinkMacToViewerReportStartStriding"]: "StartStriding",
}


def _fact(name: str, words: str) -> Any:
    return property(lambda session: getattr(session.facts, name), doc=words)


@dataclass(slots=True, eq=False)
class Session:
    """What is known of one session.

    Attributes
    ----------
    index : int
        Row in `cap.sessions`.
    row : numpy.void
        That row.
    client_address, server_address, url, file_name, player, player_version, guid, host, via,
    server_version, authen_package, funnel_name, redirect_location : str
        "" where the capture does not say. Credentials are in none of them.
    entries : list of Entry
        One for each ASF file, with the rows of its Data packets.
    log : dict or None
        The client's own CLIENT_LOG, the last one of the session.
    """

    index: int
    ends: Ends
    facts: Facts
    entries: list[Entry]
    quality: Quality
    row: Any = None
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    file_name = _fact("file_name", "Name in OpenFile, as the client sent it.")
    player = _fact("player", "Name of the player, by the subscriber name of Connect.")
    player_version = _fact("player_version", "Its version.")
    guid = _fact("guid", "The client's GUID, by Connect; third-party players all send the same.")
    host = _fact("host", "The host that the client was given.")
    via = _fact("via", "The proxies that it came through.")
    server_version = _fact("server_version", "Version of the server, by ReportConnectedEX.")
    authen_package = _fact("authen_package", "Scheme that the server asks for, by that.")
    funnel_name = _fact("funnel_name", "Where Data is to go, by ConnectFunnel.")
    redirect_location = _fact("redirect_location", "Where ReportRedirect sent the client.")

    @property
    def client_address(self) -> str:
        """address:port of the client."""
        return endpoint(self.ends.client_host, self.ends.client_port)

    @property
    def server_address(self) -> str:
        """address:port of the server."""
        return endpoint(self.ends.server_host, self.ends.server_port)

    @property
    def url(self) -> str:
        """The URL that the client must have been given."""
        if not self.facts.file_name:
            return ""
        scheme = {"udp": "mmsu", "tcp": "mmst"}.get(self.transport, "mms")
        host, port = self.facts.host, self.ends.server_port
        if not host:
            host = endpoint(self.ends.server_host, port).removesuffix(":1755")
        elif host.count(":") > 1 and not host.startswith("["):
            host = f"[{host}]"
        return f"{scheme}://{host}/{self.facts.file_name.lstrip('/')}"

    @property
    def transport(self) -> str:
        """How Data came: "tcp", "udp" or ""."""
        return str(self.row["transport"]) if self.row is not None else ""

    @property
    def auth(self) -> str:
        """Scheme and success of the authentication; "" if there was none."""
        scheme = AUTH_SCHEMES[self.facts.auth_scheme]
        if not scheme:
            return ""
        if self.facts.auth_result == 1:
            return f"{scheme}, accepted"
        return f"{scheme}, {'not accepted' if self.facts.credentials else 'credentials never sent'}"

    @property
    def end_text(self) -> str:
        """Why the session ended, with the HRESULT by name, and what was refused."""
        reason = int(self.row["end_reason"])
        words = END_REASONS[reason]
        name = hr_name(int(self.row["end_hr"]))
        if name and int(self.row["end_hr"]) > 0:
            words += f": {name}"
            if reason == REFUSED and self.refused:
                words += f", to {self.refused}"
        elif (
            self.facts.challenges and not self.facts.credentials and not self.quality.media_packets
        ):
            words += ": credentials were asked for, none were sent"
        return words

    @property
    def refused(self) -> str:
        """The request that the server refused last, and that nothing made good; "" if none."""
        return _REFUSALS.get(self.facts.hr_mid, "")

    @property
    def partial_text(self) -> str:
        """What is missing of the session, in words; "" if nothing."""
        bits = int(self.row["partial"])
        return ", ".join(words for bit, words in PARTIAL.items() if bits & bit)

    @property
    def log(self) -> dict[str, Any] | None:
        """CLIENT_LOG of the client, names as in the schema."""
        return self.facts.log

    def as_dict(self, charset: str | None = None) -> dict[str, Any]:
        """Everything as plain Python objects, for JSON.

        `charset` is the encoding of the client's 8-bit text; default: Western Windows.
        """
        from mmscodec.sessions.table import TEXTS

        out: dict[str, Any] = {"session": self.index}
        out |= {name: getattr(self, name) for name in TEXTS}
        out |= {name: self.row[name].item() for name in self.row.dtype.names}
        out |= {name: None for name, value in out.items() if not _finite(value)}
        if self.log is not None:
            out["client_log"] = log_in_charset(self.log, charset)
        return out

    def _repr_html_(self) -> str:
        """What a notebook shows: a table and the bit rate as a picture, without any script."""
        from mmscodec.sessions.html import session_html

        return session_html(self)

    def __repr__(self) -> str:
        where = self.url or self.server_address  # quoted: the text came from a peer
        return f"<Session {self.index}: {self.client_address} {where!r}>"


def _finite(value: Any) -> bool:
    # JSON has no other numbers, and a peer may say that a file lasts for ever
    return not isinstance(value, float) or math.isfinite(value)


def endpoint(host: str, port: int) -> str:
    """`address:port`, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else ""
