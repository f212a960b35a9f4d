"""The command `mmscodec`, also as `python -m mmscodec`."""

from __future__ import annotations

import sys
from _thread import interrupt_main, start_new_thread
from collections.abc import Callable, Sequence
from typing import Any


def _heard_again(before: Callable[[Any], object]) -> Callable[[Any], object]:
    """A hook for errors that cannot be raised: Ctrl-C inside of one comes once more.

    Python prints and forgets what leaves `__del__` or a callback of the garbage collector. From
    another thread, so that it comes when the hook has returned.
    """

    def again() -> None:
        import signal
        import threading

        thread = threading.main_thread().ident
        if thread is not None and hasattr(signal, "pthread_kill"):  # also ends what it waits for
            signal.pthread_kill(thread, signal.SIGINT)
        else:
            interrupt_main()

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            start_new_thread(again, ())
        else:
            before(unraisable)

    return hook


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Ctrl-C ends it also while modules are being imported."""
    before = sys.unraisablehook
    try:
        sys.unraisablehook = _heard_again(before)
        from mmscodec.cli import main as run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
    finally:
        sys.unraisablehook = before


if __name__ == "__main__":
    sys.exit(main())
