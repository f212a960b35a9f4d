"""The same mistake raises the same class in both protocols, says what was meant, and travels."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import mmscodec
from mmscodec import mms, winmx
from mmscodec.errors import (
    CaptureError,
    EncodeError,
    LimitError,
    MalformedError,
    MissingExtraError,
    MmsCodecError,
    TruncatedError,
)
from mmscodec.schema.fields import ansi_decode, ansi_encode
from tests.capture.truth import FOLDER

PING = mms.encode("LinkMacToViewerPing")
FRAME = winmx.encode("UserInfoAcknowledgement", session_id=7)
BOTH = [(mms, "LinkMacToViewerPing", "dw_param1"), (winmx, "UserInfoAcknowledgement", "session_id")]
IDS = ["mms", "winmx"]


@pytest.fixture(params=BOTH, ids=IDS)
def protocol(request):
    return request.param


def batch_of(module):
    return module.decode(PING if module is mms else FRAME)


def test_a_name_that_there_is_not(protocol):
    module, name, _ = protocol
    batch = batch_of(module)
    for call in (lambda n: batch[n], lambda n: batch.column(n, "x")):
        with pytest.raises(KeyError, match=f"did you mean '{name}'"):
            call(name[:-1])
    with pytest.raises(EncodeError, match=f"did you mean '{name}'"):
        module.encode(name[:-1])
    with pytest.raises(KeyError) as caught:
        batch["xyzzy"]
    assert "did you mean" not in str(caught.value)


def test_a_field_that_there_is_not(protocol):
    module, name, field = protocol
    with pytest.raises(KeyError, match=f"has no field .*did you mean '{field}'"):
        batch_of(module).column(name, field + "x")
    with pytest.raises(TypeError, match=f"has no field .*did you mean '{field}'"):
        module.encode(name, **{field + "x": 1})


def test_a_value_that_does_not_fit(protocol):
    module, name, field = protocol
    with pytest.raises(EncodeError):
        module.encode(name, **{field: 1 << 70})


def test_wrong_options(protocol):
    module, _, _ = protocol
    for call in (module.decode, lambda _, **options: module.Decoder(**options)):
        with pytest.raises(ValueError, match="on_fault is 'record' or 'raise', not 'ignore'"):
            call(b"", on_fault="ignore")
        with pytest.raises(TypeError):
            call(b"", nothing=1)


def test_what_is_no_buffer(protocol):
    module, _, _ = protocol
    for wrong in ("text", 7, None):
        with pytest.raises(TypeError):
            module.decode(wrong)
        with pytest.raises(TypeError):
            module.Decoder().feed(wrong)


def test_a_closed_decoder(protocol):
    module, _, _ = protocol
    decoder = module.Decoder()
    decoder.close()
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"")


def test_payload_is_there_in_both(protocol):
    module, _, _ = protocol
    data = mms.encode("Data", payload=b"abc") if module is mms else FRAME
    batch = module.decode(data)
    view = batch.payload(0)
    assert isinstance(view, memoryview)
    assert view.readonly
    assert bytes(view) == (b"abc" if module is mms else FRAME[4:])
    with pytest.raises(IndexError):
        batch.payload(1)


def test_decoders_say_where_they_are(protocol):
    module, _, _ = protocol
    data = PING if module is mms else FRAME
    decoder = module.Decoder()
    decoder.feed(data + data[:3])
    assert (
        repr(decoder) == f"<{module.__name__.split('.')[1]}.Decoder: at {len(data)}, 3 bytes kept>"
    )
    decoder.close()
    assert repr(decoder).endswith("3 bytes kept, closed>")


def test_many_decoders_say_how_many_they_are():
    decoders = mms.Decoders()
    one, _ = decoders.open(), decoders.open()
    assert repr(decoders) == "<mms.Decoders: 2 connections open>"
    decoders.close(one)
    assert repr(decoders) == "<mms.Decoders: 1 connections open>"


def error_with_everything(kind):
    error = kind("why", offset=3, field="seq", need=4, have=5, code=6, section="2.2.3")
    error.add_note("while this was done")
    return error


KINDS = [MmsCodecError, MalformedError, TruncatedError, LimitError, EncodeError, CaptureError]


def assert_equal_errors(again, error):
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("offset", "field", "need", "have", "code", "section", "__notes__"):
        assert getattr(again, name) == getattr(error, name), name


@pytest.mark.parametrize("kind", KINDS)
def test_errors_with_notes_survive_pickling(kind):
    error = error_with_everything(kind)
    assert_equal_errors(pickle.loads(pickle.dumps(error)), error)


def test_an_extra_that_is_missing_survives_pickling():
    error = MissingExtraError("rich", "cli")
    error.add_note("while this was done")
    again = pickle.loads(pickle.dumps(error))
    assert (again.package, again.extra, str(again)) == ("rich", "cli", str(error))
    assert again.__notes__ == ["while this was done"]


def raises(data):
    mms.decode(data, on_fault="raise")


def test_an_error_of_a_process_comes_back():
    bad = bytearray(PING * 3)
    bad[len(PING) + 8] = 7  # messageLength
    with pytest.raises(MalformedError) as here:
        raises(bad)
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        error = pool.submit(raises, bad).exception(timeout=300)
    assert isinstance(error, MalformedError)
    assert (str(error), error.offset) == (str(here.value), here.value.offset)
    assert len(error.batch.messages) == 1


ROWS = np.zeros(3, [("location_id", "<i8"), ("play_incarnation", "<i8"), ("af_flags", "<i8")])


@pytest.mark.parametrize(("name", "value"), [
    ("play_incarnation", 300), ("play_incarnation", -1), ("af_flags", 256), ("location_id", -1),
    ("location_id", 1 << 32),
])  # fmt: skip
def test_rows_wider_than_the_wire_are_refused(name, value):
    rows = ROWS.copy()
    rows[name][1] = value
    with pytest.raises(EncodeError, match=f"{value} does not fit") as caught:
        mms.encode("Data", rows, payloads=[b"", b"", b""])
    assert caught.value.offset == 1
    rows[name][1] = 1
    assert len(mms.encode("Data", rows, payloads=[b""] * 3)) == 24


def test_message_rows_wider_than_the_wire_are_refused():
    rows = mms.decode(PING)["LinkMacToViewerPing"]
    wide = rows.astype([(name, "<i8") for name in rows.dtype.names])
    assert mms.encode("LinkMacToViewerPing", wide) == PING
    wide["dw_param1"] = 1 << 32
    with pytest.raises(EncodeError, match="does not fit 32 bits"):
        mms.encode("LinkMacToViewerPing", wide)


@pytest.mark.parametrize(("what", "options"), [
    ("LinkMacToViewerPing", {"payloads": [b""]}),
    ("LinkMacToViewerPing", {"out": bytearray(99)}),
    ("LinkMacToViewerPing", {"packet": False, "seq": 3}),
    ("LinkMacToViewerPing", {"packet": False, "header": {"rep": 1}}),
    ("Data", {"seq": 3}), ("Data", {"pad": 8}),
    (["LinkMacToViewerPing"], {"pad": 8}), (["LinkMacToViewerPing"], {"dw_param1": 8}),
    (mms.decode(PING), {"seq": 3}),
])  # fmt: skip
def test_arguments_without_use_are_refused(what, options):
    with pytest.raises(TypeError, match=f"{list(options)[-1]} is of no use for"):
        mms.encode(what, **options)


@pytest.mark.parametrize("options", [{"payloads": [b""]}, {"packet": False, "header": {"rep": 1}}])
def test_rows_refuse_arguments_without_use(options):
    rows = mms.decode(PING)["LinkMacToViewerPing"]
    with pytest.raises(TypeError, match="is of no use for"):
        mms.encode("LinkMacToViewerPing", rows, **options)


def test_text_of_8_bits_has_one_encoding_both_ways():
    text = bytes(range(0xA0, 0x100)).decode("latin-1")
    name, path, found = max(ansi_fields(), key=lambda item: item[2].size)
    step = found.size - 1
    for value in (text[at : at + step] for at in range(0, len(text), step)):
        given = value
        for part in reversed(path):
            given = {part: given}
        data = mms.encode(name, **given)
        assert mms.decode(data).column(name, ".".join(path)).tolist() == [value]


def ansi_fields():
    from mmscodec.schema import mms as schema

    def inside(struct, path):
        for field in struct.fixed:
            here = (*path, field.python_name)
            if field.kind == "ansi":
                yield here, field
            elif field.struct is not None:
                yield from inside(field.struct, here)

    return [(m.name, path, f) for m in schema.MESSAGES for path, f in inside(m, ())]


def test_nothing_decided_is_buffered_after_close():
    for cut in range(len(PING) + 1):
        decoder = mms.Decoder()
        rows = len(decoder.feed(PING[:cut]).messages)
        rows += len(decoder.close().messages)
        assert decoder.buffered == len(PING[:cut]) - decoder.position
        assert rows == (cut == len(PING))
    data = mms.encode("Data", payload=b"abc" * 9, location_id=4, play_incarnation=3)
    decoder = mms.Decoder()
    decoder.feed(PING + data)
    decoder.close()
    assert (decoder.buffered, decoder.position) == (0, len(PING + data))


def test_one_default_ceiling_on_a_packet():
    import inspect

    ceiling = inspect.signature(mmscodec.open).parameters["max_packet"].default
    assert inspect.signature(mms.decode).parameters["max_packet"].default == ceiling
    for size, faults in ((ceiling, 0), (ceiling + 8, 1)):
        head = mms.encode("LinkMacToViewerPing", header={"message_length": size - 16})
        decoder = mms.Decoder()
        fed = len(decoder.feed(head).faults) + len(decoder.close().faults)
        assert (len(mms.decode(head).faults), fed) == (faults, faults)


def redirect(**fields):
    data = mms.encode("LinkMacToViewerReportRedirect", **fields)
    found = mms.decode(data).findings
    return [line for line in found.text() if "ReportRedirect" in line]


def test_a_redirect_names_its_url():
    good = redirect(hr=0, redirect_type=1, wsz_location="mms://a/b")
    assert good == []
    missing = redirect(hr=0, redirect_type=1, wsz_location="")
    assert len(missing) == 1
    assert "a redirect to another URL names none" in missing[0]
    assert redirect(hr=0, redirect_type=2, wsz_location="") == []
    bare = redirect(hr=0, redirect_type=2, wsz_location=b"")
    assert len(bare) == 1
    assert "NUL" in bare[0]
    assert len(redirect(hr=0, redirect_type=1, wsz_location=b"")) == 2


def test_the_include_folder_holds_headers():
    from pathlib import Path

    assert list(Path(mmscodec.get_include()).glob("mmscodec_*.h"))


def test_a_module_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'mmz'"):
        mmscodec.mmz  # noqa: B018
    assert set(mmscodec.__all__) <= set(dir(mmscodec))


def test_capture_does_not_know_sessions():
    from mmscodec.capture import Capture as Pass

    assert not hasattr(Pass, "sessions")
    with mmscodec.open(FOLDER / "ffmpeg_tcp.pcap") as capture:
        assert isinstance(capture, mmscodec.Capture)
        assert len(capture.sessions) == 1


def test_rows_take_a_header_and_a_padding_that_all_have():
    rows = np.concatenate([mms.decode(PING)["LinkMacToViewerPing"]] * 3)
    wire = mms.encode("LinkMacToViewerPing", rows, header={"rep": 2}, pad=8, seq=65535)
    assert len(wire) == 3 * 56
    assert wire[::56] == b"\2\2\2"
    assert mms.decode(wire).packets["seq"].tolist() == [65535, 0, 1]
    assert mms.encode("LinkMacToViewerPing", rows, header={}) == mms.encode(
        "LinkMacToViewerPing", rows
    )
    out = bytearray(200)
    assert mms.encode("LinkMacToViewerPing", rows, pad=8, out=out).nbytes == 168


def test_a_chunk_count_wider_than_the_wire_is_refused_for_rows_too():
    rows = mms.decode(PING)["LinkMacToViewerPing"]
    for count in (-1, 2**32, 2**70):
        with pytest.raises(mms.EncodeError, match="chunkCount"):
            mms.encode("LinkMacToViewerPing", rows, chunk_count=count)


def test_every_byte_of_the_ansi_page_comes_back():
    for byte in range(256):
        assert ansi_encode(ansi_decode(bytes([byte]))) == bytes([byte])
    assert ansi_decode(b"\x80\x84\x99") == "€„™"
    with pytest.raises(UnicodeEncodeError):
        ansi_encode("\x80")


def test_one_default_of_the_longest_packet():
    with mmscodec.open(FOLDER / "libmms_tcp.pcap") as capture:
        assert capture._options["max_packet"] == mms.Decoders().max_packet == 16 << 20
    head = bytearray(PING)
    head[8:12] = (15 << 20).to_bytes(4, "little")
    assert not len(mms.Decoder().feed(bytes(head)).faults)
