"""Credentials are hidden in tables, whichever protocol carries them, until they are asked for."""

import pytest

from mmscodec import mms, winmx
from mmscodec.schema import mms as schema
from mmscodec.schema.winmx import PACKETS
from tests.tables.consumers import library

VALUE = b"user secret"
MESSAGES = [
    (struct, field) for struct in schema.MESSAGES for field in struct.fields if field.secret
]
WINMX = [(packet, field) for packet in PACKETS for field in packet.fields if field.secret]


def both(batch, name, column):
    """The column hidden and shown."""
    hidden, shown = (
        library("pyarrow").table(batch.table(name, secrets=secrets))[column]
        for secrets in (False, True)
    )
    assert hidden.type == shown.type
    return hidden.to_pylist(), shown.to_pylist()


@pytest.mark.parametrize(
    ("struct", "field"), MESSAGES, ids=[f"{s.name}.{f.name}" for s, f in MESSAGES]
)
def test_of_messages(struct, field):
    more = {"file_name": "a"} if struct.name == "LinkViewerToMacOpenFile" else {}
    batch = mms.decode(mms.encode(struct.name, **{field.python_name: VALUE}, **more))
    hidden, shown = both(batch, struct.name, field.python_name)
    assert (hidden, shown) == ([b"*" * len(VALUE)], [VALUE])


@pytest.mark.parametrize(("packet", "field"), WINMX, ids=[f"{p.name}.{f.name}" for p, f in WINMX])
def test_of_winmx_packets(packet, field):
    data = winmx.encode(packet.name, **{field.name: VALUE})
    batch = winmx.decode(data, link=packet.link)
    hidden, shown = both(batch, packet.name, field.name)
    assert (hidden, shown) == (["*" * len(VALUE)], [VALUE.decode()])


def test_what_holds_a_password_is_marked():
    assert {(packet.name, field.name) for packet, field in WINMX} == {("LegacyLogin", "text")}
    for packet in PACKETS:
        for field in packet.fields:
            assert field.secret or "password" not in field.note, (packet.name, field.name)
