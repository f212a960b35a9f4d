import numpy as np

from mmscodec._block import Block

def in_order(
    messages: np.ndarray,
    by_flow: np.ndarray,
    bounds: np.ndarray,
    pairs: np.ndarray,
    places: np.ndarray,
    out: np.ndarray,
) -> None: ...

class Control:
    def __init__(
        self,
        messages: np.ndarray,
        hr: np.ndarray,
        incarnation: np.ndarray,
        cookie: np.ndarray,
        order: np.ndarray,
        bounds: np.ndarray,
    ) -> None: ...
    def exchanges(self) -> Block: ...
    def transitions(self, stances: np.ndarray, events: np.ndarray, bounds: np.ndarray) -> Block: ...
    def plain(
        self,
        kinds: tuple[np.ndarray, ...],
        data: tuple[np.ndarray, np.ndarray, np.ndarray],
        servers: np.ndarray,
        rows: np.ndarray,
        places: tuple[np.ndarray, np.ndarray],
    ) -> Block: ...

def levels(
    data: tuple[np.ndarray, np.ndarray],
    segments: np.ndarray,
    send: np.ndarray,
    prerolls: np.ndarray,
    played_out: np.ndarray,
    out: np.ndarray,
) -> None: ...
def header_data(
    exchanges: np.ndarray, rows: np.ndarray, heads: np.ndarray, data: np.ndarray
) -> None: ...
