from typing import Any

def gather(
    source: Any, base: int, positions: Any, lengths: Any, out: Any, size: int
) -> Any: ...
