"""What a user calls, with any bytes: each target takes one input and raises if a promise is broken.

    ./run fuzz --facade NAME...

The errors of the package are answers, not failures. The targets are plain functions: the tests call
them with the inputs of tests/corpus, without a fuzzer.
"""

from collections.abc import Callable

from tools.fuzz.facade import captures, lines, media, mms, winmx

#: Name: what takes the bytes.
TARGETS: dict[str, Callable[[bytes], None]] = {
    "mms_decode": mms.decode,
    "mms_rewrite": mms.rewrite,
    "mms_encode": mms.encode,
    "winmx_decode": winmx.decode,
    "winmx_conversation": winmx.conversation,
    "capture_open": captures.open_any,
    "capture_batches": captures.batches,
    "asf_header": media.header,
    "asf_file": media.file,
    "text_lines": lines.text_lines,
}
