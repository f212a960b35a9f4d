"""Addresses that fsspec opens with packages of their own: one sentence says what is lacking."""

import sys

import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.errors import CaptureError

pytest.importorskip("fsspec")
LACKING = {
    "s3://bucket/x.pcap": ("s3fs", "s3fs"),
    "http://example.org/x.pcap": ("aiohttp", "aiohttp"),
    "gs://bucket/x.pcap": ("gcsfs", "gcsfs"),
}


@pytest.mark.parametrize("address", LACKING)
def test_an_address_says_what_else_it_needs(address, monkeypatch, capsys):
    module, named = LACKING[address]
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(CaptureError, match=named) as caught:
        mmscodec.open(address)
    assert "mmscodec[" not in str(caught.value)  # the extra is there; it would not help
    assert main(["decode", address]) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_scheme_is_one_sentence():
    with pytest.raises(CaptureError, match="foo"):
        mmscodec.open("foo://bucket/x.pcap")
