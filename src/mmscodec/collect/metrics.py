"""Prometheus metrics on a port of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mmscodec.collect.counts import Counts, memory
from mmscodec.errors import MissingExtraError

#: Names without "mmscodec_collect_": help, and how a value is read.
_COUNTERS: dict[str, tuple[str, Callable[[Counts], int]]] = {
    "bytes": ("bytes of the input that were read", lambda c: c.bytes),
    "records": ("records of captures, or chunks of raw streams", lambda c: c.records),
    "runs": ("captures that were begun: one more for each connection of pcap-over-IP",
             lambda c: c.runs),
    "files": ("files that were finished", lambda c: c.files),
    "evicted": ("streams given up because more were open than may be", lambda c: c.evicted),
    "reconnects": ("times that the input was lost and sought again", lambda c: c.reconnects),
}  # fmt: skip
_LABELLED: dict[str, tuple[str, str, Callable[[Counts], Any]]] = {
    "rows": ("rows in finished files", "table", lambda c: c.rows),
    "faults": ("places that were not understood", "code", lambda c: c.faults),
    "dropped_rows": ("rows that were not written", "reason", lambda c: c.dropped),
}
_GAUGES: dict[str, tuple[str, Callable[[Counts], float]]] = {
    "streams": ("connections in mind", lambda c: c.streams),
    "queue_bytes": ("rows that wait to be written", lambda c: c.queue_bytes),
    "part_bytes": ("largest of the files in hand", lambda c: c.part_bytes),
    "lag_seconds": ("age of the newest row by the clock of its capture", lambda c: c.lag),
    "memory_bytes": ("resident memory of the process", lambda c: memory()),
}


def serve(counts: Counts, port: int, address: str) -> Callable[[], None]:
    """Begin to answer; what is returned ends it."""
    try:
        import prometheus_client as client
        from prometheus_client import core
    except ImportError as error:
        raise MissingExtraError("prometheus-client", "collect") from error

    class Collector:
        """Reads the numbers when it is asked for them."""

        def collect(self) -> Iterator[Any]:
            """All metrics."""
            for name, (words, value) in _COUNTERS.items():
                yield core.CounterMetricFamily(f"mmscodec_collect_{name}", words, value(counts))
            for name, (words, label, values) in _LABELLED.items():
                family = core.CounterMetricFamily(f"mmscodec_collect_{name}", words, labels=[label])
                for key, value in dict(values(counts)).items():
                    family.add_metric([key], value)
                yield family
            for name, (words, gauge) in _GAUGES.items():
                yield core.GaugeMetricFamily(f"mmscodec_collect_{name}", words, gauge(counts))

    registry = client.CollectorRegistry()
    registry.register(Collector())  # type: ignore[arg-type]
    server, thread = client.start_http_server(port, address, registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
