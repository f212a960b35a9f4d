"""Security bugs that parsers of MMS really had: one test, or a family, for each.

`BUGS` is the list; the name of each test begins with the key of its bug, and `test_list.py` looks
that none is without one.
"""

BUGS = {
    "cve_2000_0211": "Windows Media Unicast Service: handshake messages out of order",
    "cve_2010_0478": "nsum.exe: the transport-info string overflows the stack",
    "cve_2005_1195": "MPlayer, xine: fixed-size arrays for packets and for stream ids",
    "cve_2006_2200": "libmms, xine: lengths that are not checked, or doubled at some places only",
    "libmms_change_logs": "stream id over 23, header larger than its buffer, endless loop at EOF",
    "libmms_0_6_2": "subtractions from a 16-bit and additions to a 32-bit length that wrap",
    "cve_2008_3794": "VLC mmstu: a size in a signed int passes the check",
    "cve_2012_1775": "VLC: the host of the URL in 4,096 bytes of the stack",
    "cve_2013_2478": "Wireshark: a string length doubled in 32 bits; embedded NULs",
    "cve_2014_2892": "libmms: an answer line without a bound",
    "cve_2018_1999010": "FFmpeg: fields of ASF objects read behind their end",
    "ffmpeg_mmst": "FFmpeg: stale bytes used of packets shorter than the field",
    "cve_2023_47359": "VLC mmsh (and -47360): an offset and a length that underflow",
    "cve_2024_46461": "VLC mmstu: strings checked against everything but the end of the packet",
}
