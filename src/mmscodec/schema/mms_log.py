"""CLIENT_LOG and CLIENT_LOG_INFO, the statistics that a client sends when playback ends.

Packed: `rate` has two bytes, so nothing behind it is aligned. Strings are in the client's ANSI
code page and end with a NUL inside their fixed field; an empty one is sent as "-".
"""

from __future__ import annotations

from mmscodec.schema.fields import (
    ansi,
    i16,
    must,
    nested,
    should,
    structure,
    u32,
    u64,
)


def _text(name: str, size: int, note: str, rule=None, default: str = "-"):
    return ansi(name, size=size, note=note, rule=rule, default=default)


CLIENT_LOG_INFO = structure(
    "CLIENT_LOG_INFO",
    "2.2.1.2",
    u32("cbSize", rule=must(1142), unit="bytes", note="length of this structure"),
    _text("szURL", 260, "URL of the content"),
    _text("szChannelURL", 260, "URL of the .nsc file that supplied szURL, if any"),
    _text("szUserAgent", 64, "User-Agent of the embedding browser"),
    _text("szHostingWebPage", 260, "URL of the page hosting the player"),
    u64("qwClientVersion", unit="4 x 16 bits", note="player version, major part first"),
    _text("szLang", 16, "client language such as en-US"),
    _text("szUniquePID", 40, "unique player id, GUID text recommended"),
    _text("szHostExe", 32, "executable hosting the player"),
    u64("qwHostExeVer", unit="4 x 16 bits", note="version of that executable"),
    u32("msFileDuration", unit="ms", note="duration of the content; 0 for live"),
    u64("qwFileSize", unit="bytes", note="size of the content; 0 for live"),
    u32("dwAvgBandwidthBps", unit="bit/s", note="average received"),
    _text("szAudioCodec", 64, "audio codec in use"),
    _text("szVideoCodec", 64, "video codec in use"),
    u32("msStartTime", unit="ms", note="content time where playback began; 0 for live"),
    u32("msPlayed", unit="ms", note="content played"),
    i16("rate", default=1, note="playback rate; 1 = normal, negative = reverse"),
    u32("dwBufferingCount", note="number of bufferings"),
    u32("msBufferingTime", unit="ms", note="time spent buffering"),
    u64("qwBytesReceived", unit="bytes", note="payload of Data packets received"),
    u32("dwPacketsReceived", unit="packets", note="Data packets received"),
    u32("dwPacketsLostClient", unit="packets", note="Data packets never received"),
    u32("dwPacketsRecoveredECC", rule=must(0), note="MMS has no error correction"),
    u32(
        "dwMinReceptionQuality",
        rule=must(low=0, high=100),
        default=100,
        unit="percent",
        note="lowest share received or recovered over 30 s",
    ),
    u32("hr", rule=must(0), unit="HRESULT"),
)

CLIENT_LOG = structure(
    "CLIENT_LOG",
    "2.2.1.1",
    u32("cbSize", rule=must(1490), unit="bytes", note="length of this structure"),
    nested("info", struct=CLIENT_LOG_INFO),
    u32("dwSourceId", note="ReportOpenFile.openFileId"),
    u32(
        "dwIPAddress",
        rule=should(0xFFFFFFFF, loose=True),
        unit="IPv4",
        note="may be the client's address, as NT 4.0 and Windows 2000 software sends it",
    ),
    _text("szComputerDNS", 260, "may be the client's DNS name", should("-", loose=True)),
    _text("szOS", 16, "operating system name and version"),
    u64("qwOSVersion", unit="4 x 16 bits", note="operating system version, major part first"),
    _text("szCPU", 16, "processor brand and model"),
    _text("szProto", 8, "", must("mms")),
    _text("szTransport", 8, "transport of the Data packets", must(one_of=("UDP", "TCP")), "TCP"),
    u32("dwPacketsLostNet", unit="packets", note="Data packets lost on the network"),
    u32("dwPacketsLostContNet", unit="packets", note="longest run of missing Data packets"),
    u32("dwResendRequests", unit="packets", note="Data packets whose resend was requested"),
    u32("dwPacketsRecoveredResent", unit="packets", note="recovered thanks to a resend"),
    u32("dwPacketsResent", unit="packets", note="resent Data packets received"),
)
