"""What the compiled lines say is, byte for byte, what a plain loop over the rows says."""

import argparse
import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.cli.choice import moment
from mmscodec.errors import MmsCodecError
from mmscodec.schema.findings import Severity
from tests.oracle.text_decode import decoded
from tests.oracle.text_fields import Style

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = ROOT.parent.parent / "shared" / "captures"
CAPTURES = sorted(path for path in (ROOT / "captures").rglob("*.pcap*") if path.is_file())
EVERYTHING = {"severity": Severity.UNINITIALISED, "style": Style(names=False, secrets=True)}
FORMS = {
    "json": (["--json"], {}),
    "csv": (["--csv"], {}),
    "people": ([], {}),
    "people, folded": (["-q"], {"quiet": True}),
    "json, all": (
        ["-q", "--json", "--findings", "--show-secrets", "-n"], {"quiet": True, **EVERYTHING},
    ),
    "people, all": (["--findings", "--show-secrets", "-n"], EVERYTHING),
    "people, gbk": (["--charset", "gbk", "-c", "9"], {"count": 9, "style": Style(charset="gbk")}),
    "csv, gbk": (["--csv", "--charset", "gbk"], {"style": Style(charset="gbk")}),
    "json, some": (
        ["--json", "--flow", "1", "--from", "0.001"],
        {"options": argparse.Namespace(flow=[1], since=moment("0.001"), until=None)},
    ),
}  # fmt: skip


def printed(path, *arguments):
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        main(["decode", *arguments, str(path)])
    return out.getvalue()


def plainly(path, words, options):
    form = next((form for form in ("json", "csv") if f"--{form}" in words), "people")
    with mmscodec.open(path) as capture:
        return decoded(capture, form, **options)


@pytest.mark.parametrize("form", FORMS)
def test_every_capture_gives_the_same_text(form):
    words, options = FORMS[form]
    compared = 0
    for path in CAPTURES:
        try:
            expected = plainly(path, words, options)
        except MmsCodecError:
            continue
        assert printed(path, *words) == expected, path.name
        compared += expected.count("\n")
    assert compared > 500


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public captures are not beside the project")
@pytest.mark.parametrize("form", ["json", "csv", "people"])
def test_public_captures_give_the_same_text(form):
    words, options = FORMS[form]
    lines = 0
    for path in sorted(PUBLIC.rglob("*.pcap*"))[::5]:
        try:
            expected = plainly(path, words, options)
        except MmsCodecError:
            continue
        assert printed(path, *words) == expected, path.name
        lines += expected.count("\n")
    assert lines
