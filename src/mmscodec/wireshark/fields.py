"""The table of Wireshark's fields: one for each name, kind of value and set of value names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mmscodec.schema.fields import Field, Struct

#: Constructor in Wireshark of each kind of field.
_MAKERS = {
    "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64", "i16": "int16",
    "f64": "double", "ipv4": "ipv4", "ansi": "string", "utf16": "string", "cstr": "string",
    "quoted": "string", "bytes": "bytes", "array": "uint32",
}  # fmt: skip
_FAMILIES = {"double": "double", "ipv4": "ipv4", "string": "string", "bytes": "bytes"}
_LARGE = 0xFFFF


def lua(value: object) -> str:
    """A Lua literal of a text, a number or a mapping of numbers to texts."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"[{key}]={lua(text)}" for key, text in sorted(value.items())) + "}"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        if not escaped.isascii():
            raise ValueError(f"no text of the schema is other than ASCII: {value!r}")
        return f'"{escaped}"'
    return str(value)


def family(kind: str) -> str:
    """Which values of a filter name can be compared with each other."""
    return _FAMILIES.get(_MAKERS.get(kind, "none"), "integer")


class FieldTable:
    """ProtoFields of one protocol, each once, by number.

    A name stands for one family of values (numbers, text, bytes): where two structures call fields
    of different families the same, both are named after their structure too.

    Parameters
    ----------
    protocol : str
        What filter names begin with.
    structs : iterable of Struct
        All structures whose fields will be asked for.
    """

    def __init__(self, protocol: str, structs: Iterable[Struct]) -> None:
        self.protocol = protocol
        self.lines: list[str] = []
        self._numbers: dict[str, int] = {}
        families = defaultdict(set)
        for struct in structs:
            for field in struct.fields:
                if field.kind != "array" or field.struct is None:
                    families[field.python_name].add(family(field.kind))
        self._shared = {name for name, found in families.items() if len(found) == 1}

    def name(self, struct: Struct, field: Field, prefix: str = "") -> str:
        """Filter name of a field, as `mmsc.play_incarnation`."""
        if not prefix and field.python_name not in self._shared:
            prefix = struct.name + "."
        return f"{self.protocol}.{prefix}{field.python_name}"

    def number(self, struct: Struct, field: Field, prefix: str = "") -> int:
        """The number under which Lua finds the ProtoField of a field."""
        maker = _MAKERS[field.kind]
        names = "nil"
        base = "nil"
        if maker[:3] in ("uin", "int"):
            large = field.unit == "HRESULT" or field.name in ("MID", "sessionId", "seal")
            large = large or field.flags or any(key > _LARGE for key in field.values)
            base = "HEX" if large else "DEC"
            base = lua("DEC" if maker[0] == "i" else base)
            if field.values and not field.flags:
                names = lua(field.values)
        label = field.name + (f" ({field.unit})" if field.unit else "")
        made = f"{lua(maker)},{lua(self.name(struct, field, prefix))},{lua(label)},{base},{names}"
        return self._add(f"{{{made},{lua(field.note)}}}")

    def more(self, maker: str, name: str, label: str, base: str = "") -> int:
        """The number of a ProtoField that no schema has."""
        shown = lua(base) if base else "nil"
        return self._add(f'{{"{maker}","{self.protocol}.{name}","{label}",{shown}}}')

    def bits(self, struct: Struct, field: Field, prefix: str = "") -> list[int]:
        """The numbers of one ProtoField for each bit of a field of flags."""
        whole = self.name(struct, field, prefix)
        out = []
        for bit, name in sorted(field.values.items()):
            short = name.rsplit("_", 1)[-1].lower()
            line = f'{{"bool",{lua(f"{whole}.{short}")},{lua(name)},32,nil,{bit}}}'
            out.append(self._add(line))
        return out

    def _add(self, line: str) -> int:
        if line not in self._numbers:
            self._numbers[line] = len(self.lines) + 1
            self.lines.append(line)
        return self._numbers[line]
