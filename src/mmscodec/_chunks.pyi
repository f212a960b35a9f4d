from typing import final

MAX_STREAMS: int

@final
class Chunks:
    @property
    def size(self) -> int: ...
