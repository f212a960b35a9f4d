"""Many short connections: what is kept of each is bounded and small."""

import gc
import io
import tracemalloc

import pyarrow as pa

import mmscodec
from mmscodec.capture.arrow_stream import STREAMED, Feed
from mmscodec.collect import Settings
from tests.collect.traffic import Seen, capture

MOST = 3000  # connections that are kept in mind
A_FLOW = 500  # bytes at most that `Feed.open` has of one; docs/collect.md says so


class Pieces(io.RawIOBase):
    """A pipe that gives a piece at a time."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def readable(self):
        return True

    def read1(self, size=-1):
        return next(self.pieces, b"")


def test_flows_that_have_not_ended_take_what_the_ceiling_allows():
    pieces = [piece for _, piece in capture(24_000, 400)]
    feed = Feed(STREAMED)
    seen, open_now, flows = Seen(), [], 0
    with mmscodec.open(Pieces(pieces), spool=False, max_flows=MOST) as cap:
        tracemalloc.start()
        try:
            for batch in cap.iter_batches(1 << 22):
                tables = feed.take(batch)
                flows += len(tables.get("flows", ()))
                if found := tables.get("LinkMacToViewerPing"):
                    rows = pa.table(found)
                    seen.add(rows["dw_param1"].to_numpy(), rows["dw_param2"].to_numpy())
                del batch, tables, found
                open_now.append(len(feed.open))
            snapshot = tracemalloc.take_snapshot()
        finally:
            tracemalloc.stop()
        flows += len(feed.finish().get("flows", ()))
    gc.collect()
    assert 2000 < max(open_now) <= 2 * MOST
    assert flows >= 24_000 * 14 // 16  # two kinds say nothing of MMS
    kept = snapshot.filter_traces([tracemalloc.Filter(True, "*/capture/open_flows.py")])
    assert sum(trace.size for trace in kept.statistics("filename")) < max(open_now) * A_FLOW
    assert len(seen.differing(24_000)) == seen.twice == seen.strange == 0


def test_the_documentation_states_the_bound():
    most = 2 * Settings("-", "-").max_flows
    assert 2 * 165 * most < A_FLOW * most == 65_536_000
