"""Filter expressions, compiled by the system's libpcap."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache

#: LINKTYPE_ number -> the DLT_ number that libpcap calls it by.
LINKS = {
    number: number
    for number in (0, 1, 6, 9, 10, 50, 51, 104, 105, 108, 113, 127, 192, 228, 229, 239, 276)
} | {12: 12, 14: 12, 101: 12}
SNAPLEN = 262144


class _Program(ctypes.Structure):
    """struct bpf_program."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class Filter:
    """A libpcap expression compiled for every link type that it makes sense for.

    Attributes
    ----------
    function : int
        Address of libpcap's `bpf_filter`.
    programs : dict
        LINKTYPE_ number -> address of the instructions.

    Raises
    ------
    RuntimeError
        The system has no libpcap.
    ValueError
        The expression is wrong.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self._library = library()
        self._compiled: list[_Program] = []
        self.programs: dict[int, int] = {}
        error = ""
        for linktype, dlt in LINKS.items():
            program = _Program()
            handle = self._library.pcap_open_dead(dlt, SNAPLEN)
            try:
                done = self._library.pcap_compile(
                    handle, ctypes.byref(program), expression.encode(), 1, 0xFFFFFFFF
                )
                if done != 0:
                    text = self._library.pcap_geterr(handle).decode(errors="replace")
                    error = text if linktype == 1 or not error else error
                    continue
            finally:
                self._library.pcap_close(handle)
            self._compiled.append(program)
            self.programs[linktype] = program.instructions
        if not self.programs:
            raise ValueError(f"filter {expression!r}: {error}")
        address = ctypes.cast(self._library.bpf_filter, ctypes.c_void_p).value
        assert address is not None
        self.function = address

    def __del__(self) -> None:
        for program in getattr(self, "_compiled", ()):
            self._library.pcap_freecode(ctypes.byref(program))


@cache
def library() -> ctypes.CDLL:
    """The system's libpcap."""
    for name in (ctypes.util.find_library("pcap"), "libpcap.so.1", "libpcap.so.0.8", "wpcap"):
        if name is None:
            continue
        try:
            found = ctypes.CDLL(name)
            found.pcap_open_dead.restype = ctypes.c_void_p
            found.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
            found.pcap_compile.argtypes = (
                ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32,
            )  # fmt: skip
            found.pcap_geterr.restype = ctypes.c_char_p
            found.pcap_geterr.argtypes = (ctypes.c_void_p,)
            found.pcap_close.restype = None
            found.pcap_close.argtypes = (ctypes.c_void_p,)
            found.pcap_freecode.restype = None
            found.pcap_freecode.argtypes = (ctypes.c_void_p,)
            found.bpf_filter  # noqa: B018
        except (OSError, AttributeError):
            continue
        return found
    raise RuntimeError("filter= needs libpcap on this system (Debian: libpcap0.8); ports= does not")
