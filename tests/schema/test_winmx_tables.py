import json
import os
from pathlib import Path

import pytest

from mmscodec.schema.vocabulary import DIRECTIONS
from mmscodec.schema.winmx import HANDSHAKE, PACKETS
from mmscodec.schema.winmx.dtypes import layout
from tools import gen_winmx_spec

SHARED = Path(os.environ.get("MMSCODEC_SHARED", Path(__file__).parents[3] / "shared"))
LINKS = {
    "secondary-tcp": "secondary", "chat-tcp": "chat", "primary-tcp": "primary",
    "primary-udp": "udp", "legacy-wpnp2": "legacy", "handshake": "handshake",
    "peer-cache-tcp": "handshake",
}  # fmt: skip


def test_names_and_types_are_unique():
    assert len({item.name for item in PACKETS}) == len(PACKETS)
    keys = {(i.link, i.mid, i.direction if i.one_way else "") for i in PACKETS}
    assert len(keys) == len(PACKETS)


def test_every_layout_has_a_dtype_that_holds_its_fields():
    for item in PACKETS:
        plan = layout(item)
        names = plan.dtype.names
        assert names[0] == "packet"
        for part in item.fields:
            assert part.name in names or f"{part.name}_offset" in names
        assert item.known or not item.fields
        assert item.section
        assert item.roles
        assert item.direction in DIRECTIONS.values()


def test_every_packet_of_the_notes_is_there():
    notes = SHARED / "spec" / "wpn.json"
    if not notes.exists():
        pytest.skip(f"no {notes.name} in the folder of shared data")
    here = {
        (item.link, item.mid): item
        for item in (*PACKETS, *HANDSHAKE)
        if not (item.one_way and item.direction == "S>C")
    }
    by_title = {item.title: item for item in (*PACKETS, *HANDSHAKE)}
    for entry in json.loads(notes.read_text()):
        if entry["type"].startswith("raw:"):
            item = by_title[entry["name"]]
        else:
            number = entry["type"].removeprefix("wpnp2:")
            item = here[LINKS[entry["link"]], int(number, 0)]
        assert item.title == entry["name"]
        parts = [part.name for part in item.fields if part.kind != "array"]
        if item.items is not None:
            parts += [part.name for part in item.items.fields]
        expected = [{"zero": "reserved", "padding": "x"}.get(field["name"], field["name"])
                    if item.name in ("NodeList", "CacheList") else field["name"]
                    for field in entry["fields"]]  # fmt: skip
        extra = {"metadata_unknown", "reserved"}
        assert [name for name in parts if name not in extra or name in expected] == expected
        for field in entry["fields"]:
            found = [p for p in (*item.fields, *(item.items.fields if item.items else ()))
                     if p.name == field["name"]]  # fmt: skip
            if found and field["size"] is not None and found[0].kind != "cstr":
                assert found[0].size == field["size"], (item.name, field["name"])


def test_the_generated_page_is_up_to_date():
    assert gen_winmx_spec.main(["--check"]) == 0
