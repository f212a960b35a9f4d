from collections.abc import Iterable
from typing import Any

import numpy as np

from mmscodec.capture._walker import Walker

class Merge:
    def __init__(self, sources: Iterable[Any], *, keep: bool = False) -> None: ...
    def rows(self) -> np.ndarray: ...
    @property
    def delayed(self) -> int: ...
    @property
    def kept(self) -> list[Walker | None]: ...
