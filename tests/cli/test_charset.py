"""`--charset`: 8-bit text of a peer in every command that shows it."""

import json

import pytest

from tests.cli.places import CAPTURES, run

NAME = "日本語版機"  # ten bytes of cp932, as many as the name it takes the place of
SOURCE = CAPTURES / "cases" / "port-reused-after-fin-no-syn.pcap"
#: JSON lines of decode have the bytes of text inside of a structure: docs/json.md.
COMMANDS = ["decode", "sessions --json", "sessions --csv", "explain --flow 0",
            "sql --json", "convert", "report"]  # fmt: skip


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    raw = SOURCE.read_bytes()
    assert raw.count(b"mms_client\0") == 2
    path = tmp_path_factory.mktemp("charset") / "log.pcap"
    path.write_bytes(raw.replace(b"mms_client\0", NAME.encode("cp932") + b"\0"))
    return path


def shown(command, capture, tmp_path, *words):
    """All text that a command gives."""
    name, *more = command.split()
    if name == "sql":
        pytest.importorskip("duckdb", reason="duckdb is not installed")
        more += ["select sz_host_exe from LinkViewerToMacLogging"]
    if name == "convert":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        more += ["--format", "jsonl", "--overwrite", "-o", str(tmp_path)]
    if name == "report":
        pytest.importorskip("jinja2", reason="jinja2 is not installed")
        from tests.report.pages import made, parts

        return json.dumps(parts(made(capture, tmp_path, *words)))
    status, out, err = run([name, *words, *more, capture])
    assert status in (0, 3), err
    if name == "convert":
        return (tmp_path / "LinkViewerToMacLogging.jsonl").read_text()
    return out.decode()


@pytest.mark.parametrize("command", COMMANDS)
def test_text_is_in_the_encoding_that_was_named(command, capture, tmp_path):
    forms = {NAME, json.dumps(NAME).strip('"')}
    assert not any(form in shown(command, capture, tmp_path) for form in forms)
    assert any(form in shown(command, capture, tmp_path, "--charset", "cp932") for form in forms)


@pytest.mark.parametrize("name", ["idna", "punycode", "hex", "rot13", "undefined", "", "x\0y"])
def test_what_is_no_encoding_of_text_is_wrong_usage(name, capture):
    status, _, err = run(["decode", f"--charset={name}", capture])
    assert status == 2
    assert "no encoding is called" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_by_default_text_of_mms_is_that_of_western_windows_everywhere(command, tmp_path):
    path = (
        tmp_path / "quoted.pcap"
    )  # 0x93 and 0x94 are quotation marks there, and controls in Latin-1
    path.write_bytes(SOURCE.read_bytes().replace(b"mms_client\0", b"\x93lient\x94\x80\xe9\0\0\0"))
    name = "\u201client\u201d\u20ac\xe9"
    assert any(form in shown(command, path, tmp_path) for form in (name, json.dumps(name)[1:-1]))
