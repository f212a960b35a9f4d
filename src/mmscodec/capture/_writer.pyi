from typing import Any

def format_records(
    source: Any, start: int, rows: Any, kind: int, numbers: Any, origin: int
) -> bytearray: ...
