"""What the columns of structured arrays mean: one entry a name, the same in every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from mmscodec.frozen import Frozen, replace
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.findings import Severity
from mmscodec.schema.mms import BY_MID, RESEND, RESEND_SIGNATURE, message_name
from mmscodec.schema.values import DATA_KINDS, HRESULTS, flags_text
from mmscodec.schema.vocabulary import DIRECTIONS, TRANSPORTS
from mmscodec.tables import column as make
from mmscodec.tables.column import Column, Get
from mmscodec.tables.data import BYTES, PAGE, UCS4, WESTERN, Words

#: Of a fault that belongs to no frame.
NO_TIME = -(1 << 63)


class Spec(Frozen):
    """How a column of a structured array becomes columns of a table.

    Attributes
    ----------
    kind : str
        "number", "time", "duration" (both ns), "flag", "words" (names instead of the numbers),
        "text", "bytes", "address" (the number of an IPv4 address, and behind it its text).
    dtype : str
        Of numbers; default: as in the array.
    null : object
        The value that says that there is none.
    names : Words or None
        Of "words"; of numbers they are a column `NAME_name` behind the number.
    unit, note, section : str
        For the metadata.
    name : str
        Of the column, where it is not the array's.
    """

    kind: str = ""
    dtype: str = ""
    null: Any = None
    names: Words | None = None
    unit: str = ""
    note: str = ""
    section: str = ""
    name: str = ""

    @property
    def about(self) -> dict[str, str]:
        """The metadata."""
        pairs = {"unit": self.unit, "section": self.section, "description": self.note}
        return {key: value for key, value in pairs.items() if value}


def hresult_name(value: int) -> str:
    """The name of an HRESULT, or its number."""
    return HRESULTS[value][0] if value in HRESULTS else f"0x{value:08X}"


MIDS = {mid: item.name for mid, item in BY_MID.items()} | {RESEND_SIGNATURE: RESEND.name}
MESSAGE_NAMES = Words(MIDS, message_name)
HRESULT_NAMES = Words({value: name for value, (name, _) in HRESULTS.items()}, hresult_name)
DIRECTION_WORDS = Words({number: text for number, text in DIRECTIONS.items() if text})
TRANSPORT_WORDS = Words(dict(TRANSPORTS))


def merged(*texts: Mapping[Any, str]) -> dict[int, str]:
    """One mapping of several, of members of enumerations by their numbers."""
    return {int(number): text for part in texts for number, text in part.items()}


def words_of(names: Iterable[Any]) -> Words:
    """Members of an enumeration, as text."""
    return Words({int(item): item.name.lower().replace("_", " ") for item in names}, str)


def row_of(table: str, **more: Any) -> Spec:
    """A row of another table, -1 where there is none."""
    return Spec(dtype="i8", null=-1, note=f"row of {table}", **more)


#: What a name means in all tables, unless a table says otherwise.
COMMON: dict[str, Spec] = {
    "time": Spec("time", null=NO_TIME, note="capture time of the segment that completed the row"),
    "flow": Spec(dtype="i4", null=-1, note="number of the flow, a row of flows"),
    "session": Spec(dtype="i4", null=-1, note="row of sessions"),
    "direction": Spec("words", names=DIRECTION_WORDS, note="who sent it"),
    "offset": Spec(dtype="i8", unit="bytes", note="first byte, from the start of the stream"),
    "length": Spec(dtype="i8", unit="bytes", note="all bytes, header included"),
    "packet": row_of("packets"),
    "first_message": row_of("messages"),
    "mid": Spec(names=MESSAGE_NAMES, note="which message"),
    "hr": Spec(dtype="u4", null=-1, names=HRESULT_NAMES, unit="HRESULT"),
    "kind": Spec(names=Words(DATA_KINDS), note="what a Data packet carries"),
    "code": Spec(names=words_of(FaultCode), note="what was wrong"),
    "field": Spec(names=Words(FAULT_FIELDS), note="field that it was seen in"),
    "need": Spec(dtype="i8", note="what the field demanded"),
    "have": Spec(dtype="i8", note="what was there"),
    "severity": Spec(names=words_of(Severity)),
    "ip": Spec("address", unit="IPv4"),
}


def about_of(field: Field, section: str) -> dict[str, str]:
    """Metadata of a field of the schema."""
    pairs = {"unit": field.unit, "section": section, "description": field.note, "wire": field.name}
    return {key: value for key, value in pairs.items() if value}


@cache
def wire_specs(struct: Struct) -> Mapping[str, Spec]:
    """Specs of the fixed fields of a structure, by Python name, on those of COMMON."""
    out = {}
    for item in struct.fixed:
        base = COMMON.get(item.python_name, Spec())
        out[item.python_name] = replace(
            base, unit=item.unit or base.unit, note=item.note or base.note, section=struct.section
        )
    return out


def field_names(field: Field) -> Words | None:
    """Names of the values of a field of the schema, None where it has none worth a column."""
    if field.unit == "HRESULT":
        return HRESULT_NAMES
    if field.python_name == "mid":
        return MESSAGE_NAMES
    if len(set(field.values.values())) < 2:
        return None
    if field.flags:
        known = dict(field.values)
        return Words({}, lambda value: flags_text(value, known))
    return Words(dict(field.values))


def columns(name: str, get: Get, spec: Spec, dtype: np.dtype) -> list[Column]:
    """The columns that one column of numbers gives."""
    name, about = spec.name or name, spec.about
    if spec.kind in ("time", "duration"):
        maker = make.time if spec.kind == "time" else make.duration
        return [maker(name, get, spec.null, **about)]
    if spec.kind == "flag":
        return [make.flag(name, get, spec.null, **about)]
    if spec.kind == "words" and spec.names is not None:
        return [make.words(name, get, spec.names, spec.null, **about)]
    out = [make.number(name, get, spec.dtype or dtype, spec.null, **about)]
    if spec.kind == "address":
        out.append(address(f"{name}_text", get, **about))
    if spec.names is not None:
        out.append(make.words(f"{name}_name", get, spec.names, spec.null, **about))
    return out


def address(name: str, get: Get, **about: str) -> Column:
    """IPv4 addresses as text, of numbers whose first octet is the most significant."""

    def parts(start: int, stop: int) -> Any:
        values = get(start, stop)
        texts = dotted(values.astype(np.uint32))
        return make.Spans(
            [texts], None, np.arange(len(texts), dtype=np.int64) * 60,
            np.full(len(texts), 60, np.int64),
        )  # fmt: skip

    return make.text(name, parts, UCS4, about=about)


def dotted(numbers: np.ndarray) -> np.ndarray:
    """IPv4 addresses (uint32) as text, U15."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    texts = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in unique.tolist()]
    return np.array(texts, "U15")[inverse]


def structured(
    dtype: np.dtype, rows: Callable[[], np.ndarray], specs: Mapping[str, Spec],
    skip: Iterable[str] = (),
) -> list[Column]:  # fmt: skip
    """Columns of a structured array, in its order; `specs` before COMMON."""
    out: list[Column] = []
    fields: Mapping[str, Any] = dtype.fields or {}
    for name in fields:
        if name in skip:
            continue
        spec, kind = specs.get(name) or COMMON.get(name) or Spec(), fields[name][0]
        get = make.taken(rows, name)
        if kind.kind == "V":
            out.append(
                make.text(spec.name or name, make.inside(rows, (name,)), BYTES, about=spec.about)
            )
        elif kind.kind in "SU":
            how, nul, page = (UCS4, "", None) if kind.kind == "U" else (PAGE, "first", WESTERN)
            parts = make.inside(rows, (name,))
            out.append(make.text(spec.name or name, parts, how, nul, page, about=spec.about))
        elif kind.kind == "b":
            out.append(make.flag(spec.name or name, get, **spec.about))
        else:
            out += columns(name, get, spec, kind)
    return out


def of_connections(rows: Callable[[], np.ndarray]) -> list[Column]:
    """Time and connection of rows of many connections that are fed together."""
    time, flow = (make.taken(rows, key) for key in ("time", "flow"))
    about = replace(COMMON["flow"], note="number of the connection")
    return [
        *columns("time", time, COMMON["time"], np.dtype("i8")),
        *columns("flow", flow, about, np.dtype("i4")),
    ]
