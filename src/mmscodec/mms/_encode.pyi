from typing import Any

# whatever has a buffer; NumPy's arrays count as one for type checkers from Python 3.12 on
_Bytes = Any
_Table = tuple[_Bytes, int, int, int, int]

def messages(
    rows: _Bytes,
    count: int,
    kind: int,
    tail: _Bytes | None,
    tails: _Bytes | None,
    bare: bool,
    heads: tuple[str | int, int, _Bytes | None, int, _Bytes | None],
    out: _Bytes | None,
) -> Any: ...
def data(heads: _Bytes, count: int, starts: _Bytes, payload: _Bytes, out: _Bytes | None) -> Any: ...
def extents(
    source: _Bytes, base: int, first: _Table, second: _Table, out: _Bytes | None
) -> Any: ...
