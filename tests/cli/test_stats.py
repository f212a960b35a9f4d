import json

import pytest

import mmscodec
from mmscodec.cli import main
from tests.cli.fake import FakeCapture


@pytest.fixture
def run(monkeypatch, capsys):
    fake = FakeCapture()
    fake.message("LinkViewerToMacConnect", length=96)
    for location in range(3):
        fake.packet(location)
    fake.packet(0, 500, kind=1)
    fake.message("LinkMacToViewerPing", 1, 16)
    monkeypatch.setattr(mmscodec, "open", lambda path, **_: fake, raising=False)

    def stats(*arguments):
        status = main(["stats", "trace.pcap", *arguments])
        return status, capsys.readouterr().out

    return stats


def test_everything_is_counted(run):
    status, out = run("--json")
    counts = json.loads(out)
    assert status == 0
    assert counts["messages"] == {"LinkViewerToMacConnect": 1, "LinkMacToViewerPing": 1}
    assert counts["data"] == {
        "media": {"packets": 3, "bytes": 4368},
        "header": {"packets": 1, "bytes": 500},
    }
    assert [flow["messages"] for flow in counts["flows"]] == [1, 1]
    assert [flow["bytes"] for flow in counts["flows"]] == [96, 4368 + 500 + 16]


def test_the_tables_are_for_people(run):
    _, out = run()
    assert "LinkViewerToMacConnect" in out
    assert "10.0.0.1:40000" in out
