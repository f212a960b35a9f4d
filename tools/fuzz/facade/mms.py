"""MMS: whole buffers, pieces, and what is written again."""

import numpy as np

from mmscodec import mms
from mmscodec.errors import MmsCodecError
from mmscodec.schema import mms as schema
from mmscodec.schema.fields import Field, Message
from tests.mms.streams import joined
from tools.fuzz.facade.choices import Choices, pieces

PACKET_LIMIT = 1 << 20


def ask(batch: mms.Batch, findings: bool = False) -> None:
    """Everything a batch can be asked; findings cost as much as the rest ten times."""
    assert len(batch.faults.text()) == len(batch.faults)
    if findings:
        assert len(batch.findings.text()) == len(batch.findings)
    repr(batch)
    names = set(batch.messages["mid"].tolist())
    for message in schema.MESSAGES:
        if message.mid not in names:
            continue
        rows = batch[message.name]
        for field in message.fields:
            assert len(batch.column(message.name, field.python_name)) == len(rows)
    for row in range(min(len(batch.data), 4)):
        assert len(batch.payload(row)) == int(batch.data["length"][row]) - 8


def decode(data: bytes) -> None:
    """A stream gives the same rows whole, in pieces, and into used memory."""
    choices = Choices(data)
    options, cuts = choices.byte(), choices.cuts()
    stream = choices.rest
    transport = "udp" if options & 1 else "tcp"
    whole = mms.decode(stream, transport=transport, max_packet=PACKET_LIMIT)
    ask(whole, bool(options & 2))
    wanted = joined([whole])
    decoder = mms.Decoder(transport=transport, max_packet=PACKET_LIMIT)
    batches = [decoder.feed(piece) for piece in pieces(stream, cuts)]
    batches.append(decoder.close())
    assert joined(batches) == wanted
    ask(max(batches, key=lambda batch: len(batch.messages)))
    assert decoder.position + decoder.buffered == len(stream)
    again = mms.decode(stream, transport=transport, max_packet=PACKET_LIMIT, out=batches[0])
    assert joined([again]) == wanted
    try:
        mms.decode(stream, transport=transport, on_fault="raise", max_packet=PACKET_LIMIT)
    except MmsCodecError:
        assert len(whole.faults)
    else:
        assert not len(whole.faults)


def covered(batch: mms.Batch) -> list[tuple[int, int]]:
    """Begin and end of what is written again: packets, Data packets, messages of no packet."""
    tables = [batch.packets, batch.data, batch.messages[batch.messages["packet"] < 0]]
    return sorted(
        (int(row["offset"]), int(row["offset"]) + int(row["length"]))
        for table in tables for row in table
    )  # fmt: skip


def rewrite(data: bytes) -> None:
    """What the rows cover is written again byte for byte, and gives the rows again."""
    choices = Choices(data)
    transport = "udp" if choices.byte() & 1 else "tcp"
    stream = choices.rest
    batch = mms.decode(stream, transport=transport, max_packet=PACKET_LIMIT)
    written = bytes(mms.encode(batch))
    assert written == b"".join(stream[start:end] for start, end in covered(batch))
    if not len(batch.faults):
        assert written == stream[: batch.consumed]
        # with what proved the last packet behind it
        again = mms.decode(
            written + stream[batch.consumed :], transport=transport, max_packet=PACKET_LIMIT
        )
        assert joined([again]) == joined([batch])


def value(field: Field, choices: Choices):
    """A value for a field, or None if the encoder makes it."""
    sizes = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
    if field.kind in sizes:
        return choices.number(sizes[field.kind])
    if field.kind == "i16":
        return choices.number(2) - (1 << 15)
    if field.kind == "f64":
        return float(choices.number(4))
    if field.kind in ("ansi", "utf16"):
        most = choices.byte() if field.size is None else min(choices.byte(), field.size - 1)
        return "".join(chr(1 + byte % 126) for byte in choices.bytes(most))
    if field.kind == "bytes":
        size = field.size
        return choices.bytes(choices.byte()) if size is None else choices.bytes(size).ljust(size)
    if field.kind == "struct":
        return {item.python_name: value(item, choices) for item in field.struct.fields}
    count = 1 + choices.byte() % 33
    if field.struct is None:
        return [choices.number(4) for _ in range(count)]
    return [tuple(value(item, choices) for item in field.struct.fields) for _ in range(count)]


def computed(message: Message) -> set[str]:
    """Fields that the encoder makes: numbers and places of others."""
    names = {"chunk_len", "mid"}
    for field in message.variable:
        names |= {message[name].python_name for name in (field.count, field.start) if name}
    return names


def encode(data: bytes) -> None:
    """A message of any fields is refused, or read again with the numbers that went in."""
    choices = Choices(data)
    kind = choices.byte()
    message = schema.MESSAGES[(kind & 127) % len(schema.MESSAGES)]
    given, made = choices.number(8), computed(message)
    fields = {
        field.python_name: value(field, choices)
        for number, field in enumerate(message.fields)
        if given >> (number & 63) & 1 and (kind & 128 or field.python_name not in made)
    }
    try:
        wire = mms.encode(message.name, **fields)
    except (MmsCodecError, TypeError):
        return
    if kind & 128:  # a number that lies may make anything but a fault of the decoder
        ask(mms.decode(wire))
        return
    batch = mms.decode(wire)
    assert len(batch.packets) == 1
    assert not len(batch.faults), batch.faults.text()
    assert bytes(mms.encode(batch)) == wire
    rows = batch[message.name]
    assert len(rows) == 1
    for name, one in fields.items():
        if isinstance(one, int) and name in (rows.dtype.names or ()):
            assert np.asarray(rows[name])[0] == one, name
    ask(batch)
