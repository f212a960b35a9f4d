"""Play an MMS URL with libmms into a file: URL FILE SEEK (seconds, or -1)."""

import ctypes
import sys

lib = ctypes.CDLL("libmms.so.0")
lib.mms_connect.restype = ctypes.c_void_p
lib.mms_connect.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
lib.mms_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
lib.mms_time_seek.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double]
lib.mms_close.argtypes = [ctypes.c_void_p]

url, path, seek = sys.argv[1], sys.argv[2], float(sys.argv[3])
session = lib.mms_connect(None, None, url.encode(), 10_000_000)
if not session:
    sys.exit("libmms could not connect")
buffer = ctypes.create_string_buffer(4096)
written = 0
with open(path, "wb") as file:
    while (count := lib.mms_read(None, session, buffer, len(buffer))) > 0:
        file.write(buffer.raw[:count])
        written += count
        if seek >= 0 and written > 20_000:
            if not lib.mms_time_seek(None, session, seek):
                sys.exit("libmms could not seek")
            seek = -1
lib.mms_close(session)
