from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge

LINKS: list[tuple[str, str]]
ENDS: list[tuple[str, str]]

def select_records(
    merge: Merge, keys: Any, ignore_vlan: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...

class Ends:
    ended: bool
    records: int
    first: int
    newest: int
    def __init__(self, merge: Merge, odd: bool = False) -> None: ...
    def take(
        self, count: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
