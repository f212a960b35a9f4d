"""Hypothesis strategies made from the MMS schema."""

from typing import Any

from hypothesis import strategies as st

from mmscodec.schema import mms
from mmscodec.schema.fields import Field, Message, Struct

BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
ANSI_TEXT = st.characters(min_codepoint=1, max_codepoint=126)
# every UTF-16 unit but NUL, lone surrogates included
UTF16_TEXT = st.characters(exclude_characters="\0", exclude_categories=())
COUNTED = ("chunk_len", "mid", "cb_size", "packet_size", "signature")


def utf16_texts(max_size: int = 40) -> st.SearchStrategy[str]:
    """Text that survives UTF-16: two halves of a pair side by side would become one character."""
    return st.text(UTF16_TEXT, max_size=max_size).filter(
        lambda text: (
            text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") == text
        )
    )


def values(field: Field) -> st.SearchStrategy[Any]:
    """Values that one field can hold, as the encoder takes them."""
    if field.kind in BITS:
        return st.integers(0, 2 ** BITS[field.kind] - 1)
    if field.kind == "i16":
        return st.integers(-(2**15), 2**15 - 1)
    if field.kind == "f64":
        return st.floats(allow_nan=False)
    if field.kind == "ansi":
        return st.text(ANSI_TEXT, max_size=field.size - 1)
    if field.kind == "bytes":
        size = field.size
        return st.binary(min_size=size or 0, max_size=64 if size is None else size)
    if field.kind == "utf16":
        return utf16_texts()
    if field.kind == "struct":
        return fields_of(field.struct)
    entry = st.integers(0, 2**32 - 1)
    if field.struct is not None:
        entry = st.tuples(*(values(item) for item in field.struct.fields))
    return st.lists(entry, min_size=1, max_size=33)


def fields_of(struct: Struct) -> st.SearchStrategy[dict[str, Any]]:
    """Keyword fields of a structure; what the encoder computes is left out."""
    computed = set(COUNTED)
    for field in struct.variable:
        computed.update(struct[name].python_name for name in (field.count, field.start) if name)
    wanted = [field for field in struct.fields if field.python_name not in computed]
    always = {f.python_name: values(f) for f in wanted if not f.needs_chunk_len and not f.optional}
    may = {f.python_name: values(f) for f in wanted if f.optional}
    base = st.fixed_dictionaries(always, optional=may)
    optional = [field for field in wanted if field.needs_chunk_len]
    if not optional:
        return base
    # optional fixed fields come in wire order: none, the first two, or all
    some = st.sampled_from([0, 2, 3]).flatmap(
        lambda n: st.fixed_dictionaries({f.python_name: values(f) for f in optional[:n]})
    )
    return st.builds(lambda a, b: {**a, **b}, base, some)


def messages() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """(name, fields) of any of the 28 messages."""
    return st.sampled_from(mms.MESSAGES).flatmap(
        lambda message: st.tuples(st.just(message.name), fields_of(message))
    )


def message_fields(message: Message) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of one kind of message."""
    return fields_of(message)


def data_packets() -> st.SearchStrategy[dict[str, Any]]:
    """Fields of a Data packet with at least one byte of payload."""
    return st.fixed_dictionaries(
        {
            "location_id": st.integers(0, 2**32 - 1),
            "play_incarnation": st.integers(1, 255),
            "af_flags": st.integers(0, 255),
            "payload": st.binary(min_size=1, max_size=100),
        }
    )
