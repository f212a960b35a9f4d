"""The service: a thread that decodes, and that of the caller, which writes and hears signals."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mmscodec.collect import inputs, log, metrics, restart
from mmscodec.collect.captured import captured, names
from mmscodec.collect.config import Settings
from mmscodec.collect.counts import Counts
from mmscodec.collect.files import recover, sweep
from mmscodec.collect.notify import notify
from mmscodec.collect.pieces import Piece
from mmscodec.collect.policy import Waiting
from mmscodec.collect.state import State, load, lock
from mmscodec.collect.tee import TEED, Tee
from mmscodec.collect.writing import Writing, nothing
from mmscodec.convert.library import pyarrow

_INTERRUPTED = 130
_LOOK = 0.2  # seconds between two looks at signals and clocks
_ALIVE = 5.0  # seconds between two signs of life
_LOUD = 10.0  # seconds between two words about drops
_BACKOFF = (1.0, 30.0)  # seconds until a lost input is sought again: first, at most


def collect(settings: Settings, seen: Callable[[Any, Any], Any] = nothing) -> int:
    """Run the service to the end of its input, or until SIGTERM or SIGINT.

    In the main thread it hears these signals: they finish all files. SIGHUP finishes the present
    ones and goes on.

    Parameters
    ----------
    settings : Settings
    seen : callable, optional
        Called with each batch of a capture, and the capture.

    Returns
    -------
    int
        0, or 130 after SIGINT.

    Raises
    ------
    MissingExtraError
        pyarrow or prometheus-client is not installed.
    OSError, CaptureError, ValueError
        The input or the folder cannot be used; a full disk, where nothing may be dropped.
    """
    pyarrow()
    with log.logging_to_stderr(settings.log_format, settings.log_level):
        return _Service(settings, seen).run()


class _Service:
    def __init__(self, settings: Settings, seen: Callable[[Any, Any], Any]) -> None:
        self.settings, self.seen = settings, seen
        self.folder = Path(settings.output)
        self.counts = Counts()
        self.stop = threading.Event()
        self.rotate = self.interrupted = False
        self._queue: Waiting | None = None
        self._error: BaseException | None = None
        self._alive = self._said = 0.0

    def run(self) -> int:
        names(self.settings, TEED if self.settings.listen else names(Settings("-", "-")))
        if not self._is_stream:
            inputs.check_file(self.settings.input)
        with ExitStack() as stack:
            first = self._first(stack)
            state = self._begin(stack)
            stack.enter_context(self._signals())
            notify("READY=1")
            try:
                for run in self._runs(first, state):
                    state = self._one(*run, state)
            finally:
                notify("STOPPING=1")
        counts = self.counts
        log.info("ended", bytes=counts.bytes, rows=sum(counts.rows.values()), files=counts.files,
                 dropped=sum(counts.dropped.values()))  # fmt: skip
        return _INTERRUPTED if self.interrupted else 0

    @property
    def _is_stream(self) -> bool:
        source = self.settings.input
        return source in ("", "-") or source.startswith("tcp://")

    def _first(self, stack: ExitStack) -> Any:
        # what may fail for its name does so before a folder is made
        if self.settings.listen:
            tee = Tee(self.settings, self.stop, self.counts)
            stack.callback(tee.close)
            return tee
        if self.settings.input == "-":
            return inputs.standard_input(self.stop)
        if self.settings.input.startswith("tcp://"):
            inputs.host_and_port(self.settings.input)
        return None

    def _begin(self, stack: ExitStack) -> State:
        self.folder.mkdir(parents=True, exist_ok=True)
        held = lock(self.folder)
        if held is not None:
            stack.callback(os.close, held)
        state = load(self.folder)
        recover(self.folder, state)
        if gone := sweep(self.folder):
            log.info("files that were not complete are gone", files=gone)
        if self.settings.metrics_port:
            end = metrics.serve(
                self.counts, self.settings.metrics_port, self.settings.metrics_address
            )
            stack.callback(end)
        return state

    def _runs(self, first: Any, state: State) -> Iterator[tuple[State, Any, Callable[[], Any]]]:
        # the state that each run begins with, its input, and what gives its pieces
        settings = self.settings
        if isinstance(first, Tee):
            log.info("listening", addresses=first.addresses)
            yield State(source="listen"), None, first.pieces
        elif first is not None:
            yield self._capture(State(source="-"), first)
        elif settings.input.startswith("tcp://"):
            yield from (self._capture(State(source=s.name), s) for s in self._connected())
        else:
            begin = restart.start(state, settings.input)
            follow = restart.followed(settings.input, begin, settings.idle)
            log.info("reading", input=settings.input, run=begin.state.run, how=begin.how)
            source = inputs.Growing(settings.input, self.stop, follow, settings.follow)
            yield self._capture(begin.state, source)

    def _capture(self, state: State, source: inputs.Input) -> tuple[State, Any, Any]:
        return state, source, lambda: captured(self.settings, source, state, self.counts, self.seen)

    def _connected(self) -> Iterator[inputs.Input]:
        # pcap-over-IP: each connection is a capture of its own
        wait = _BACKOFF[0]
        while not self.stop.is_set():
            try:
                source = inputs.over_ip(self.settings.input, self.stop)
            except OSError as error:
                log.warning("no input", address=self.settings.input, error=str(error), again=wait)
                self._pause(wait)
                wait = min(2 * wait, _BACKOFF[1])
                continue
            log.info("connected", address=self.settings.input)
            yield source
            if not self.stop.is_set():
                log.warning("the input has ended", address=self.settings.input, again=wait)
                self.counts.reconnects += 1
                self._pause(wait)
                wait = _BACKOFF[0] if source.position else min(2 * wait, _BACKOFF[1])

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stop.is_set():
            self._live()
            time.sleep(_LOOK)

    def _one(self, begin: State, source: Any, pieces: Callable[[], Any], before: State) -> State:
        """One run to its end; the state that is saved then."""
        if not begin.run:
            begin.run, begin.ended = before.run + 1, False
            begin.pending = list(before.pending)
        self.counts.runs += 1
        writing = Writing(self.settings, self.folder, begin, self.counts)
        queue = self._queue = Waiting(
            self.settings.queue_bytes, self.settings.policy, self._dropped
        )
        self._error = None
        thread = threading.Thread(
            target=self._decode, args=(pieces, queue), name="mmscodec-collect", daemon=True
        )
        thread.start()
        try:
            while not queue.at_end:
                self._step(queue, writing)
            if self._error is not None:
                writing.finish("the input failed")
                raise self._error
            left = source is not None and source.stopped and source.resumes
            writing.finish("stopped" if self.stop.is_set() else "end", ended=not left)
        finally:
            self.stop_decoding(queue, thread)
            writing.discard()
            if source is not None:
                source.close()
        return writing.state if writing.state.part else before

    def _step(self, queue: Waiting, writing: Writing) -> None:
        piece = queue.get(_LOOK)
        self.counts.queue_bytes = queue.bytes
        if piece is not None:
            writing.take(piece)
        if self.rotate:
            self.rotate = False
            writing.finish("SIGHUP")
        writing.due()
        self._live()

    def stop_decoding(self, queue: Waiting, thread: threading.Thread) -> None:
        """The thread ends soon, whatever it does."""
        ended = not thread.is_alive()
        queue.give_up()
        if not ended and not queue.at_end:
            self.stop.set()
        thread.join(10.0)

    def _decode(self, pieces: Callable[[], Iterator[Piece]], queue: Waiting) -> None:
        try:
            for piece in pieces():
                queue.put(piece)
        except BaseException as error:  # the other thread raises it
            self._error = error
        finally:
            queue.close()

    def _dropped(self, piece: Piece) -> None:
        self.counts.dropped["queue"] += piece.rows
        if time.monotonic() - self._said >= _LOUD:
            self._said = time.monotonic()
            so_far = self.counts.dropped["queue"]
            log.warning("rows are dropped", policy=self.settings.policy, so_far=so_far)

    def _live(self) -> None:
        if time.monotonic() - self._alive >= _ALIVE:
            self._alive = time.monotonic()
            notify("WATCHDOG=1")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = {"SIGTERM": self._term, "SIGINT": self._int, "SIGHUP": self._hup}
        before: dict[str, Any] = {}
        for name, handler in wanted.items():
            if hasattr(signal, name):
                before[name] = signal.signal(getattr(signal, name), handler)
        try:
            yield
        finally:
            for name, old in before.items():
                signal.signal(getattr(signal, name), old)

    def _term(self, *_: Any) -> None:
        self.stop.set()

    def _int(self, *_: Any) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self.stop.set()

    def _hup(self, *_: Any) -> None:
        self.rotate = True
