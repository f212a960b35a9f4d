"""The C interface as ctypes sees it: what include/mmscodec.h says, once more."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mmscodec import _capi
from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS

OK, STOPPED, NO_MEMORY, BUSY, CLOSED, BAD_OPTION = 0, 1, -1, -2, -3, -4
STOP_AT_FAULT, LIVE, UDP = 1, 2, 4
DTYPES = {"packets": PACKETS, "messages": MESSAGES, "data": DATA, "faults": FAULTS}

_status = ctypes.c_int
_decoder = ctypes.c_void_p
_count = ctypes.POINTER(ctypes.c_size_t)


class Options(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("max_packet", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    )


class Mms(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("create", ctypes.CFUNCTYPE(_status, ctypes.POINTER(_decoder), ctypes.POINTER(Options))),
        ("feed", ctypes.CFUNCTYPE(_status, _decoder, ctypes.c_char_p, ctypes.c_size_t)),
        ("finish", ctypes.CFUNCTYPE(_status, _decoder)),
        *((name, ctypes.CFUNCTYPE(ctypes.c_void_p, _decoder, _count)) for name in DTYPES),
        (
            "bytes",
            ctypes.CFUNCTYPE(ctypes.c_void_p, _decoder, ctypes.c_int64, ctypes.c_size_t),
        ),
        ("position", ctypes.CFUNCTYPE(ctypes.c_int64, _decoder)),
        ("buffered", ctypes.CFUNCTYPE(ctypes.c_size_t, _decoder)),
        ("reset", ctypes.CFUNCTYPE(_status, _decoder)),
        ("destroy", ctypes.CFUNCTYPE(None, _decoder)),
    )


class Api(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("abi_version", ctypes.c_uint32),
        ("version", ctypes.c_char_p),
        ("mms", ctypes.POINTER(Mms)),
        ("status_text", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_int)),
    )


def address() -> int:
    """Where the table is: what `mmscodec_import` gives."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype = ctypes.c_void_p
    pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return pointer(_capi.API, b"mmscodec._capi.API")


API = Api.from_address(address())
MMS = API.mms.contents


@contextmanager
def decoder(max_packet: int = 16 << 20, flags: int = 0) -> Iterator[ctypes.c_void_p]:
    """A decoder, given back at the end; MemoryError where there is none."""
    made = ctypes.c_void_p()
    options = Options(ctypes.sizeof(Options), max_packet, flags)
    status = MMS.create(ctypes.byref(made), ctypes.byref(options))
    if status == NO_MEMORY:
        assert made.value is None
        raise MemoryError
    assert status == OK
    try:
        yield made
    finally:
        MMS.destroy(made)


def rows(made: ctypes.c_void_p) -> dict[str, bytes]:
    """What the last call completed: rows of each table as bytes."""
    found = {}
    for name, dtype in DTYPES.items():
        count = ctypes.c_size_t(99)
        first = getattr(MMS, name)(made, ctypes.byref(count))
        found[name] = ctypes.string_at(first, count.value * dtype.itemsize) if count.value else b""
    return found


def table(found: dict[str, bytes], name: str) -> np.ndarray:
    """One of these tables."""
    return np.frombuffer(found[name], DTYPES[name])


def joined(parts: list[dict[str, bytes]]) -> dict[str, list]:
    """Rows of several calls, one behind the other, as lists: without what stands between fields."""
    return {name: [row for part in parts for row in table(part, name).tolist()] for name in DTYPES}
