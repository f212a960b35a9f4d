"""The names that users may build on."""

import inspect

import pytest

import mmscodec
from mmscodec import mms, winmx

BATCH = {
    "packets", "messages", "data", "faults", "findings", "consumed", "column", "payload",
}  # fmt: skip
CAPTURE = {
    "flows", "packets", "messages", "data", "faults", "findings", "gaps", "column",
    "stream",
}  # fmt: skip


@pytest.mark.parametrize("name", ["mms", "winmx", "open", "__version__"])
def test_the_package_has(name):
    assert hasattr(mmscodec, name)


@pytest.mark.parametrize("name", ["decode", "encode", "Decoder", "Batch"])
def test_mms_has(name):
    assert name in mms.__all__
    assert hasattr(mms, name)


@pytest.mark.parametrize("name", ["decode", "encode", "Decoder", "node_lists", "cipher"])
def test_winmx_has(name):
    assert hasattr(winmx, name)


@pytest.mark.parametrize("name", sorted(BATCH))
def test_a_batch_has(name):
    assert hasattr(mms.Batch, name) or hasattr(mms.decode(b""), name)


@pytest.mark.parametrize("name", ["packets", "nodes", "faults"])
def test_a_winmx_batch_has(name):
    assert hasattr(winmx.decode(b""), name)


@pytest.mark.parametrize("name", sorted(CAPTURE))
def test_a_capture_has(name, tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000"))
    with mmscodec.open(path) as capture:
        assert hasattr(type(capture), name) or hasattr(capture, name)


@pytest.mark.parametrize("name", ["feed", "close"])
def test_a_decoder_has(name):
    assert callable(getattr(mms.Decoder(), name))
    assert callable(getattr(winmx.Decoder(), name))


def test_decode_takes_the_arguments_of_the_design():
    arguments = inspect.signature(mms.decode).parameters
    assert {"transport", "on_fault", "max_packet", "out"} <= set(arguments)


@pytest.mark.parametrize("module", [mmscodec, mms, winmx])
def test_every_public_name_is_documented(module):
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) or inspect.ismodule(value):
            assert (value.__doc__ or "").strip(), name
