"""Threads of C, which have no GIL: two decoders side by side, and one in two hands."""

import ctypes
import subprocess

import pytest

import mmscodec
from mmscodec import mms
from tests.capi import given, projects, table


class Work(ctypes.Structure):
    _fields_ = (
        ("codec", ctypes.c_void_p),
        ("decoder", ctypes.c_void_p),
        ("bytes", ctypes.c_char_p),
        ("length", ctypes.c_size_t),
        ("chunk", ctypes.c_size_t),
        ("rounds", ctypes.c_int),
        ("rows", ctypes.c_size_t),
        ("failed", ctypes.c_int),
        ("busy", ctypes.c_size_t),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """foreign.c, compiled."""
    if why := projects.missing("c"):
        pytest.skip(why)
    made = tmp_path_factory.mktemp("foreign") / "foreign.so"
    source = projects.ROOT / "tests/capi/foreign.c"
    subprocess.run(
        ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread",
         f"-I{mmscodec.get_include()}", "-o", str(made), str(source)],
        check=True,
    )  # fmt: skip
    return made


@pytest.fixture
def run_all(library):
    """`run_all` of foreign.c; the caller keeps the GIL, so who wants it waits for ever."""
    return ctypes.PyDLL(str(library)).run_all


def work(stream: bytes, chunk: int, rounds: int, decoder: int | None = None) -> Work:
    return Work(table.address(), decoder, stream, len(stream), chunk, rounds)


def test_threads_without_python_decode_side_by_side_while_the_gil_is_held(run_all):
    streams = [given.sound()["server 0"], given.sound()["server 1"] * 3]
    works = (Work * 2)(*(work(stream, 777, 20) for stream in streams))
    assert run_all(works, 2) == 0
    for stream, done in zip(streams, works):
        assert done.failed == table.OK
        batches = given.wanted(stream, 777)
        ended = mms.Decoder()
        for at in range(0, len(stream), 777):
            ended.feed(stream[at : at + 777])
        closed = ended.close()  # the threads do not finish their streams
        rows = len(batches["messages"]) + len(batches["data"])
        assert done.rows == rows - len(closed.messages) - len(closed.data)


def test_large_chunks_ask_for_no_gil(run_all):
    # kernels that Python calls ask for Ctrl-C between pieces of 1 MiB; these do not
    stream = mms.encode("LinkMacToViewerPing") * 100_000
    works = (Work * 1)(work(stream, len(stream), 2))
    assert run_all(works, 1) == 0
    assert (works[0].rows, works[0].failed) == (100_000, table.OK)


def test_a_decoder_in_two_hands_is_busy_and_stays_whole(run_all):
    stream = given.sound()["server 0"] * 4
    with table.decoder() as made:
        works = (Work * 2)(*(work(stream, 4096, 40, made.value) for _ in range(2)))
        assert run_all(works, 2) == 0
        assert [done.failed for done in works] == [table.OK, table.OK]
        fed = 2 * 40 * len(stream)
        assert table.MMS.position(made) + table.MMS.buffered(made) <= fed
        assert table.MMS.reset(made) == table.OK
        assert table.MMS.feed(made, stream, len(stream)) == table.OK
        assert table.joined([table.rows(made)])["data"]


def test_a_call_that_finds_another_under_way_does_nothing(run_all):
    stream = mms.encode("LinkMacToViewerPing") * 400_000  # a call of some milliseconds
    met = 0
    with table.decoder() as made:
        while not met:  # eight threads at once: two of them meet soon
            works = (Work * 8)(*(work(stream, len(stream), 2, made.value) for _ in range(8)))
            assert run_all(works, 8) == 0
            met = sum(done.busy for done in works)
        assert [done.failed for done in works] == [table.OK] * 8


ENDING = """
import ctypes, sys
from mmscodec import mms
from tests.capi import table
from tests.capi.test_threads import work
made = ctypes.c_void_p()
assert table.MMS.create(ctypes.byref(made), None) == table.OK
given = work(mms.encode("LinkMacToViewerPing") * 1000, 1, 1, made.value)
assert ctypes.PyDLL(sys.argv[1]).feed_at_the_end(ctypes.byref(given)) == 0
"""


def test_a_decoder_outlives_the_interpreter(library):
    done = projects.run("-c", ENDING, str(library), folder=projects.ROOT)
    assert (done.stdout, done.returncode) == ("0 1000\n", 0), done.stderr
