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


def public_classes():
    """(module, name) of every class that a public module names."""
    return [
        (module, name)
        for module in (mmscodec, mms, winmx, mmscodec.asf, mmscodec.errors)
        for name in getattr(module, "__all__", dir(module))
        if inspect.isclass(getattr(module, name))
    ]


@pytest.mark.parametrize(
    ("module", "name"), public_classes(), ids=lambda value: getattr(value, "__name__", value)
)
def test_signatures_of_public_classes_can_be_read(module, name):
    inspect.signature(getattr(module, name))


@pytest.mark.parametrize("class_", [mms.Decoder, mms.Decoders], ids=lambda class_: class_.__name__)
def test_signatures_of_decoders_are_what_they_take(class_):
    arguments = inspect.signature(class_).parameters
    class_(**{name: argument.default for name, argument in arguments.items()})
    with pytest.raises(TypeError):
        class_(**dict.fromkeys(arguments, None), other=None)
