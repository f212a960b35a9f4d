"""A capture that is used up or closed says so; it never answers with part of the rows."""

import copy
import pickle
import threading
from pathlib import Path

import pytest

import mmscodec
from mmscodec.errors import CaptureError

PATH = Path(__file__).parents[1] / "captures" / "mms" / "libmms_playlist.pcap"
WAYS = [{}, {"mapped": False}, {"mapped": False, "spool": False}]
TABLES = ("flows", "packets", "messages", "data", "faults", "gaps", "winmx", "nodes", "sessions")
#: Everything that needs a pass, or bytes of the files.
USES = {name: lambda cap, name=name: getattr(cap, name) for name in TABLES} | {
    "column": lambda cap: cap.column("LinkViewerToMacConnect", "subscriber_name"),
    "rows": lambda cap: cap["LinkViewerToMacConnect"],
    "payload": lambda cap: cap.payload(0),
    "stream": lambda cap: cap.stream(0),
    "batches": lambda cap: list(cap.iter_batches(rows=50)),
    "iterator": lambda cap: list(cap),
}


@pytest.fixture(scope="module")
def count():
    with mmscodec.open(PATH) as cap:
        return len(cap.data)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("use", USES)
def test_a_capture_closed_before_its_pass_raises(way, use):
    cap = mmscodec.open(PATH, **way)
    cap.close()
    with pytest.raises(CaptureError, match="closed"):
        USES[use](cap)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("when", ["inside", "behind"])
def test_a_capture_read_in_batches_has_no_tables_and_no_other_batches(way, use, when, count):
    with mmscodec.open(PATH, **way) as cap:
        batches = cap.iter_batches(rows=50)
        got = len(next(batches).data)
        if when == "behind":
            got += sum(len(batch.data) for batch in batches)
        with pytest.raises(CaptureError, match="read in batches"):
            USES[use](cap)
        got += sum(len(batch.data) for batch in batches)
        assert got == count  # and the iterator that there is loses nothing
        assert cap.counts["records"] > 0


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_two_iterators_never_share_rows(way, count):
    with mmscodec.open(PATH, **way) as cap:
        one, two = cap.iter_batches(rows=50), cap.iter_batches(rows=70)
        got = len(next(one).data)
        with pytest.raises(CaptureError):
            next(two)
        assert got + sum(len(batch.data) for batch in one) == count


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_batches_behind_tables_are_all_of_them_or_an_error(way, count):
    with mmscodec.open(PATH, **way) as cap:
        assert len(cap.data) == count
        if way.get("spool", True):
            assert sum(len(batch.data) for batch in cap.iter_batches(rows=50)) == count
        else:
            with pytest.raises(CaptureError, match="read once"):
                list(cap.iter_batches(rows=50))
        assert len(cap.data) == count


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_tables_that_were_read_stay_after_closing(way, count):
    cap = mmscodec.open(PATH, **way)
    sessions = len(cap.sessions)
    view = cap.payload(0)
    before = bytes(view)
    cap.close()
    assert len(cap.data) == count
    assert len(cap.sessions) == sessions
    assert bytes(view) == before
    if way.get("mapped", True) or not way.get("spool", True):
        assert bytes(cap.payload(0)) == before  # the file, or the copy, is still what it was
    else:
        with pytest.raises(CaptureError, match="closed"):
            cap.payload(0)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_capture_closed_while_it_is_read_in_batches_is_no_shorter_one(way, count):
    cap = mmscodec.open(PATH, **way)
    batches = cap.iter_batches(rows=10)
    got = len(next(batches).data)
    cap.close()
    try:
        got += sum(len(batch.data) for batch in batches)
    except CaptureError:
        return
    assert got == count


def test_a_pass_that_asks_for_itself_is_an_error():
    asked = []

    def progress(_):
        try:
            cap.data  # noqa: B018
        except RuntimeError as error:
            asked.append(error)

    with mmscodec.open(PATH, progress=progress) as cap:
        assert len(cap.data)
    assert asked


class Stop(Exception):
    pass


@pytest.mark.parametrize("way", WAYS[:2], ids=str)
def test_a_pass_that_failed_is_made_again_from_the_start(way, count):
    def progress(_):
        nonlocal failing
        if failing:
            failing = False
            raise Stop

    failing = True
    with mmscodec.open(PATH, progress=progress, **way) as cap:
        with pytest.raises(Stop):
            cap.data  # noqa: B018
        assert len(cap.data) == count


@pytest.mark.parametrize("threads", [1, 2])
def test_several_threads_that_ask_for_tables_get_the_same(threads, count):
    for _ in range(20):
        cap, got = mmscodec.open(PATH, threads=threads), []
        ready = threading.Barrier(6)

        def ask(cap=cap, got=got, ready=ready):
            ready.wait()
            got.append((len(cap.data), len(cap.faults), len(cap.flows)))

        pool = [threading.Thread(target=ask) for _ in range(6)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
        cap.close()
        assert len(got) == 6
        assert {row[0] for row in got} == {count}
        assert len(set(got)) == 1


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_capture_is_not_pickled_or_copied(act):
    with mmscodec.open(PATH) as cap, pytest.raises(TypeError, match="open files"):
        act(cap)
