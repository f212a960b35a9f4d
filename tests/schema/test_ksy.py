"""docs/mms.ksy: it is of the schema, holds together, and its parser says what ours does."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mmscodec
from mmscodec.schema import mms

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = sorted((ROOT / "tests" / "captures" / "mms").glob("*.pcap*"))
NUMBERS = ("u8", "u16", "u32", "u64", "i16", "f64")
OF_KAITAI = {"u1", "u2", "u4", "u8", "s2", "f8", "str"}
COMPILE = """
const found = require('kaitai-struct-compiler');
const spec = JSON.parse(require('fs').readFileSync(0));
const compiler = found.compile ? found : new (found.KaitaiStructCompiler || found)();
compiler.compile('python', spec, null, false).then(
  (files) => process.stdout.write(Object.values(files)[0]),
  (error) => { console.error(String(error)); process.exit(1); });
"""


@pytest.fixture(scope="module")
def generator():
    place = importlib.util.spec_from_file_location("gen_ksy", ROOT / "tools" / "gen_ksy.py")
    made = importlib.util.module_from_spec(place)
    place.loader.exec_module(made)
    return made


def test_the_file_is_of_the_schema(generator):
    assert generator.TARGET.read_text("utf-8") == generator.text(), "run tools/gen_ksy.py"


def test_names_and_types_hold_together(generator):
    types = generator.described_format()["types"]
    assert {generator.identifier(one.name) for one in mms.MESSAGES} <= types.keys()
    for name, kind in types.items():
        assert re.fullmatch("[a-z][a-z0-9_]*", name)
        before: set[str] = set()
        for item in [*kind.get("seq", []), *kind.get("instances", {}).values()]:
            known = item.get("type")
            used = known["cases"].values() if isinstance(known, dict) else [known]
            assert {one for one in used if one} - OF_KAITAI <= types.keys(), name
            for text in (item.get("size", ""), item.get("repeat-expr", "")):
                words = re.findall("[a-z_]+", str(text))
                assert set(words) <= before, f"{name}: {text}"
            before.add(item.get("id", ""))


@pytest.fixture(scope="module")
def parser(generator, tmp_path_factory):
    """The class that the compiler of Kaitai Struct makes."""
    pytest.importorskip("kaitaistruct", reason="kaitaistruct is not installed")
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the compiler of Kaitai Struct")
    spec = json.dumps(generator.described_format())
    places = [str(ROOT / "build" / "kaitai" / "node_modules")]
    places += filter(None, [os.environ.get("NODE_PATH")])
    done = subprocess.run(
        [node, "-e", COMPILE], input=spec, capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"NODE_PATH": os.pathsep.join(places)}, timeout=120, check=False,
    )  # fmt: skip
    if "Cannot find module" in done.stderr:
        pytest.skip(
            "kaitai-struct-compiler is not installed, and no Debian package: "
            "npm install --prefix build/kaitai kaitai-struct-compiler@0.11.0"
        )
    assert done.returncode == 0, done.stderr
    path = tmp_path_factory.mktemp("ksy") / "mms_of_kaitai.py"
    path.write_text(done.stdout)
    place = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(place)
    sys.modules[path.stem] = made
    place.loader.exec_module(made)
    return made.Mms


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_its_parser_says_what_ours_does(parser, path):
    checked = 0
    with mmscodec.open(path) as capture:
        for flow in capture.flows["flow"][capture.flows["transport"] == "tcp"].tolist():
            bodies = [one.body for one in parser.from_bytes(bytes(capture.stream(flow))).packets]
            messages = [
                message for body in bodies if hasattr(body, "messages")
                for message in body.messages.items
            ]  # fmt: skip
            data = [body for body in bodies if not hasattr(body, "messages")]
            mine = capture.data[capture.data["flow"] == flow]
            assert [one.location_id for one in data] == mine["location_id"].tolist()
            assert [one.packet_size for one in data] == mine["length"].tolist()
            rows = capture.messages[capture.messages["flow"] == flow]
            assert [one.mid for one in messages] == rows["mid"].tolist()
            checked += sum(same(capture, flow, kind, messages) for kind in mms.MESSAGES)
    assert checked > 20


def same(capture, flow, kind, messages):
    """Numbers of all messages of a kind are those of our rows; how many there were."""
    rows = capture[kind.name][capture[kind.name]["flow"] == flow]
    mine = [one for one in messages if one.mid == kind.mid]
    count = 0
    for row, message in zip(rows, mine, strict=True):
        for field in kind.fixed[2:]:
            if field.kind in NUMBERS and message.chunk_len >= field.needs_chunk_len:
                assert getattr(message.body, field.python_name) == row[field.python_name]
                count += 1
    return count
