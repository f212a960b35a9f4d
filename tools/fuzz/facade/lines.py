"""Lines of text: whatever peers sent, JSON is JSON and CSV has its columns."""

import csv
import io
import json

import mmscodec
from mmscodec.cli.output import Machine, Table
from mmscodec.lines.fields import Style
from mmscodec.lines.forms import CsvForm, JsonForm
from mmscodec.lines.rows import Rows
from mmscodec.schema.findings import Severity
from tests.capture import build
from tests.capture import frames as f
from tools.fuzz.facade.choices import Choices

START = 1_700_000_000_000_000_000
CONTROLS = {chr(code) for code in (*range(32), 127, *range(128, 160))} - {"\n"}


def conversation(choices: Choices) -> bytes:
    """A capture of one connection: u8 direction, u16 length, bytes of each segment."""
    numbers, frames = [1000, 2000], []
    port = (1755, 1755, 6699, 0xFFFF)[choices.byte() & 3]
    for at in range(64):
        if not choices.rest:
            break
        side, payload = choices.byte() & 1, choices.bytes(choices.number(2) % 1460)
        ports = (1024, port) if side == 0 else (port, 1024)
        ends = (f.CLIENT, f.SERVER) if side == 0 else (f.SERVER, f.CLIENT)
        segment = f.tcp(
            payload, src_port=ports[0], dst_port=ports[1], seq=numbers[side], ack=numbers[1 - side]
        )
        numbers[side] += len(payload)
        frame = f.ethernet(f.ip(segment, src=ends[0], dst=ends[1]))
        frames.append((START + at * 1_000_000, frame))
    return build.pcap(frames, magic=build.NANO)


def printed(capture, rows: Rows, form) -> str:
    """The rows of a capture as one text."""
    out = io.StringIO()
    writer = form(out)
    writer.flows(capture.flows)
    writer.write(rows)
    return out.getvalue()


def text_lines(data: bytes) -> None:
    """JSON lines parse, CSV has as many cells as names, and no order to a terminal is printed."""
    choices = Choices(data)
    options = choices.byte()
    style = Style(names=bool(options & 1), secrets=True, whole=True)
    with mmscodec.open(conversation(choices), protocols=None) as capture:
        rows = Rows(capture, Severity.UNINITIALISED if options & 2 else None)
        lines = printed(capture, rows, lambda out: Machine(out, JsonForm(style))).split("\n")[:-1]
        cells = printed(capture, rows, lambda out: Machine(out, CsvForm(style)))
        people = printed(capture, rows, lambda out: Table(out, style))
    count = len(rows)
    assert len(lines) == count
    for line in lines:
        assert isinstance(json.loads(line), dict)
    table = list(csv.reader(io.StringIO(cells, newline="")))
    assert len(table) == count + 1
    assert {len(row) for row in table} == {len(table[0])}
    for row in table[1:]:
        json.loads(row[-1])
    assert not CONTROLS.intersection(people)
