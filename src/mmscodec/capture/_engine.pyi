from collections.abc import Iterable
from typing import Any

from mmscodec._block import Block
from mmscodec.capture._merge import Merge

OPTIONS: dict[str, bool | int]

class Engine:
    def __init__(
        self,
        *,
        ports: Iterable[int] | None = None,
        chosen: Iterable[tuple[bytes, int, bytes, int]] = ...,
        filter: Any = None,
        mended: tuple[Any, Any] | None = None,
        **options: bool | int,
    ) -> None: ...
    progress: Any
    @property
    def finished(self) -> bool: ...
    def run(
        self,
        merge: Merge,
        row_limit: int | None = None,
        live: bool = False,
        pause: bool = False,
    ) -> bool: ...
    def finish(self) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def undecided(self, short: bool = False) -> set[tuple[bytes, bytes]]: ...
    @property
    def not_understood(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]: ...
    def drain(self, retire: bool = False) -> dict[str, Block]: ...
