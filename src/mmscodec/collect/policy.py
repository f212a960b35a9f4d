"""What waits between who decodes and who writes: bounded in bytes, and dropped by a rule."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any


class Waiting:
    """A queue of things that have a `size`.

    Parameters
    ----------
    ceiling : int
        Bytes that may wait; one thing may be larger when nothing else waits.
    policy : str
        Where it is full: "block" waits, "drop-newest" drops what comes, "drop-oldest" what waits
        for longest.
    dropped : callable
        Called with each thing that is dropped.
    """

    def __init__(self, ceiling: int, policy: str, dropped: Callable[[Any], None]) -> None:
        self.ceiling, self.policy, self.dropped = ceiling, policy, dropped
        self.bytes = 0
        self._things: deque[Any] = deque()
        self._changed = threading.Condition()
        self._given_up = self._closed = False

    def put(self, thing: Any) -> None:
        """Add something, or drop by the rule; nothing is kept after `give_up`."""
        with self._changed:
            while self._full(thing):
                if self.policy == "drop-newest":
                    self.dropped(thing)
                    return
                if self.policy == "drop-oldest":
                    oldest = self._things.popleft()
                    self.bytes -= oldest.size
                    self.dropped(oldest)
                else:
                    self._changed.wait(1.0)
            if not self._given_up:
                self._things.append(thing)
                self.bytes += thing.size
                self._changed.notify_all()

    def _full(self, thing: Any) -> bool:
        waits = bool(self._things) and self.bytes + thing.size > self.ceiling
        return waits and not self._given_up

    def get(self, seconds: float) -> Any:
        """The thing that waits for longest; None when there is none within so many seconds."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._things and not self._closed:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            if not self._things:
                return None
            thing = self._things.popleft()
            self.bytes -= thing.size
            self._changed.notify_all()
            return thing

    def close(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def at_end(self) -> bool:
        """Nothing waits and nothing more comes."""
        with self._changed:
            return self._closed and not self._things

    def give_up(self) -> None:
        """Nobody takes anything any more."""
        with self._changed:
            self._given_up = True
            self._things.clear()
            self.bytes = 0
            self._changed.notify_all()
